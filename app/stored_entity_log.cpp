// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stored_entity_log.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

namespace troupe::app {
namespace {

/// Runs job() -> result<T> on the pool and hands its value to done.
template <class T, class Job>
void on_pool(worker_pool& pool, Job job, callback<T> done) {
  auto answer = std::make_shared<callback<T>>(std::move(done));
  if (!pool.submit([answer, job = std::move(job)]() mutable { (*answer)(job()); })) {
    (*answer)(fail(errc::unavailable, "queue_full", "too many requests wait for the store"));
  }
}

runtime::stored_entity to_runtime(storage::entity_record row) {
  return {.epoch = static_cast<std::uint64_t>(row.epoch),
          .committed = row.version > 0,
          .kind_version = static_cast<std::uint32_t>(row.kind_version),
          .state = std::move(row.state),
          .answers = std::move(row.answers)};
}

/// The owner's node and epoch, of whatever the store calls them in.
template <class Row>
runtime::entity_owner owner_in(const Row& row) {
  return {.node = row.owner,
          .incarnation = static_cast<std::uint64_t>(row.incarnation),
          .epoch = static_cast<std::uint64_t>(row.epoch)};
}

result<runtime::claim_answer> claim_in(storage::entity_store& store,
                                       const storage::entity_claim& wanted) {
  auto claimed = store.claim_batch(std::span(&wanted, 1));
  if (!claimed) {
    return fail(std::move(claimed.error()));
  }
  auto& got = claimed->front();
  switch (got.verdict) {
    case storage::claim_verdict::claimed:
      return to_runtime(std::move(got.entity));
    case storage::claim_verdict::owned_elsewhere:
    case storage::claim_verdict::moved:
      if (got.entity.epoch > 0) {
        return owner_in(got.entity);
      }
      break;
    case storage::claim_verdict::newer_version:
      return fail(errc::conflict, "newer_version",
                  "the state of " + wanted.name + " is of a later version of its kind");
    case storage::claim_verdict::not_a_member:
      return fail(errc::unavailable, "not_a_member", "this node is no member of the cluster");
    case storage::claim_verdict::contended:
      break;
  }
  return fail(errc::unavailable, "store_busy", "others claim " + wanted.name + " at this moment");
}

storage::entity_write to_storage(runtime::commit_entry entry) {
  return {.name = runtime::to_string(entry.name),
          .epoch = static_cast<std::int64_t>(entry.epoch),
          .kind_version = static_cast<int>(entry.kind_version),
          .state = std::move(entry.state),
          .answers = std::move(entry.answers)};
}

}  // namespace

void stored_entity_log::claim(runtime::claim_request request,
                              callback<runtime::claim_answer> done) {
  storage::entity_claim wanted{.name = runtime::to_string(request.name),
                               .owner = std::move(request.owner),
                               .incarnation = static_cast<std::int64_t>(request.incarnation),
                               .kind_version = static_cast<int>(request.kind_version),
                               .expected_epoch = std::nullopt};
  if (request.expected_epoch) {
    wanted.expected_epoch = static_cast<std::int64_t>(*request.expected_epoch);
  }
  on_pool<runtime::claim_answer>(
      pool_, [this, wanted = std::move(wanted)] { return claim_in(store_, wanted); },
      std::move(done));
}

void stored_entity_log::owner_of(runtime::entity_name name,
                                 callback<std::optional<runtime::entity_owner>> done) {
  using owner = std::optional<runtime::entity_owner>;
  on_pool<owner>(
      pool_,
      [this, name = runtime::to_string(name)]() -> result<owner> {
        const auto rows = store_.owner_of(std::span(&name, 1));
        if (!rows) {
          return fail(rows.error());
        }
        return rows->empty() ? owner() : owner_in(rows->front());
      },
      std::move(done));
}

void stored_entity_log::commit(std::vector<runtime::commit_entry> batch,
                               callback<std::vector<runtime::commit_outcome>> done) {
  std::vector<storage::entity_write> writes;
  writes.reserve(batch.size());
  for (auto& entry : batch) {
    writes.push_back(to_storage(std::move(entry)));
  }
  on_pool<std::vector<runtime::commit_outcome>>(
      pool_,
      [this, writes = std::move(writes)]() -> result<std::vector<runtime::commit_outcome>> {
        const auto rows = store_.commit_batch(writes);
        if (!rows) {
          return fail(rows.error());
        }
        std::vector<runtime::commit_outcome> out;
        std::ranges::transform(
            *rows, std::back_inserter(out), [](const storage::commit_outcome& o) {
              return o.committed ? runtime::commit_outcome::ok : runtime::commit_outcome::fenced;
            });
        return out;
      },
      std::move(done));
}

}  // namespace troupe::app
