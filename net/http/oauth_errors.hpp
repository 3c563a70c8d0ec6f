// SPDX-License-Identifier: GPL-3.0-or-later
// Errors of the token endpoint as OAuth 2.0 has them (RFC 6749, 5.2), for clients that speak it:
// those that send a form. All other calls, and this one with JSON, have the API's own shape.
// Thread: pure functions.
#pragma once

#include "net/http/message.hpp"

namespace troupe::http {

/// Whether the body is a form, as OAuth 2.0 clients send it.
bool is_form(const request& r);

/// An error in the API's shape becomes {"error","error_description","code"}: error is one of RFC
/// 6749's, code our own, which tells more (second_factor_required). What is wrong with credentials
/// or request is 400; 413, 429 and 5xx stay, with Retry-After. Other answers are left as they are.
response as_oauth_error(response answer);

}  // namespace troupe::http
