// SPDX-License-Identifier: GPL-3.0-or-later
// Publishers that do everything wrong at random: whatever comes, parts are legal, no track has a
// hole and every checkpoint continues with the same bytes. The seed is printed on failure.
#include <algorithm>
#include <random>

#include "tests/unit/media/package_fixture.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::test;

namespace {

std::vector<frame> random_publication(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  synthetic s;
  std::int64_t at = pick(0, 1) == 0 ? 0 : (std::int64_t{1} << 32) - 3000;
  for (int stretch = pick(2, 7); stretch > 0; --stretch) {
    const auto length = pick(200, 6000);
    synthetic::shape shape;
    shape.fps =
        std::vector{30.0, 60.0, 23.976, 12.0, 4.0, 1.0}[static_cast<std::size_t>(pick(0, 5))];
    shape.gop = pick(1, 300);
    shape.with_video = pick(0, 5) != 0;
    shape.with_audio = pick(0, 5) != 0;
    s.add(at, at + length, shape);
    at += length;
    switch (pick(0, 6)) {
      case 0:
        at += pick(100, 30'000);  // a stall
        break;
      case 1:
        s.video = format(pick(0, 1) == 0 ? "h264-baseline" : "h264-high-720p30");
        break;
      case 2:
        s.audio = format(pick(0, 1) == 0 ? "aac-lc-44k-mono" : "aac-lc-48k-stereo");
        break;
      default:
        break;
    }
  }
  const auto jitter = pick(0, 40);
  std::array<std::int64_t, 2> last{-1, -1};
  for (auto& f : s.frames) {
    auto& before = last[f.track == track::video ? 0 : 1];
    f.dts_ms = std::max(before, f.dts_ms + (jitter > 0 ? pick(0, jitter) : 0));
    f.pts_ms = f.dts_ms + pick(-10, 80);
    before = f.dts_ms;
  }
  return s.frames;
}

}  // namespace

TEST_CASE("packager: random publishers", "[media][packager]") {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    const auto frames = random_publication(seed);
    const auto made = package(frames);
    if (made.outputs.empty()) {
      continue;  // no IDR came
    }
    const auto target = made.all<playlist_started>().at(0).part_target;
    require_legal_parts(made, std::chrono::microseconds(target).count());
    for (const auto& init : made.all<init_section>()) {
      require_no_holes(samples_of(made, init.number));
    }
    for (const auto& finished : made.all<segment_finished>()) {
      REQUIRE(finished.duration <= std::chrono::milliseconds(4100));
    }
    require_replayable(frames);
  }
}
