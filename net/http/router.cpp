// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/router.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"

namespace troupe::http {
namespace {

constexpr std::array<std::string_view, 5> methods = {"GET", "POST", "PUT", "PATCH", "DELETE"};

/// In the order of the path; 0 where the pattern has none.
using captures = std::array<id, 2>;

/// Cuts the first segment off a path that begins with '/'.
std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);
  const auto segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

/// Nothing when the path does not match.
std::optional<captures> match_path(std::string_view pattern, std::string_view path) {
  captures captured{};
  std::size_t count = 0;
  while (!pattern.empty() && path.starts_with('/')) {
    const auto wanted = next_segment(pattern);
    const auto given = next_segment(path);
    if (wanted.starts_with('{')) {
      const auto value = parse_id(given);
      if (!value) {
        return std::nullopt;
      }
      captured.at(count++) = *value;
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  return pattern.empty() && path.empty() ? std::optional(captured) : std::nullopt;
}

}  // namespace

void router::add(route r) {
  const bool is_sound = std::ranges::find(methods, r.method) != methods.end() &&
                        r.pattern.starts_with('/') && std::ranges::count(r.pattern, '{') <= 2 &&
                        r.run;
  TROUPE_CHECK(is_sound, "routes are written by us");
  routes_.push_back(std::move(r));
}

router::match router::find(std::string_view method, std::string_view path) const {
  match outcome;
  const auto wanted = method == "HEAD" ? "GET" : method;
  for (const auto& each : routes_) {
    const auto captured = match_path(each.pattern, path);
    if (!captured) {
      continue;
    }
    if (each.method == wanted) {
      return {.found = &each,
              .captured = captured->front(),
              .captured2 = captured->back(),
              .allow = {}};
    }
    outcome.allow += each.method == "GET" ? "GET, HEAD, " : each.method + ", ";
  }
  if (!outcome.allow.empty()) {
    outcome.allow += "OPTIONS";
  }
  return outcome;
}

}  // namespace troupe::http
