// SPDX-License-Identifier: GPL-3.0-or-later
// What the chat tables' rows look like in a SELECT, and as records. Each layout has its columns in
// one place, so that text and position cannot part.
#pragma once

#include <string>
#include <vector>

#include "storage/chat_store.hpp"
#include "storage/sql/connection.hpp"

namespace troupe::storage::sql::chat {

/// Of "chat_event e". The last two flags say whether it is gone and whether what it quotes is gone.
extern const std::string event_columns;
constexpr std::size_t event_column_count = 16;

/// The condition that an event e, a message, is not gone.
extern const std::string is_there;

/// Whose eyes the text of a gone message is for.
enum class reader : std::uint8_t { anybody, moderator };

room_event to_event(const row& r, reader who, std::size_t first = 0);
result<std::vector<room_event>> to_events(const result<std::vector<row>>& rows, reader who);

/// Of "chat_member m".
extern const std::string member_columns;
constexpr std::size_t member_column_count = 11;
member_record to_member(const row& r, std::size_t first = 0);
result<std::vector<member_record>> to_members(const result<std::vector<row>>& rows);

/// Of chat_log.
extern const std::string log_columns;
constexpr std::size_t log_column_count = 11;
moderation_entry to_log_entry(const row& r);

/// Of chat_nonce.
extern const std::string nonce_columns;
constexpr std::size_t nonce_column_count = 7;
nonce_record to_nonce(const row& r);

/// Everything but nonces that a new activation of room :room reads, as one statement with rows of
/// several sorts: the first column says which, the others are 12 numbers and 5 texts.
extern const std::string state_statement;
constexpr std::size_t state_column_count = 18;
/// Its parameters: the same room for each part.
std::vector<parameter> state_parameters(user_id room);
/// Errors: not_found when the room's row was not among them.
result<adopted_room> to_state(const std::vector<row>& rows);

}  // namespace troupe::storage::sql::chat
