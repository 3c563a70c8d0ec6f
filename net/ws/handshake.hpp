// SPDX-License-Identifier: GPL-3.0-or-later
// The opening handshake (RFC 6455, 4.2), the server's side. Thread: pure functions.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "net/http/message.hpp"

namespace troupe::ws {

/// Sec-WebSocket-Accept for a key.
std::string accept_for(std::string_view key);

/// What Sec-WebSocket-Accept has to say, or the answer that refuses: 405, 426 (not a WebSocket, or
/// another version of it), 400 (its key).
std::expected<std::string, http::response> check_handshake(const http::request& r);

/// The answer to a request for a WebSocket's address that the server did not take for a handshake.
http::response answer_to_no_handshake(const http::request& r);

}  // namespace troupe::ws
