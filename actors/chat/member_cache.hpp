// SPDX-License-Identifier: GPL-3.0-or-later
// What the room read of its users from the store, as its own commands have changed it since.
// Bounded: the longest unused go, except those whose change is not stored yet. Thread: one at a
// time.
#pragma once

#include <cstddef>
#include <list>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

class member_cache {
 public:
  explicit member_cache(std::size_t limit) : limit_(limit) {}

  /// Valid until the next put() or unpin(). Counts as use.
  storage::member_record* find(user_id user);
  storage::member_record& put(storage::member_record record);
  /// When its follow was last read; long ago when it is not here.
  steady_time read_at(user_id user) const;
  void was_read(user_id user, steady_time at);
  /// Its change is on its way to the store; may be called several times.
  void pin(user_id user);
  void unpin(user_id user);

  std::size_t size() const { return by_user_.size(); }

 private:
  struct entry {
    storage::member_record record;
    std::size_t pins = 0;
    steady_time read_at;
  };

  void shrink();

  std::size_t limit_;
  std::list<entry> by_use_;  // longest unused first
  std::unordered_map<user_id, std::list<entry>::iterator> by_user_;
};

}  // namespace troupe::chat
