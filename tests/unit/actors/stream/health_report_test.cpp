// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/health_report.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

namespace troupe::stream {
namespace {

/// 30 frames/s for so many seconds, a key frame every so often.
track_monitor video_of(int seconds, double key_every_s, std::size_t frame_bytes = 5'000) {
  track_monitor m;
  const int key_every = static_cast<int>(key_every_s * 30);
  for (int i = 0; i < seconds * 30; ++i) {
    m.add(i * 1000 / 30, frame_bytes, key_every == 0 ? i == 0 : i % key_every == 0);
  }
  return m;
}

health_facts live_facts(track_monitor video) {
  health_facts f;
  f.status = status::live;
  f.video = std::move(video);
  f.video_info = media::track_info{};
  f.video_info->rfc6381 = "avc1.64001f";
  f.video_info->width = 1280;
  f.video_info->height = 720;
  return f;
}

bool warns_of(const health& h, std::string_view code) {
  return std::ranges::find(h.warnings, code, &health::warning::code) != h.warnings.end();
}

}  // namespace

TEST_CASE("report: a good stream has numbers and no warnings", "[actors][stream]") {
  const auto h = report(live_facts(video_of(20, 2)));
  CHECK(h.warnings.empty());
  CHECK(h.video_codec == "avc1.64001f");
  CHECK(h.frame_rate == Approx(30).margin(0.1));
  CHECK(h.video_bitrate_bps == Approx(1'200'000).epsilon(0.01));
  CHECK(h.key_frame_interval_s == Approx(2.0));
}

TEST_CASE("report: key frames that are far apart are named with their distance",
          "[actors][stream]") {
  const auto h = report(live_facts(video_of(30, 8)));
  REQUIRE(h.warnings.size() == 1);
  CHECK(h.warnings[0].code == "key_frames_far_apart");
  CHECK(h.warnings[0].message == "Key frames are 8 s apart: set 2 s in OBS.");
}

TEST_CASE("report: a source without further key frames is named", "[actors][stream]") {
  CHECK(warns_of(report(live_facts(video_of(30, 0))), "key_frames_missing"));
}

TEST_CASE("report: what players cannot play is passed on as the media folder says it",
          "[actors][stream]") {
  auto facts = live_facts(video_of(20, 2));
  facts.video_info->problems.push_back({"chroma_444", "4:4:4"});
  facts.edge_problems.push_back({"codec_unsupported", "VP6"});
  const auto h = report(facts);
  CHECK(warns_of(h, "chroma_444"));
  CHECK(warns_of(h, "codec_unsupported"));
}

TEST_CASE("report: dropped frames and a high bitrate are warned of", "[actors][stream]") {
  auto facts = live_facts(video_of(20, 2, 100'000));
  facts.dropped_frames = 3;
  const auto h = report(facts);
  CHECK(warns_of(h, "frames_dropped"));
  CHECK(warns_of(h, "bitrate_high"));
}

TEST_CASE("report: before anything comes there are only the edge's problems", "[actors][stream]") {
  health_facts facts;
  facts.edge_problems.push_back({"codec_unsupported", "Sorenson"});
  const auto h = report(facts);
  CHECK(h.status == status::waiting);
  CHECK(h.warnings.size() == 1);
}

}  // namespace troupe::stream
