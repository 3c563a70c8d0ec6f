// SPDX-License-Identifier: GPL-3.0-or-later
// Rooms and what is written to them, for the tests of chat_store.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/storage/store_fixture.hpp"

namespace troupe::storage::test {

/// A room as its activation keeps it: hands out numbers and ids, and makes writes.
class room_writer {
 public:
  room_writer(fresh_store& store, user_id room, std::int64_t epoch)
      : store_(store), room_(room), epoch_(epoch) {}

  /// A write with this many messages of one user, numbered on.
  room_write say(user_id user, const std::vector<std::string>& texts) {
    auto w = nothing();
    for (const auto& text : texts) {
      w.events.push_back(message(user, text));
    }
    return finish(std::move(w));
  }

  room_event message(user_id user, const std::string& text) {
    room_event e = event(room_event_kind::message, user);
    e.message_id = ++last_message_id;
    e.text = text;
    e.nonce = "n" + std::to_string(e.seq);
    return e;
  }

  room_event event(room_event_kind kind, user_id user) {
    room_event e;
    e.seq = ++last_seq;
    e.kind = kind;
    e.user = user;
    e.username = "user" + std::to_string(user);
    e.created_at = store_.time.wall();
    return e;
  }

  room_write nothing() const {
    room_write w;
    w.room = room_;
    w.epoch = epoch_;
    w.last_seq = last_seq;
    w.last_message_id = last_message_id;
    return w;
  }

  room_write finish(room_write w) const {
    w.last_seq = last_seq;
    w.last_message_id = last_message_id;
    return w;
  }

  /// Writes this alone; it must be taken.
  void commit(const room_write& w) {
    const auto done = store_->chat().append({&w, 1});
    INFO((done ? std::string() : done.error().message));
    REQUIRE(done);
    REQUIRE(done->front() == room_outcome::ok);
  }

  std::int64_t last_seq = 0;
  id last_message_id = 1000;

 private:
  fresh_store& store_;
  user_id room_;
  std::int64_t epoch_;
};

/// Users 1 to `users`, each with a room adopted at epoch 1.
inline void open_rooms(fresh_store& store, int rooms) {
  for (int i = 1; i <= rooms; ++i) {
    user_record user;
    user.id = i;
    user.username = user.email = "user" + std::to_string(i);
    user.created_at = store.time.wall();
    const auto digest = static_cast<std::uint8_t>(i % 256);
    REQUIRE(store->users().add(
        user, {user.username, user.email + "@", {}, {digest, static_cast<std::uint8_t>(i / 256)}}));
    const auto adopted = store->chat().adopt(i, 1, store.time.wall());
    INFO((adopted ? std::string() : adopted.error().message));
    REQUIRE(adopted);
  }
}

inline member_record member_of(user_id user) {
  member_record m;
  m.user = user;
  m.username = "user" + std::to_string(user);
  return m;
}

inline held_message held_of(id message_id, const std::string& text) {
  held_message h;
  h.message_id = message_id;
  h.user = 4;
  h.username = "user4";
  h.text = text;
  return h;
}

inline moderation_entry log_of(id log_id, const std::string& action) {
  moderation_entry l;
  l.log_id = log_id;
  l.action = action;
  return l;
}

inline std::vector<std::int64_t> seqs_of(const std::vector<room_event>& events) {
  std::vector<std::int64_t> seqs;
  seqs.reserve(events.size());
  for (const auto& e : events) {
    seqs.push_back(e.seq);
  }
  return seqs;
}

inline std::vector<std::string> texts_of(const std::vector<room_event>& events) {
  std::vector<std::string> texts;
  texts.reserve(events.size());
  for (const auto& e : events) {
    texts.push_back(e.text);
  }
  return texts;
}

inline std::vector<room_event> all_events(fresh_store& store, user_id room) {
  history_request r;
  r.room = room;
  r.after_seq = 0;
  r.limit = 100000;
  r.only_messages = false;
  const auto events = store->chat().history(r);
  INFO((events ? std::string() : events.error().message));
  REQUIRE(events);
  return *events;
}

}  // namespace troupe::storage::test
