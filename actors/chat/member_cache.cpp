// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/member_cache.hpp"

#include <utility>

namespace troupe::chat {

storage::member_record* member_cache::find(user_id user) {
  const auto found = by_user_.find(user);
  if (found == by_user_.end()) {
    return nullptr;
  }
  by_use_.splice(by_use_.end(), by_use_, found->second);
  return &found->second->record;
}

storage::member_record& member_cache::put(storage::member_record record) {
  const auto user = record.user;
  if (auto* known = find(user); known != nullptr) {
    *known = std::move(record);
    return *known;
  }
  by_use_.push_back({std::move(record), 0, {}});
  by_user_.emplace(user, std::prev(by_use_.end()));
  shrink();
  return by_use_.back().record;
}

steady_time member_cache::read_at(user_id user) const {
  const auto found = by_user_.find(user);
  return found != by_user_.end() ? found->second->read_at : steady_time();
}

void member_cache::was_read(user_id user, steady_time at) {
  if (const auto found = by_user_.find(user); found != by_user_.end()) {
    found->second->read_at = at;
  }
}

void member_cache::pin(user_id user) {
  if (const auto found = by_user_.find(user); found != by_user_.end()) {
    ++found->second->pins;
  }
}

void member_cache::unpin(user_id user) {
  if (const auto found = by_user_.find(user); found != by_user_.end() && found->second->pins > 0) {
    --found->second->pins;
    shrink();
  }
}

void member_cache::shrink() {
  // Never the newest: its user is being served. Pinned ones are bounded by the room's commands.
  for (auto at = by_use_.begin(); by_user_.size() > limit_ && at != std::prev(by_use_.end());) {
    if (at->pins > 0) {
      ++at;
      continue;
    }
    by_user_.erase(at->record.user);
    at = by_use_.erase(at);
  }
}

}  // namespace troupe::chat
