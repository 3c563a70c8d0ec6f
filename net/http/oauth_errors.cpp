// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/oauth_errors.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "base/bytes.hpp"
#include "net/http/reply.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

std::string_view error_for(int status, std::string_view code) {
  if (code == "unsupported_grant_type") {
    return code;
  }
  if (status == 401) {
    return "invalid_grant";
  }
  if (status == 429 || status == 503 || status == 504) {
    return "temporarily_unavailable";  // of RFC 6749, 4.1.2.1; 5.2 has none for it
  }
  return status >= 500 ? "server_error" : "invalid_request";
}

/// %x20-21 / %x23-5B / %x5D-7E
std::string description_of(std::string_view message) {
  std::string out;
  for (const char c : message) {
    if (c == '"' || c == '\\') {
      out += '\'';
    } else if (c >= ' ' && c <= '~') {
      out += c;
    }
  }
  return out;
}

std::string text_of(const response& answer) {
  std::string text;
  for (const auto& part : answer.body) {
    text += as_text(part.view());
  }
  return text;
}

bool is_challenge(const std::pair<std::string, std::string>& header) {
  return equals_ignoring_case(header.first, "WWW-Authenticate");
}

}  // namespace

bool is_form(const request& r) {
  const auto type = r.header("content-type").value_or("");
  return equals_ignoring_case(trimmed(type.substr(0, type.find(';'))),
                              "application/x-www-form-urlencoded");
}

response as_oauth_error(response answer) {
  if (answer.status < 400) {
    return answer;
  }
  boost::system::error_code failure;
  const auto body = json::parse(text_of(answer), failure);
  const auto* whole = failure ? nullptr : body.if_object();
  const auto* said = whole != nullptr ? whole->if_contains("error") : nullptr;
  if (said == nullptr || !said->is_object()) {
    return answer;
  }
  const auto& ours = said->get_object();
  const std::string_view code = ours.at("code").as_string();
  json::object out{{"error", error_for(answer.status, code)},
                   {"error_description", description_of(ours.at("message").as_string())},
                   {"code", code}};
  if (const auto* wait = ours.if_contains("retry_after_ms")) {
    out["retry_after_ms"] = *wait;
  }
  const bool keeps_status = answer.status >= 500 || answer.status == 413 || answer.status == 429;
  auto told = json_response(keeps_status ? answer.status : 400, out);
  std::erase_if(answer.headers, [](const auto& h) {
    return is_challenge(h) || equals_ignoring_case(h.first, "Content-Type");
  });
  std::ranges::move(answer.headers, std::back_inserter(told.headers));
  return told;
}

}  // namespace troupe::http
