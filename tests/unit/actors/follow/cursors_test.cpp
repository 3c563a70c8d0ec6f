// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/follow/cursors.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::follow;

TEST_CASE("cursors: come back as they went", "[actors][follow]") {
  const storage::follow_place place{wall_time(std::chrono::microseconds(1'800'000'000'123'456)),
                                    largest_id};
  CHECK(to_cursor(place) == "1800000000123456-9007199254740991");
  const auto back = parse_cursor(to_cursor(place));
  REQUIRE(back);
  CHECK(back->followed_at == place.followed_at);
  CHECK(back->id == place.id);
}

TEST_CASE("cursors: others are refused", "[actors][follow]") {
  for (const auto* wrong : {"", "-", "1", "1-", "-1", "1-x", "x-1", "0-1", "1-0", "1-1-1", " 1-1",
                            "1-9007199254740992", "9007199254740992-1", "+1-1", "1--1"}) {
    INFO(wrong);
    CHECK_FALSE(parse_cursor(wrong));
  }
}
