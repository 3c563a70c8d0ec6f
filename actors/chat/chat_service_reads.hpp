// SPDX-License-Identifier: GPL-3.0-or-later
// What chat_service reads from the store, as the lists and pages that HTTP gives out.
// Thread: any that may block.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "actors/chat/chats.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

/// Where a page of bans ended: when the last one was made, and who it is.
using ban_key = std::pair<wall_time, user_id>;

std::string ban_cursor(const ban_key& last);
std::optional<ban_key> parse_ban_cursor(std::string_view cursor);

/// A row of the store does not tell a channel nobody spoke in from one that does not exist; this
/// does. Errors: not_found, and the store's.
result<void> require_channel(storage::chat_store& store, user_id channel);

/// Errors of all: not_found (no such channel, or user), and the store's.
result<history_page> read_history(storage::chat_store& store, user_id channel,
                                  const history_query& query);
result<std::vector<moderator>> read_moderators(storage::chat_store& store, user_id channel);
result<page<ban>> read_bans(storage::chat_store& store, user_id channel, wall_time now, int limit,
                            std::optional<ban_key> before);
result<page<log_entry>> read_log(storage::chat_store& store, user_id channel, int limit,
                                 std::optional<id> before);
result<member_card> read_card(storage::chat_store& store, user_id channel, user_id user,
                              wall_time now);

}  // namespace troupe::chat
