// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/frame_window.hpp"

#include <catch2/catch.hpp>

namespace troupe::rtmp {
namespace {

media::frame video(std::size_t size, bool key = false) {
  media::frame f;
  f.track = media::track::video;
  f.container_key = key;
  f.data = shared_bytes(bytes(size));
  return f;
}

media::frame audio(std::size_t size) {
  media::frame f;
  f.track = media::track::audio;
  f.data = shared_bytes(bytes(size));
  return f;
}

stream::resume_point settled(std::uint64_t next_video, std::uint64_t next_audio,
                             std::uint64_t number = 1) {
  stream::resume_point p;
  p.number = number;
  p.checkpoint.emplace();
  p.checkpoint->publication.number = 1;
  p.checkpoint->video.next_frame = next_video;
  p.checkpoint->audio.next_frame = next_audio;
  return p;
}

}  // namespace

TEST_CASE("frame_window: numbers each track densely", "[net][rtmp]") {
  frame_window w(1000);
  CHECK(w.add(video(1, true)));
  CHECK(w.add(audio(1)));
  CHECK(w.add(video(1)));
  const auto frames = w.take(10, 1'000);
  REQUIRE(frames.size() == 3);
  CHECK(frames[0].number == 0);
  CHECK(frames[1].number == 0);
  CHECK(frames[2].number == 1);
  CHECK_FALSE(w.has_unsent());
}

TEST_CASE("frame_window: drops whole GOPs before numbering and goes on at a key frame",
          "[net][rtmp]") {
  frame_window w(100);
  CHECK(w.add(video(60, true)));
  CHECK_FALSE(w.add(video(60)));       // no room
  CHECK_FALSE(w.add(video(1)));        // would fit, but its GOP is broken
  CHECK(w.add(audio(10)));             // sound goes on
  CHECK_FALSE(w.add(video(1, true)));  // not before half of the room is free
  CHECK(w.dropped() == 3);
  CHECK(w.take(10, 1'000).size() == 2);
  w.settle(settled(1, 1));
  CHECK(w.held_bytes() == 0);
  CHECK(w.add(video(40, true)));
  CHECK(w.take(10, 1'000).at(0).number == 1);
}

TEST_CASE("frame_window: after a rewind everything since the checkpoint is sent again",
          "[net][rtmp]") {
  frame_window w(1000);
  for (int i = 0; i < 4; ++i) {
    CHECK(w.add(video(1, i == 0)));
  }
  CHECK(w.take(3, 1'000).size() == 3);
  w.settle(settled(2, 0));
  w.rewind();
  const auto again = w.take(10, 1'000);
  REQUIRE(again.size() == 2);
  CHECK(again[0].number == 2);
  CHECK(again[1].number == 3);
}

TEST_CASE("frame_window: a batch has so many bytes at most, but a frame at least", "[net][rtmp]") {
  frame_window w(10'000);
  for (const std::size_t size : {3000U, 400U, 600U, 1U, 999U}) {
    CHECK(w.add(video(size, true)));
  }
  std::vector<std::size_t> sizes;
  while (w.has_unsent()) {
    sizes.push_back(w.take(10, 1000).size());
  }
  CHECK(sizes == std::vector<std::size_t>{1, 2, 2});
  CHECK(w.take(10, 1000).empty());
}

TEST_CASE("frame_window: sound waits for a picture, but not for long", "[net][rtmp]") {
  frame_window w(1000);
  CHECK_FALSE(w.has_batch());
  for (int i = 0; i < 3; ++i) {
    CHECK(w.add(audio(1)));
    CHECK_FALSE(w.has_batch());
  }
  CHECK(w.add(audio(1)));
  CHECK(w.has_batch());
  CHECK(w.take(10, 1'000).size() == 4);
  CHECK_FALSE(w.has_batch());
  CHECK(w.add(video(1, true)));
  CHECK(w.has_batch());
}

TEST_CASE("frame_window: a checkpoint of an earlier publication settles nothing", "[net][rtmp]") {
  frame_window w(1000);
  CHECK(w.add(video(1, true)));
  CHECK(w.take(1, 1'000).size() == 1);
  w.settle(settled(100, 100, 2));
  CHECK(w.held_bytes() == 1);
  CHECK_FALSE(w.has_settled());
  w.settle(settled(1, 0, 1));
  CHECK(w.has_settled());
}

TEST_CASE("frame_window: bounds frames by number too", "[net][rtmp]") {
  frame_window w(1'000'000, 4);
  for (int i = 0; i < 4; ++i) {
    CHECK(w.add(audio(1)));
  }
  CHECK_FALSE(w.add(audio(1)));
  CHECK_FALSE(w.add(video(1, true)));
  CHECK(w.take(10, 1'000).size() == 4);
  w.settle(settled(0, 3));
  CHECK(w.add(video(1, true)));
}

}  // namespace troupe::rtmp
