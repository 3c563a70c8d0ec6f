// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/reply.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/bytes.hpp"
#include "base/log.hpp"

namespace troupe::http {
namespace {

// How long overload usually lasts: a password pool's queue or a store's reconnect.
constexpr auto usual_retry_after = std::chrono::seconds(2);

shared_bytes to_body(std::string_view text) {
  return shared_bytes(bytes(text.begin(), text.end()));
}

/// Errors of the store whose sentences name hosts, files and keys.
bool is_of_store(const error& e) {
  return e.reason.starts_with("store_") || e.reason.starts_with("disk_") ||
         e.reason == "constraint_violation" || e.reason == "invalid_text";
}

/// What may be said about it.
const char* sentence_for(errc code) {
  switch (code) {
    case errc::conflict:
      return "the present state forbids this";
    case errc::invalid_argument:
      return "a text holds characters that cannot be stored";
    default:
      return "the database is away or overloaded, try again later";
  }
}

}  // namespace

int status_of(errc code) {
  switch (code) {
    case errc::invalid_argument:
      return 400;
    case errc::unauthenticated:
      return 401;
    case errc::forbidden:
      return 403;
    case errc::not_found:
      return 404;
    case errc::conflict:
      return 409;
    case errc::too_large:
      return 413;
    case errc::rate_limited:
      return 429;
    case errc::unavailable:
      return 503;
    case errc::deadline_exceeded:
      return 504;
    case errc::unsupported:
      return 415;
    case errc::data_corrupt:
    case errc::internal:
      return 500;
  }
  return 500;
}

response text_response(int status, std::string content_type, std::string_view body) {
  return {.status = status,
          .headers = {{"Content-Type", std::move(content_type)}},
          .body = {to_body(body)}};
}

response empty_response(int status) {
  return {.status = status, .headers = {}, .body = {}};
}

response json_response(int status, const boost::json::value& body) {
  return text_response(status, "application/json", boost::json::serialize(body));
}

response error_response(int status, std::string_view code, const std::string& message) {
  return json_response(status, {{"error", {{"code", code}, {"message", message}}}});
}

response error_response(const error& e, std::optional<std::chrono::seconds> retry_after) {
  const int status = status_of(e.code);
  if (status == 500) {
    log::error("http request failed reason={} message=\"{}\"", e.reason, e.message);
    return error_response(500, "internal", "something went wrong here; it has been logged");
  }
  if (is_of_store(e)) {
    log::warn("http request failed in the store reason={} message=\"{}\"", e.reason, e.message);
    // One that was silent is as away as one that refused: clients are to come again.
    const auto code = e.code == errc::deadline_exceeded ? errc::unavailable : e.code;
    auto told = make_error(code, sentence_for(code));
    told.retry_after = e.retry_after;
    return error_response(told, retry_after);
  }
  auto answer = error_response(status, e.reason, e.message);
  if (e.retry_after.count() > 0) {
    answer = json_response(status, {{"error",
                                     {{"code", e.reason},
                                      {"message", e.message},
                                      {"retry_after_ms", e.retry_after.count()}}}});
  }
  if (status == 401) {
    answer.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"troupe\"");  // RFC 6750, 3
  }
  if (status == 429 || status == 503) {
    const auto known = std::chrono::ceil<std::chrono::seconds>(e.retry_after);
    const auto wait = retry_after.value_or(known.count() > 0 ? known : usual_retry_after);
    answer.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  }
  return answer;
}

callback<void> answer_with_nothing(responder answer) {
  return [answer = std::move(answer)](result<void> outcome) mutable {
    answer(outcome ? empty_response(204) : error_response(outcome.error()));
  };
}

}  // namespace troupe::http
