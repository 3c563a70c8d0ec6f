// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ids.hpp"

#include <catch2/catch.hpp>

namespace troupe {

TEST_CASE("id_generator: gives rising, unique ids that JavaScript holds exactly", "[base][ids]") {
  manual_clock clock;
  id_generator ids(clock, 127);
  id last = 0;
  for (int i = 0; i < 1000; ++i) {  // more than 64 in one millisecond borrow from the next
    const auto next = ids.next();
    REQUIRE(next > last);
    REQUIRE(next <= largest_id);
    last = next;
  }
}

TEST_CASE("id_generator: two nodes never give the same id", "[base][ids]") {
  manual_clock clock;
  id_generator a(clock, 1);
  id_generator b(clock, 2);
  for (int i = 0; i < 200; ++i) {
    CHECK(a.next() != b.next());
  }
}

TEST_CASE("id_generator: keeps rising when the clock steps back", "[base][ids]") {
  manual_clock clock;
  id_generator ids(clock, 0);
  const auto before = ids.next();
  clock.advance(-std::chrono::hours(1));
  CHECK(ids.next() > before);
}

TEST_CASE("ids: tell when they were made", "[base][ids]") {
  manual_clock clock;
  id_generator ids(clock, 5);
  CHECK(time_of(ids.next()) == clock.wall());
}

TEST_CASE("parse_id: takes decimal digits up to 2^53 - 1 and nothing else", "[base][ids]") {
  CHECK(parse_id("1") == 1);
  CHECK(parse_id("9007199254740991") == largest_id);
  for (const auto* bad : {"", "0", "-1", "+1", " 1", "1 ", "1.0", "0x1", "9007199254740992",
                          "99999999999999999999"}) {
    CHECK_FALSE(parse_id(bad).has_value());
  }
}

}  // namespace troupe
