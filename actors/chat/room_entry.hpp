// SPDX-License-Identifier: GPL-3.0-or-later
// What passes through a room on its way to the store: a message being checked, a change that is
// decided, and the batch that is on its way. Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/chat/messages.hpp"
#include "base/clock.hpp"
#include "runtime/context.hpp"
#include "runtime/later.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

/// Held by everything that waits in a room; the room counts them.
using ticket = std::shared_ptr<const int>;

/// A message whose author waits while it is checked.
struct draft {
  post said;
  runtime::promise<posted> answer;
  ticket held_place;
  steady_time deadline;
  std::string digest;
  std::string text;     // normalised, masked
  std::string held_by;  // the word that holds it
  role author_role = role::user;
  std::optional<quote> reply_to;
  std::optional<result<event>> original;  // what it replies to, as it was read from the store
};

/// What readers are told: the settings as they are stored, while checks go by the newest.
struct shown_settings {
  chat::mode mode;
  std::vector<word_rule> words;
  std::set<user_id> moderators;

  void learn(const event& e) {
    if (e.kind == event_kind::mode) {
      mode = e.mode;
    } else if (e.kind == event_kind::role && e.author_role == role::moderator) {
      moderators.insert(e.user);
    } else if (e.kind == event_kind::role) {
      moderators.erase(e.user);
    }
  }
};

/// Decided, applied to the room's memory, and not known to be stored. Either a message or what a
/// command does.
struct room_entry {
  std::vector<event> events;  // numbers and message ids come with the batch
  std::optional<storage::nonce_record> nonce;
  std::optional<storage::held_message> held;
  std::vector<id> gone_messages;
  std::vector<user_id> cleared;
  std::vector<storage::member_record> members;
  std::optional<std::string> settings;
  std::optional<std::vector<word_rule>> words;  // that settings holds, when these changed
  std::vector<id> decided;
  std::vector<verdict> verdicts;  // told when it is stored
  std::vector<storage::moderation_entry> log;

  /// A message: its author, and whoever repeated the nonce meanwhile.
  std::vector<runtime::promise<posted>> authors;
  /// A command: called once, when it is stored.
  std::move_only_function<void(runtime::context&)> done;
  ticket held_place;
  steady_time deadline;
  bool is_message = false;  // may be withdrawn; a command is finished once it was begun
};

/// The one batch of a room that is on its way.
struct room_flight {
  std::vector<room_entry> entries;
  std::shared_ptr<const storage::room_write> write;
  bool is_unknown = false;  // it may be stored: to be read back before anything else
};

}  // namespace troupe::chat
