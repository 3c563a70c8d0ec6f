// SPDX-License-Identifier: GPL-3.0-or-later
// An entity_log in memory that a test can hold, break and look into. Without set_members() it is
// the store of a single node: every claim succeeds. Thread: any thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/entity_log.hpp"

namespace troupe::runtime::testing {

class memory_entity_log final : public entity_log {
 public:
  /// The nodes that are joining, active or draining: whom nobody takes a name from.
  using live_members = std::set<std::pair<std::string, std::uint64_t>>;
  void set_members(live_members live);

  void claim(claim_request request, callback<claim_answer> done) override;
  void owner_of(entity_name name, callback<std::optional<entity_owner>> done) override;
  void commit(std::vector<commit_entry> batch, callback<std::vector<commit_outcome>> done) override;

  /// held: calls wait until release() carries out the oldest; a held call has not happened yet.
  void hold(bool held);
  /// False when none waits.
  bool release();
  std::size_t held() const;

  /// The next commits fail: before they are written, or after (the answer is lost).
  void fail_commits(int count, bool after_write = false);
  void fail_claims(int count);

  std::optional<stored_entity> stored(const entity_name& name) const;
  std::size_t commits() const;        ///< batches written
  std::size_t largest_batch() const;  ///< entries of the largest one

 private:
  using call = std::move_only_function<void()>;

  void carry_out(call c);
  void do_claim(const claim_request& request, callback<claim_answer> done);
  claim_answer swap(const claim_request& request);
  void do_commit(std::vector<commit_entry> batch, callback<std::vector<commit_outcome>> done);
  std::vector<commit_outcome> write(std::vector<commit_entry> batch);

  mutable std::mutex mutex_;
  std::map<entity_name, stored_entity> rows_;
  std::map<entity_name, entity_owner> owners_;
  live_members live_;
  bool is_held_ = false;
  std::deque<call> waiting_;
  int commits_to_fail_ = 0;
  bool fail_after_write_ = false;
  int claims_to_fail_ = 0;
  std::size_t commits_ = 0;
  std::size_t largest_batch_ = 0;
};

}  // namespace troupe::runtime::testing
