// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/track_info.hpp"

#include <algorithm>

#include "tests/unit/media/package_fixture.hpp"

using namespace troupe;
using namespace troupe::media;
using media::test::format;

namespace {

track_info parse(const std::string& name) {
  auto info = parse_track(*format(name));
  REQUIRE(info);
  return *info;
}

bool has_problem(const track_info& info, const std::string& code) {
  return std::ranges::any_of(info.problems, [&](const auto& p) { return p.code == code; });
}

}  // namespace

TEST_CASE("track_info: H.264 size, rate and codec string come from the SPS",
          "[media][track_info]") {
  const auto hd = parse("h264-high-720p30");
  CHECK(hd.rfc6381 == "avc1.64001f");
  CHECK((hd.width == 1280 && hd.height == 720));
  CHECK(hd.frame_rate == Approx(30));
  CHECK(hd.problems.empty());
  const auto full_hd = parse("h264-1080p60");
  CHECK((full_hd.width == 1920 && full_hd.height == 1080));  // 1088 lines, cropped
  CHECK(full_hd.frame_rate == Approx(60));
  const auto baseline = parse("h264-baseline");
  CHECK((baseline.width == 854 && baseline.height == 480));
  CHECK(baseline.rfc6381 == "avc1.42c01f");
}

TEST_CASE("track_info: what browsers cannot play is said in a sentence", "[media][track_info]") {
  const auto deep = parse("h264-high10");
  CHECK(deep.bit_depth == 10);
  CHECK(has_problem(deep, "h264_bit_depth"));
  const auto full_chroma = parse("h264-444");
  CHECK(full_chroma.chroma_format == 3);
  CHECK(has_problem(full_chroma, "chroma_444"));
  const auto fields = parse("h264-interlaced");
  CHECK((fields.interlaced && fields.width == 720 && fields.height == 576));
  CHECK((fields.sar_width == 16 && fields.sar_height == 15));
  CHECK(has_problem(fields, "interlaced"));
  const auto mp3 = parse_track({codec::mp3, {}});
  REQUIRE(mp3);
  CHECK(!mp3->packaged);
  CHECK(has_problem(*mp3, "audio_mp3"));
}

TEST_CASE("track_info: HEVC, AV1 and AAC", "[media][track_info]") {
  const auto hevc = parse("hevc-main");
  CHECK(hevc.rfc6381 == "hvc1.1.6.L90.90");
  CHECK((hevc.width == 854 && hevc.height == 480));
  CHECK(hevc.frame_rate == Approx(30));
  const auto av1 = parse("av1-main");
  CHECK(av1.rfc6381 == "av01.0.04M.08");
  CHECK((av1.width == 854 && av1.height == 480));
  const auto stereo = parse("aac-lc-48k-stereo");
  CHECK((stereo.rfc6381 == "mp4a.40.2" && stereo.sample_rate == 48000 && stereo.channels == 2));
  CHECK(stereo.samples_per_frame == 1024);
  const auto mono = parse("aac-lc-44k-mono");
  CHECK((mono.sample_rate == 44100 && mono.channels == 1));
  CHECK(parse("aac-he-v1").rfc6381 == "mp4a.40.5");
}

TEST_CASE("track_info: cut records are refused at every length", "[media][track_info]") {
  for (const auto* name : {"h264-high-720p30", "hevc-main", "av1-main"}) {
    const auto whole = format(name);
    std::size_t refused = 0;
    for (std::size_t size = 0; size < std::min<std::size_t>(whole->configuration.size(), 16);
         ++size) {
      refused += parse_track({whole->codec, whole->configuration.slice(0, size)}) ? 0 : 1;
    }
    CHECK(refused >= 13);
  }
}

TEST_CASE("track_info: key frames are read from the bitstream", "[media][track_info]") {
  SECTION("H.264: NAL unit 5, after others") {
    const auto info = parse("h264-high-720p30");
    const bytes idr{0, 0, 0, 2, 6, 1, 0, 0, 0, 2, 0x65, 1};
    const bytes recovery_point{0, 0, 0, 2, 6, 6, 0, 0, 0, 2, 0x41, 1};
    CHECK(is_idr(info, idr));
    CHECK_FALSE(is_idr(info, recovery_point));
    CHECK_FALSE(is_idr(info, bytes{0, 0, 0, 9, 0x65}));  // a length beyond the end
  }
  SECTION("HEVC: IDR pictures, not CRA") {
    const auto info = parse("hevc-main");
    const auto nal = [](int type) {
      return bytes{0, 0, 0, 3, static_cast<std::uint8_t>(type << 1), 1, 0x80};
    };
    CHECK(is_idr(info, nal(19)));
    CHECK(is_idr(info, nal(20)));
    CHECK_FALSE(is_idr(info, nal(21)));
    CHECK_FALSE(is_idr(info, nal(1)));
  }
  SECTION("AV1: shown key frames only") {
    const auto info = parse("av1-main");
    CHECK(is_idr(info, bytes{0x32, 1, 0x10}));        // OBU_FRAME, key, shown
    CHECK_FALSE(is_idr(info, bytes{0x32, 1, 0x00}));  // key, not shown
    CHECK_FALSE(is_idr(info, bytes{0x32, 1, 0x30}));  // inter
    CHECK_FALSE(is_idr(info, bytes{0x1A, 1, 0x80}));  // show_existing_frame
  }
  SECTION("in real files the first frame is one, and of open GOPs no other") {
    for (const auto& [name, count] :
         {std::pair{"media-hevc-open-gop-5s.mp4", 1}, std::pair{"media-bframes-10s.mp4", 5},
          std::pair{"media-av1-5s.mp4", 3}}) {
      const auto file = media::test::load(name);
      const auto info = parse_track(*file.video);
      REQUIRE(info);
      const auto found = std::ranges::count_if(file.packets, [&](const auto& p) {
        return p.track == track::video && is_idr(*info, p.data.view());
      });
      CHECK(found == count);
    }
  }
}
