// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/timeline.hpp"

#include <catch2/catch.hpp>

using troupe::media::track;
using troupe::rtmp::demuxer_statistics;
using troupe::rtmp::timeline;

namespace {

struct fixture {
  timeline line;
  demuxer_statistics statistics;

  std::int64_t at(track t, std::uint32_t timestamp) {
    return line.place(t, timestamp, statistics).dts_ms;
  }

  std::int64_t video(std::uint32_t timestamp) { return at(track::video, timestamp); }

  std::int64_t audio(std::uint32_t timestamp) { return at(track::audio, timestamp); }
};

constexpr std::int64_t wrap = std::int64_t{1} << 32;

}  // namespace

TEST_CASE_METHOD(fixture, "timeline: passes times on", "[net][rtmp]") {
  CHECK(video(1000) == 1000);
  CHECK(audio(990) == 990);
  CHECK(video(1033) == 1033);
  CHECK(video(1033) == 1033);
  CHECK(audio(1013) == 1013);
  CHECK(video(60000) == 60000);  // nothing was sent for a minute
  CHECK(audio(60010) == 60010);
  CHECK(statistics.timestamps_clamped == 0);
  CHECK(statistics.timeline_restarts == 0);
}

TEST_CASE_METHOD(fixture, "timeline: crosses 2^24 and 2^32", "[net][rtmp]") {
  CHECK(video(0xFFFFFF) == 0xFFFFFF);
  CHECK(video(0x1000020) == 0x1000020);
  fixture late;
  CHECK(late.video(0xFFFFFFF0) == wrap - 16);
  CHECK(late.audio(0x00000004) == wrap + 4);
  CHECK(late.video(0xFFFFFFFF) == wrap - 1);  // the other track is not there yet
  CHECK(late.video(0x00000011) == wrap + 17);
  CHECK(late.audio(0x0000001B) == wrap + 27);
  CHECK(late.statistics.timeline_restarts == 0);
  CHECK(late.statistics.timestamps_clamped == 0);
}

TEST_CASE_METHOD(fixture, "timeline: a time below zero at the start", "[net][rtmp]") {
  CHECK(video(0) == 0);
  CHECK(audio(static_cast<std::uint32_t>(-21)) == -21);  // an encoder's priming
  CHECK(audio(0) == 0);
}

TEST_CASE_METHOD(fixture, "timeline: stands still over small steps back", "[net][rtmp]") {
  CHECK(video(1000) == 1000);
  CHECK(video(990) == 1000);
  CHECK(line.place(track::video, 995, statistics).origin_ms == 995);
  CHECK(video(1001) == 1001);
  CHECK(audio(500) == 500);  // tracks are independent
  CHECK(statistics.timestamps_clamped == 2);
  CHECK(statistics.timeline_restarts == 0);
}

TEST_CASE_METHOD(fixture, "timeline: goes on after an encoder began anew", "[net][rtmp]") {
  video(3'600'000);
  audio(3'600'010);
  const auto first = video(0);
  CHECK(first == 3'600'010);
  CHECK(audio(5) == first + 5);
  CHECK(video(33) == first + 33);
  CHECK(audio(28) == first + 28);
  CHECK(statistics.timeline_restarts == 1);
}

TEST_CASE_METHOD(fixture, "timeline: late frames of the old line do not restart it",
                 "[net][rtmp]") {
  video(3'600'000);
  audio(3'600'010);
  const auto first = video(0);
  CHECK(audio(3'600'033) == 3'600'033);
  CHECK(audio(0) == 3'600'033);  // clamped: the old line's frame was later
  CHECK(video(40) == first + 40);
  CHECK(audio(40) == first + 40);
  CHECK(statistics.timeline_restarts == 1);
}

TEST_CASE_METHOD(fixture, "timeline: never goes back, whatever comes", "[net][rtmp]") {
  std::int64_t last[2] = {INT64_MIN, INT64_MIN};
  std::uint32_t x = 12345;
  for (int i = 0; i < 20000; ++i) {
    x = x * 1664525 + 1013904223;
    const auto t = (x >> 30) == 0 ? track::audio : track::video;
    const auto now = at(t, x);
    auto& before = last[static_cast<std::size_t>(t)];
    REQUIRE(now >= before);
    before = now;
  }
}
