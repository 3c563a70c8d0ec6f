// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/follow/cursors.hpp"

#include <chrono>

#include <spdlog/fmt/fmt.h>

namespace troupe::follow {

std::string to_cursor(const storage::follow_place& place) {
  return fmt::format("{}-{}", place.followed_at.time_since_epoch().count(), place.id);
}

std::optional<storage::follow_place> parse_cursor(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) {
    return std::nullopt;
  }
  // Microseconds since 1970 are below 2^53 until the year 2255, so that they read like an id.
  const auto time = parse_id(text.substr(0, dash));
  const auto user = parse_id(text.substr(dash + 1));
  if (!time || !user) {
    return std::nullopt;
  }
  return storage::follow_place{wall_time(std::chrono::microseconds(*time)), *user};
}

}  // namespace troupe::follow
