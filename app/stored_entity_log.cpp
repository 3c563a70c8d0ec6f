// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stored_entity_log.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
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

storage::entity_write to_storage(runtime::commit_entry entry) {
  return {.name = runtime::to_string(entry.name),
          .epoch = static_cast<std::int64_t>(entry.epoch),
          .kind_version = static_cast<int>(entry.kind_version),
          .state = std::move(entry.state),
          .answers = std::move(entry.answers)};
}

}  // namespace

void stored_entity_log::claim(runtime::claim_request request,
                              callback<runtime::stored_entity> done) {
  storage::entity_claim wanted{.name = runtime::to_string(request.name),
                               .owner = std::move(request.owner),
                               .incarnation = static_cast<std::int64_t>(request.incarnation),
                               .kind_version = static_cast<int>(request.kind_version),
                               .expected_epoch = std::nullopt};
  on_pool<runtime::stored_entity>(
      pool_, [this, wanted = std::move(wanted)] { return map(store_.claim(wanted), to_runtime); },
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
