// SPDX-License-Identifier: GPL-3.0-or-later
// Whether somebody may write in a channel at all, before any message of theirs is looked at: by the
// room, for each message, and by viewer sessions, for whoever opens the page. Thread: pure
// functions.
#pragma once

#include <optional>

#include "actors/chat/messages.hpp"
#include "base/clock.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

/// Of a user without a role in the channel.
std::optional<refusal> ban_of(const storage::member_record& who, wall_time now);
std::optional<refusal> follow_refusal_of(const storage::member_record& who, const mode& m,
                                         wall_time now);
/// Both, in the order in which they are told.
permission permission_of(const storage::member_record& who, const mode& m, wall_time now);

}  // namespace troupe::chat
