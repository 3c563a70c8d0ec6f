// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/auth_cookie.hpp"

#include <spdlog/fmt/fmt.h>

#include "net/http/text.hpp"

namespace troupe::http {
namespace {

// Not the name it had while its path was narrower: a browser would send both, and the old one
// first (RFC 6265, 5.4).
constexpr std::string_view cookie_name = "troupe_session";

}  // namespace

bool is_from_own_origin(const request& r) {
  if (const auto site = r.header("sec-fetch-site")) {
    return *site == "same-origin" || *site == "none";
  }
  const auto origin = r.header("origin");
  if (!origin) {
    return true;
  }
  const auto scheme_end = origin->find("://");
  return scheme_end != std::string_view::npos &&
         equals_ignoring_case(origin->substr(scheme_end + 3), r.header("host").value_or(""));
}

std::optional<std::string> refresh_token_of_page(const request& r) {
  const auto all = cookies(r, cookie_name);
  if (all.size() != 1) {
    return std::nullopt;
  }
  return std::string(all.front());
}

bool has_refresh_cookie(const request& r) {
  return !cookies(r, cookie_name).empty();
}

std::string refresh_cookie(const request& r, std::string_view token, std::chrono::seconds life) {
  // The first is what the browser spoke, where several proxies each add theirs. It is believed from
  // anyone: who lies about it makes only their own browser drop the cookie.
  const auto protocols = r.header("x-forwarded-proto").value_or("");
  const bool is_https =
      equals_ignoring_case(trimmed(protocols.substr(0, protocols.find(','))), "https");
  return fmt::format("{}={}; Path=/api/v1; Max-Age={}; HttpOnly; SameSite=Strict{}", cookie_name,
                     token, life.count(), is_https ? "; Secure" : "");
}

}  // namespace troupe::http
