// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the relational store behind the runtime's entity_log: neither folder knows the other.
// Thread: as entity_log; callbacks run on the pool's threads, or at once when the pool has no room.
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "base/worker_pool.hpp"
#include "runtime/entity_log.hpp"
#include "storage/entity_store.hpp"

namespace troupe::app {

class stored_entity_log final : public runtime::entity_log {
 public:
  /// Both must live longer.
  stored_entity_log(storage::entity_store& store, worker_pool& pool) : store_(store), pool_(pool) {}

  void claim(runtime::claim_request request, callback<runtime::claim_answer> done) override;
  void owner_of(runtime::entity_name name,
                callback<std::optional<runtime::entity_owner>> done) override;
  void commit(std::vector<runtime::commit_entry> batch,
              callback<std::vector<runtime::commit_outcome>> done) override;

 private:
  /// With the store at once; further ones gather.
  static constexpr std::size_t most_claim_jobs = 2;

  struct waiting_claim {
    storage::entity_claim wanted;
    callback<runtime::claim_answer> done;
  };

  struct claims {
    std::vector<storage::entity_claim> wanted;
    std::vector<callback<runtime::claim_answer>> done;
  };

  void pump_claims();
  void finish_claims(claims& batch, result<std::vector<storage::claim_outcome>> got);

  storage::entity_store& store_;
  worker_pool& pool_;
  std::mutex mutex_;
  std::deque<waiting_claim> claims_;  // at most one of an entity
  std::size_t claim_jobs_ = 0;
};

}  // namespace troupe::app
