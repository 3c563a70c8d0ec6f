// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/pace.hpp"

#include <algorithm>

namespace troupe::chat {

duration pace::wait_for_rate(user_id user, std::size_t most, steady_time now) {
  const auto found = by_user_.find(user);
  if (found == by_user_.end() || most == 0) {
    return duration::zero();
  }
  auto& recent = found->second->recent;
  std::erase_if(recent, [&](steady_time at) { return now - at >= window_; });
  if (recent.size() < most) {
    return duration::zero();
  }
  return recent[recent.size() - most] + window_ - now;
}

duration pace::wait_for_gap(user_id user, duration gap, steady_time now) const {
  const auto found = by_user_.find(user);
  if (found == by_user_.end() || !found->second->said) {
    return duration::zero();
  }
  return std::max(duration::zero(), *found->second->said + gap - now);
}

pace::entry& pace::touch(user_id user, steady_time at) {
  forget(at);
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) {
    by_silence_.push_back({user, at, {}, {}});
    by_user_.emplace(user, std::prev(by_silence_.end()));
  } else {
    by_silence_.splice(by_silence_.end(), by_silence_, found->second);
  }
  auto& here = by_silence_.back();
  here.last = at;
  return here;
}

void pace::said(user_id user, steady_time at, std::size_t most) {
  tried(user, at, most);
  by_user_.at(user)->said = at;
}

void pace::tried(user_id user, steady_time at, std::size_t most) {
  auto& recent = touch(user, at).recent;
  recent.push_back(at);
  if (recent.size() > most) {
    recent.erase(recent.begin());
  }
}

void pace::remember(user_id user, steady_time said_at, steady_time now) {
  auto& here = touch(user, now);
  here.said = std::max(here.said.value_or(said_at), said_at);
}

void pace::forget(steady_time now) {
  while (!by_silence_.empty() && (by_silence_.size() > user_limit_ ||
                                  now - by_silence_.front().last >= std::max(window_, kept_))) {
    by_user_.erase(by_silence_.front().user);
    by_silence_.pop_front();
  }
}

}  // namespace troupe::chat
