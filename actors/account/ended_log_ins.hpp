// SPDX-License-Identifier: GPL-3.0-or-later
// Who ended all log-ins of late: what makes access tokens end before their time, without a store
// access for each. Kept as long as a token lives, in a table that is bounded: when it is full the
// oldest goes, and every token as old as that is refused, so that their owners renew. Thread: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <shared_mutex>
#include <unordered_map>

#include "actors/account/accounts.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace troupe::account {

class ended_log_ins {
 public:
  /// life: of an access token. most: users remembered.
  ended_log_ins(std::chrono::seconds life, std::size_t most, metrics& m);

  /// Tokens of the user from before this generation end. at: when, by the store's word.
  void add(user_id user, std::int64_t generation, wall_time at);
  bool has_ended(const identity& who) const;
  /// Lets go what no living token can be from before.
  void forget(wall_time now);
  std::size_t size() const;

 private:
  struct entry {
    std::int64_t generation = 0;
    wall_time at;
  };

  const std::chrono::seconds life_;
  const std::size_t most_;
  metrics::counter& evicted_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<user_id, entry> by_user_;
  std::multimap<wall_time, user_id> by_time_;
  wall_time all_before_{};  // tokens made until then are refused, whoever's they are
};

}  // namespace troupe::account
