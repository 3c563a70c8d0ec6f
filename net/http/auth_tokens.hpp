// SPDX-License-Identifier: GPL-3.0-or-later
// What the routes of log-ins and of account changes share. Thread: any.
#pragma once

#include "actors/account/accounts.hpp"
#include "net/http/message.hpp"
#include "net/http/services.hpp"

namespace troupe::http {

/// Whom guesses of this request are counted against.
account::client client_of(const request& r);

response refuse_other_origin();

/// Answers with a log-in's tokens; by_cookie: the refresh token goes into the page's cookie.
callback<account::token_pair> answer_with_tokens(const services& s, call c, bool by_cookie);

/// The caller's own account.
response render_user(const account::user& me);

}  // namespace troupe::http
