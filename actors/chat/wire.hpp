// SPDX-License-Identifier: GPL-3.0-or-later
// Room events and notices as the JSON of docs/chat-protocol.md. Thread: pure functions.
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
/// {"type":"viewers","count":N}
std::string viewers_json(std::int64_t count);
/// {"type":"held","count":N}
std::string held_json(std::int64_t count);
/// A string in quotes, escaped (RFC 8259 section 7).
void append_quoted(std::string& out, std::string_view text);
/// "2026-01-15T10:30:00.123Z"
std::string time_text(std::int64_t unix_ms);

}  // namespace troupe::chat
