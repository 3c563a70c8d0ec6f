// SPDX-License-Identifier: GPL-3.0-or-later
// What the routes of log-ins and of account changes share. Thread: any.
#pragma once

#include <chrono>

#include <boost/json/object.hpp>

#include "actors/account/accounts.hpp"
#include "net/http/message.hpp"
#include "net/http/services.hpp"

namespace troupe::http {

/// Whom guesses of this request are counted against.
account::client client_of(const request& r);

response refuse_other_origin();

/// How a log-in's tokens are told: the refresh token in the body, or in the page's cookie.
struct token_delivery {
  bool by_cookie = false;
  std::chrono::seconds cookie_life{};
};

/// body: what is said besides.
response token_response(const request& r, const account::token_pair& made, token_delivery how,
                        boost::json::object body = {});

/// Answers with a log-in's tokens; by_cookie: the refresh token goes into the page's cookie.
callback<account::token_pair> answer_with_tokens(const services& s, call c, bool by_cookie);

/// The caller's own account.
response render_user(const account::user& me);

}  // namespace troupe::http
