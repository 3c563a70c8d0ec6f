// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes before a response's body (RFC 9112, 4 and 5). Thread: any.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "net/http/message.hpp"

namespace troupe::net {

enum class connection_header : std::uint8_t { none, close, keep_alive, upgrade };

/// Status line, Date, the response's headers, Content-Length of its body (not for 1xx, 204 and
/// 304), Connection. Control characters in header values become spaces: no value can end a header.
shared_bytes response_head(const http::response& r, connection_header connection);

/// The same without Date, for a head that is made once and sent for days (RFC 9110, 6.6.1: a server
/// without a clock leaves it out).
shared_bytes undated_response_head(const http::response& r, connection_header connection);

std::string_view reason_phrase(int status);

}  // namespace troupe::net
