// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/health_monitor.hpp"

#include <catch2/catch.hpp>

namespace troupe::stream {

TEST_CASE("track_monitor: measures rate, bitrate and key-frame interval", "[actors][stream]") {
  track_monitor monitor;
  for (int i = 0; i < 300; ++i) {  // 25 frames/s, 1000 bytes each, a key frame every 2 s
    monitor.add(i * 40, 1000, i % 50 == 0);
  }
  CHECK(monitor.frame_rate() == Approx(25.0));
  CHECK(monitor.bitrate_bps() == 200'000);
  CHECK(monitor.key_frame_interval_s().value() == Approx(2.0));
}

TEST_CASE("track_monitor: a missing key frame counts as a growing interval", "[actors][stream]") {
  track_monitor monitor;
  CHECK_FALSE(monitor.key_frame_interval_s().has_value());
  for (int i = 0; i < 30; ++i) {
    monitor.add(i * 1000, 10, i == 0);
  }
  CHECK(monitor.key_frame_interval_s().value() == Approx(29.0));
}

TEST_CASE("track_monitor: a new timeline starts a new measurement", "[actors][stream]") {
  track_monitor monitor;
  monitor.add(100'000, 1'000'000, true);
  monitor.add(0, 10, true);
  monitor.add(40, 10, false);
  CHECK(monitor.bitrate_bps() == 2'000);
  CHECK(monitor.frame_rate() == Approx(25.0));
}

}  // namespace troupe::stream
