// SPDX-License-Identifier: GPL-3.0-or-later
// How answers look: JSON, errors as {"error":{"code","message"}}, and the one mapping from errors
// to statuses. Pure functions; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/fwd.hpp>

#include "base/callback.hpp"
#include "base/error.hpp"
#include "net/http/message.hpp"

namespace troupe::http {

int status_of(errc code);

response json_response(int status, const boost::json::value& body);

/// What went wrong in us or in the store is logged and not told. 429 and 503 get a Retry-After
/// (default below).
response error_response(const error& e,
                        std::optional<std::chrono::seconds> retry_after = std::nullopt);

/// For errors that are not a class of errc: 405, 415.
response error_response(int status, std::string_view code, const std::string& message);

response text_response(int status, std::string content_type, std::string_view body);

/// Without a body.
response empty_response(int status);

/// A facade's callback that answers a request: errors by error_response, values by render, which
/// makes a response of a T.
template <class T, class Render>
callback<T> answer_with(responder answer, Render render) {
  return [answer = std::move(answer), render = std::move(render)](result<T> outcome) mutable {
    answer(outcome ? render(*std::move(outcome)) : error_response(outcome.error()));
  };
}

/// 204 where there is nothing to say but that it is done.
callback<void> answer_with_nothing(responder answer);

}  // namespace troupe::http
