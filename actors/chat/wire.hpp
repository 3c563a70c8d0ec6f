// SPDX-License-Identifier: GPL-3.0-or-later
// Room events and notices as the JSON of docs/chat-protocol.md. Written by hand, because an event
// is encoded once for everybody and this is several times faster than a tree of values; what comes
// out is UTF-8 whatever went in, so that one damaged row cannot close every socket of a room.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/chat/messages.hpp"

namespace troupe::chat {

/// The frame of an event, one JSON object on one line.
std::string to_json(const event& e);
std::string to_json(const stream_notice& n);
/// {"slow_mode_s":0,"followers_only_min_age_s":null}
std::string to_json(const mode& m);
/// {"message_id":…,"user_id":…,"username":"…","message":"…"}
std::string to_json(const quote& q);
/// {"user_id":…,"username":"…","role":"…"}
std::string user_json(user_id user, std::string_view username, role r);
/// What stands for a message that is gone: its own number.
std::string deleted_json(std::int64_t seq, id message_id);
/// {"type":"viewers","count":N}
std::string viewers_json(std::int64_t count);
/// {"type":"held","count":N}
std::string held_json(std::int64_t count);
/// For the author of what was held, alone.
std::string to_json(const verdict& v);
/// A string in quotes, escaped (RFC 8259 section 7). What is not UTF-8 becomes U+FFFD.
void append_quoted(std::string& out, std::string_view text);
/// "2026-01-15T10:30:00.123Z"
std::string time_text(std::int64_t unix_ms);

}  // namespace troupe::chat
