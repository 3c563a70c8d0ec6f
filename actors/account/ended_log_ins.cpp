// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/ended_log_ins.hpp"

#include <algorithm>
#include <mutex>

namespace troupe::account {

namespace {

/// Clocks of nodes may differ by as much.
constexpr auto clock_slack = std::chrono::seconds(60);

}  // namespace

ended_log_ins::ended_log_ins(std::chrono::seconds life, std::size_t most, metrics& m)
    : life_(life),
      most_(std::max<std::size_t>(1, most)),
      evicted_(m.make_counter("troupe_ended_log_ins_evicted_total",
                              "Log-outs everywhere forgotten early, at a bound: all tokens as old "
                              "were refused instead")) {}

void ended_log_ins::add(user_id user, std::int64_t generation, wall_time at) {
  const std::unique_lock lock(mutex_);
  const auto known = by_user_.find(user);
  if (known != by_user_.end()) {
    if (known->second.generation >= generation) {
      return;
    }
    const auto [first, last] = by_time_.equal_range(known->second.at);
    by_time_.erase(std::find_if(first, last, [&](const auto& e) { return e.second == user; }));
    known->second = {generation, at};
  } else {
    by_user_.emplace(user, entry{generation, at});
  }
  by_time_.emplace(at, user);
  if (by_user_.size() > most_) {
    const auto oldest = by_time_.begin();
    all_before_ = std::max(all_before_, oldest->first);
    by_user_.erase(oldest->second);
    by_time_.erase(oldest);
    evicted_.add();
  }
}

bool ended_log_ins::has_ended(const identity& who) const {
  const std::shared_lock lock(mutex_);
  if (all_before_ > wall_time{} && who.expires_at <= all_before_ + life_) {
    return true;
  }
  const auto known = by_user_.find(who.id);
  return known != by_user_.end() && who.generation < known->second.generation;
}

void ended_log_ins::forget(wall_time now) {
  const std::unique_lock lock(mutex_);
  while (!by_time_.empty() && by_time_.begin()->first + life_ + clock_slack <= now) {
    by_user_.erase(by_time_.begin()->second);
    by_time_.erase(by_time_.begin());
  }
}

std::size_t ended_log_ins::size() const {
  const std::shared_lock lock(mutex_);
  return by_user_.size();
}

}  // namespace troupe::account
