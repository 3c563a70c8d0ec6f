// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stored_entity_log.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <utility>

namespace troupe::app {
namespace {

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

result<runtime::claim_answer> answer_of(storage::claim_outcome& got, const std::string& name) {
  switch (got.verdict) {
    case storage::claim_verdict::claimed: {
      auto claimed = to_runtime(std::move(got.entity));
      claimed.before = owner_in(got.before);
      return claimed;
    }
    case storage::claim_verdict::owned_elsewhere:
    case storage::claim_verdict::moved:
      if (got.entity.epoch > 0) {
        return owner_in(got.entity);
      }
      break;
    case storage::claim_verdict::newer_version:
      return fail(errc::conflict, "newer_version",
                  "the state of " + name + " is of a later version of its kind");
    case storage::claim_verdict::not_a_member:
      return fail(errc::unavailable, "not_a_member", "this node is no member of the cluster");
    case storage::claim_verdict::contended:
      break;
  }
  return fail(errc::unavailable, "store_busy", "others claim " + name + " at this moment");
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
  {
    const std::lock_guard lock(mutex_);
    claims_.push_back({std::move(wanted), std::move(done)});
  }
  pump_claims();
}

/// While some are with the store, the others gather for the next statement: a dead node's entities
/// are taken over in a few of them.
void stored_entity_log::pump_claims() {
  auto batch = std::make_shared<claims>();
  {
    const std::lock_guard lock(mutex_);
    if (claim_jobs_ >= most_claim_jobs) {
      return;
    }
    std::set<std::string> names;  // differ within a statement
    while (!claims_.empty() && batch->wanted.size() < storage::most_claims &&
           names.insert(claims_.front().wanted.name).second) {
      batch->wanted.push_back(std::move(claims_.front().wanted));
      batch->done.push_back(std::move(claims_.front().done));
      claims_.pop_front();
    }
    if (batch->wanted.empty()) {
      return;
    }
    ++claim_jobs_;
  }
  using outcomes = std::vector<storage::claim_outcome>;
  run_on<outcomes>(
      pool_, [this, batch] { return store_.claim_batch(batch->wanted); },
      [this, batch](result<outcomes> got) { finish_claims(*batch, std::move(got)); });
}

void stored_entity_log::finish_claims(claims& batch,
                                      result<std::vector<storage::claim_outcome>> got) {
  {
    const std::lock_guard lock(mutex_);
    --claim_jobs_;
  }
  pump_claims();
  for (std::size_t i = 0; i < batch.done.size(); ++i) {
    if (got && i < got->size()) {
      batch.done[i](answer_of((*got)[i], batch.wanted[i].name));
    } else {
      batch.done[i](fail(got ? make_error(errc::internal, "the store answered for fewer names")
                             : got.error()));
    }
  }
}

void stored_entity_log::owner_of(runtime::entity_name name,
                                 callback<std::optional<runtime::entity_owner>> done) {
  using owner = std::optional<runtime::entity_owner>;
  run_on<owner>(
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
  run_on<std::vector<runtime::commit_outcome>>(
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
