// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/records.hpp"

#include <chrono>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

const wall_time noon{1h * 12};

storage::stream_record live_with(duration watched) {
  storage::stream_record row;
  row.status = storage::stream_status::live;
  row.started_at = noon;
  row.audience.watched = std::chrono::duration_cast<std::chrono::milliseconds>(watched);
  row.audience.viewers = 7;
  row.audience.updated_at = noon + 9s;
  return row;
}

}  // namespace

TEST_CASE("stream records: the mean of viewers is over the time on air", "[actors][stream]") {
  auto row = live_with(25s);
  CHECK(stream::to_info(row, noon + 10s).mean_viewers == 3);  // 2.5, rounded
  CHECK(stream::to_info(row, noon + 25s).mean_viewers == 1);
  row.ended_at = noon + 5s;
  CHECK(stream::to_info(row, noon + 1h).mean_viewers == 5);
}

TEST_CASE("stream records: what has not been on air has no mean", "[actors][stream]") {
  auto row = live_with(25s);
  CHECK(stream::to_info(row, noon).mean_viewers == 0);
  CHECK(stream::to_info(row, noon - 1s).mean_viewers == 0);  // a clock that was set back
  row.started_at.reset();
  CHECK(stream::to_info(row, noon + 10s).mean_viewers == 0);
}

TEST_CASE("stream records: a count that nobody refreshed is not shown", "[actors][stream]") {
  const auto row = live_with(0s);
  CHECK(stream::to_info(row, noon + 10s).viewer_count == 7);
  CHECK(stream::to_info(row, noon + 1min).viewer_count == 0);
}
