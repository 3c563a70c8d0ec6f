// SPDX-License-Identifier: GPL-3.0-or-later
// Puts the relational store's table of nodes behind membership: neither folder knows the other.
// A vote is looked at before the change that relies on it, in a call of its own: that is as good as
// in one, because no change is begun that could still be carried out membership_call_limit after it
// was asked for, and who withdraws a vote counts it for so long (membership, "settled").
// Thread: as membership_store; callbacks run on the pool's threads, or at once when it has no room.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/worker_pool.hpp"
#include "runtime/cluster/membership_store.hpp"
#include "storage/cluster_store.hpp"

namespace troupe::app {

class stored_membership final : public runtime::membership_store {
 public:
  /// All must live longer. The pool is for this alone: what else is asked of the store must not
  /// cost a node its right to own. version: the program's.
  stored_membership(storage::cluster_store& store, worker_pool& pool, const clock& time,
                    std::string version)
      : store_(store), pool_(pool), time_(time), version_(std::move(version)) {}

  void read(callback<runtime::node_table> done) override;
  void join(runtime::join_request what, callback<runtime::join_answer> done) override;
  void change(runtime::state_change what, callback<runtime::node_table> done) override;
  void vote(runtime::vote_request what, callback<runtime::node_table> done) override;

  /// What that incarnation makes ids with; nothing: this process did not join as it.
  std::optional<unsigned> id_number(std::uint64_t incarnation) const;
  /// From now on it does not join: this process is about to begin anew.
  void refuse_joins();

 private:
  result<runtime::node_table> table();
  result<runtime::join_answer> join_now(const runtime::join_request& what);
  result<runtime::node_table> change_now(const runtime::state_change& what);
  result<runtime::node_table> vote_now(const runtime::vote_request& what);
  template <class T, class Job>
  void on_pool(Job job, callback<T> done);

  storage::cluster_store& store_;
  worker_pool& pool_;
  const clock& time_;
  const std::string version_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, unsigned> numbers_;  // one, mostly: a process joins anew after its death
  bool refuses_joins_ = false;
};

}  // namespace troupe::app
