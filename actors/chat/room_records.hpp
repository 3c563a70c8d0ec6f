// SPDX-License-Identifier: GPL-3.0-or-later
// Between the store's rows and what rooms, relays and HTTP speak of. Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/chat/messages.hpp"
#include "base/result.hpp"
#include "storage/chat_store.hpp"
#include "storage/stream_store.hpp"

namespace troupe::chat {

/// A message that is gone becomes one of kind deleted with its own number.
event to_event(const storage::room_event& row);
storage::room_event to_row(const event& e);

/// What everybody sees of an event whose message is gone.
void make_gone(event& e);

held to_held(const storage::held_message& row);

/// The JSON that the room keeps in its row.
struct room_memory {
  chat::mode mode;
  std::vector<word_rule> words;
};

std::string to_settings(const room_memory& m);
/// Empty text: a new room. Errors: data_corrupt.
result<room_memory> from_settings(std::string_view json);

std::string_view to_string(storage::stream_status s);

/// {"slow_mode_s":0,"followers_only_min_age_s":null}, of the log's details.
std::string details_of(const mode& m);

}  // namespace troupe::chat
