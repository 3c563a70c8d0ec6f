// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/room_removals.hpp"

#include <algorithm>

namespace troupe::chat {

void removals::settle(const std::vector<id>& messages, const std::vector<user_id>& users, id last) {
  const auto settle_one = [&](id message_id, user_id user) {
    const auto found = std::ranges::find_if(pending_, [&](const removal& r) {
      return !r.last && r.message_id == message_id && r.user == user;
    });
    if (found == pending_.end()) {
      return;
    }
    found->last = last;
    found->begun_until = begun_ + 1;
    if (reading_.empty()) {
      pending_.erase(found);
    }
  };
  for (const auto message_id : messages) {
    settle_one(message_id, 0);
  }
  for (const auto user : users) {
    settle_one(0, user);
  }
}

bool removals::has(id message_id, user_id author) const {
  return std::ranges::any_of(pending_, [&](const removal& r) {
    return r.user != 0 ? r.user == author && (!r.last || message_id <= *r.last)
                       : r.message_id == message_id;
  });
}

bool removals::has_pending(id message_id) const {
  return std::ranges::any_of(pending_, [&](const removal& r) {
    return !r.last && r.message_id != 0 && r.message_id == message_id;
  });
}

std::uint64_t removals::begin_reading() {
  reading_.insert(++begun_);
  return begun_;
}

void removals::end_reading(std::uint64_t number) {
  reading_.erase(number);
  const auto oldest = reading_.empty() ? begun_ + 1 : *reading_.begin();
  std::erase_if(pending_, [&](const removal& r) { return r.last && r.begun_until <= oldest; });
}

}  // namespace troupe::chat
