// SPDX-License-Identifier: GPL-3.0-or-later
// What a socket alone is told, as the JSON of docs/chat-protocol.md; what everybody is told comes
// from chat/wire. Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/viewer/messages.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"

namespace troupe::ws {

/// A frame in pieces, because everybody who joins has the same bytes of history. who.user 0: read
/// only.
std::vector<shared_bytes> welcome_frame(const viewer::opened& o, std::string_view resume,
                                        const chat::speaker& who);
std::string authenticated_json(const viewer::person& who, const viewer::authenticated& as);
std::string ack_json(std::string_view nonce, const chat::posted& said);
std::string pending_json(std::string_view nonce);
/// nonce empty: none.
std::string error_json(std::string_view nonce, std::string_view code, std::string_view message,
                       std::int64_t retry_after_ms = 0);
/// Why a message was not said. What went wrong between here and the room is unavailable.
std::string refusal_json(std::string_view nonce, const error& why);
std::string resume_json(std::string_view resume);
std::string reconnect_json(std::string_view resume, std::int64_t after_ms);

constexpr std::string_view ping_json = R"({"type":"ping"})";
constexpr std::string_view pong_json = R"({"type":"pong"})";
constexpr std::string_view token_expired_json = R"({"type":"token_expired"})";

}  // namespace troupe::ws
