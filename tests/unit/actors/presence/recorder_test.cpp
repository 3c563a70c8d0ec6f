// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/recorder.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::presence;
using namespace std::chrono_literals;

TEST_CASE("recorder: adds up who watched for how long", "[actors][presence]") {
  manual_clock time;
  recorder sums(time);
  sums.on_audience(70, 2);
  time.advance(3s);
  sums.on_audience(70, 10);
  time.advance(1s);
  sums.on_audience(70, 4);
  const auto first = sums.take();
  REQUIRE(first.size() == 1);
  CHECK(first[0].stream == 70);
  CHECK(first[0].viewers == 4);
  CHECK(first[0].peak == 10);
  CHECK(first[0].watched == 16s);

  CHECK(sums.take().empty());
  time.advance(5s);
  const auto refreshed = sums.take();
  REQUIRE(refreshed.size() == 1);
  CHECK(refreshed[0].peak == 4);
  CHECK(refreshed[0].watched == 20s);
}

TEST_CASE("recorder: an ended stream is given once more, with nobody", "[actors][presence]") {
  manual_clock time;
  recorder sums(time);
  sums.on_audience(70, 3);
  time.advance(2s);
  sums.on_audience_end(70);
  time.advance(10s);
  const auto last = sums.take();
  REQUIRE(last.size() == 1);
  CHECK(last[0].viewers == 0);
  CHECK(last[0].watched == 6s);
  time.advance(10s);
  CHECK(sums.take().empty());
  sums.on_audience_end(71);
  CHECK(sums.take().empty());
}

TEST_CASE("recorder: what was not stored goes with the next", "[actors][presence]") {
  manual_clock time;
  recorder sums(time);
  sums.on_audience(70, 3);
  time.advance(2s);
  const auto lost = sums.take();
  sums.on_audience(70, 1);
  time.advance(1s);
  sums.put_back(lost);
  const auto next = sums.take();
  REQUIRE(next.size() == 1);
  CHECK(next[0].viewers == 1);
  CHECK(next[0].peak == 3);
  CHECK(next[0].watched == 7s);

  SECTION("also of one that ended meanwhile") {
    sums.on_audience_end(70);
    const auto end = sums.take();
    sums.put_back(end);
    const auto again = sums.take();
    REQUIRE(again.size() == 1);
    CHECK(again[0].viewers == 0);
    CHECK(sums.take().empty());
  }
}
