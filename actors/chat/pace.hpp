// SPDX-License-Identifier: GPL-3.0-or-later
// Who said how much lately: the limit of messages in a time, and slow mode. Remembers only users
// who spoke within the window; bounded: beyond it the longest silent are forgotten.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe::chat {

class pace {
 public:
  pace(duration window, std::size_t user_limit) : window_(window), user_limit_(user_limit) {}

  /// The gap that wait_for_gap() will be asked about: users are remembered for so long.
  void remember_for(duration gap) { kept_ = gap; }

  /// How long user must wait to say one more, when `most` may be said within the window (0: no
  /// limit) and `gap` must lie between two. Zero: now.
  duration wait_for_rate(user_id user, std::size_t most, steady_time now);
  duration wait_for_gap(user_id user, duration gap, steady_time now) const;
  void said(user_id user, steady_time at, std::size_t most);
  /// Refused after it cost something: counts against the rate, not for the gap.
  void tried(user_id user, steady_time at, std::size_t most);
  /// As found out later: for the gap alone.
  void remember(user_id user, steady_time said_at, steady_time now);

  std::size_t users() const { return by_user_.size(); }

 private:
  struct entry {
    user_id user = 0;
    steady_time last;  // of anything
    std::optional<steady_time> said;
    std::vector<steady_time> recent;
  };

  entry& touch(user_id user, steady_time at);
  void forget(steady_time now);

  duration window_;
  duration kept_{};
  std::size_t user_limit_;
  std::list<entry> by_silence_;  // longest silent first
  std::unordered_map<user_id, std::list<entry>::iterator> by_user_;
};

}  // namespace troupe::chat
