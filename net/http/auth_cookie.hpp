// SPDX-License-Identifier: GPL-3.0-or-later
// The cookie that keeps the page logged in: the refresh token where no script reads it, sent by
// requests of our own page only (SameSite=Strict). Renewing, logging out and the chat's WebSocket
// upgrade read it, each after is_from_own_origin(); nothing else may (docs/decisions/0004).
// Pure functions; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "net/http/message.hpp"

namespace troupe::http {

/// Sec-Fetch-Site is the browser's own word (over https and on localhost); Origin is what older
/// browsers and plain http have. A program sends neither, and passes.
bool is_from_own_origin(const request& r);

/// The refresh token of the page that sent this; nothing without the cookie, and nothing when there
/// are two: another host of the domain, or a path, has put one beside ours.
std::optional<std::string> refresh_token_of_page(const request& r);

/// Whether there is any, to take away.
bool has_refresh_cookie(const request& r);

/// The Set-Cookie that gives the page its token for so long, or, with an empty one, takes it away.
std::string refresh_cookie(const request& r, std::string_view token, std::chrono::seconds life);

}  // namespace troupe::http
