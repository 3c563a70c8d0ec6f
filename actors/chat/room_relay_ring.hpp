// SPDX-License-Identifier: GPL-3.0-or-later
// The last events of a room as this node's sockets get them: encoded once, dense in their numbers,
// with what was deleted or cleared since standing as gone, also where it is quoted. Thread: one at
// a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "actors/chat/broadcaster.hpp"
#include "actors/chat/messages.hpp"
#include "base/bytes.hpp"

namespace troupe::chat {

constexpr std::size_t ring_size = 100;       // design.md section 5; the room keeps as many
constexpr std::size_t recent_messages = 20;  // what a client without `after` gets

class relay_ring {
 public:
  /// The number of the newest event; 0 before the first.
  std::int64_t last() const { return last_; }

  /// The number of the oldest event here; last() + 1 when there is none.
  std::int64_t first() const { return last_ + 1 - static_cast<std::int64_t>(entries_.size()); }

  /// Forgets everything; the next event is last + 1.
  void restart(std::int64_t last);

  /// Takes the event numbered last() + 1.
  void append(const event& e);

  /// What goes to the sockets of an event that is here: taken when all that came together is
  /// appended, it says nothing that is gone by then.
  broadcast at(std::int64_t seq) const;

  /// From the 20th last message that still stands on, or all when there are fewer: JSON objects
  /// with commas between them. The same bytes until the next append().
  const shared_bytes& recent() const;

  /// Everything above seq, which is at least first() - 1.
  shared_bytes after(std::int64_t seq) const;

  /// Calls f(number, JSON) for each, oldest first.
  template <class F>
  void for_each(F f) const {
    auto seq = first();
    for (const auto& each : entries_) {
      f(seq++, each.json.view());
    }
  }

 private:
  struct entry {
    id message_id = 0;  // of a message that stands; else 0
    user_id author = 0;
    shared_bytes json;
    std::unique_ptr<event> reply;  // of a reply whose quote has a text, to say it without
  };

  /// deleted or cleared: what it is about, and what quotes that, is gone from here on.
  void remove(const event& by);
  shared_bytes text_from(std::size_t index) const;

  std::deque<entry> entries_;  // dense: the last one is last_
  std::int64_t last_ = 0;
  mutable std::optional<shared_bytes> recent_;
};

}  // namespace troupe::chat
