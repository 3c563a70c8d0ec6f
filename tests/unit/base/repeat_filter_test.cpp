// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/repeat_filter.hpp"

#include <catch2/catch.hpp>

namespace troupe {
namespace {

constexpr steady_time at(int seconds) {
  return steady_time{} + std::chrono::seconds(seconds);
}

}  // namespace

TEST_CASE("repeat_filter: one line per key and interval, with a count", "[base]") {
  repeat_filter f(std::chrono::seconds(10), 100);
  CHECK(f.admit("a", at(0)) == 0U);
  CHECK_FALSE(f.admit("a", at(1)));
  CHECK_FALSE(f.admit("a", at(9)));
  CHECK(f.admit("b", at(9)) == 0U);
  CHECK(f.admit("a", at(10)) == 2U);
  CHECK_FALSE(f.admit("a", at(19)));
  CHECK(f.admit("a", at(20)) == 1U);
  CHECK(f.admit("a", at(30)) == 0U);
}

TEST_CASE("repeat_filter: however many keys there are, it stays small", "[base]") {
  repeat_filter f(std::chrono::seconds(10), 4);
  int said = 0;
  for (int i = 0; i < 1000; ++i) {
    said += f.admit("key" + std::to_string(i), at(0)) ? 1 : 0;
  }
  CHECK(said == 5);                         // four, and one for all others
  CHECK(f.admit("key2000", at(10)) == 0U);  // the old ones made room
  CHECK_FALSE(f.admit("key2000", at(11)));
}

}  // namespace troupe
