// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/allowance.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

namespace troupe::rtmp {

TEST_CASE("allowance: some turns at once, then one per interval", "[net][rtmp]") {
  turn_allowance a(3, 2s);
  const steady_time start{100s};
  CHECK(a.take(start));
  CHECK(a.take(start));
  CHECK(a.take(start));
  CHECK_FALSE(a.take(start));
  CHECK_FALSE(a.take(start + 1s));
  CHECK(a.take(start + 2s));
  CHECK_FALSE(a.take(start + 2s));
  CHECK(a.take(start + 60s));
  CHECK(a.take(start + 60s));
  CHECK(a.take(start + 60s));
  CHECK_FALSE(a.take(start + 60s));  // silence saves up no more than the burst
}

TEST_CASE("allowance: bytes of one period", "[net][rtmp]") {
  byte_allowance a(10s);
  const steady_time start{100s};
  CHECK(a.take(900, 800, start));
  CHECK(a.take(100, 800, start + 9s));
  CHECK_FALSE(a.take(1, 800, start + 9s));
  CHECK(a.take(1000, 800, start + 10s));
  CHECK(a.take(1'000'000'000, 0, start + 10s));  // no limit
}

}  // namespace troupe::rtmp
