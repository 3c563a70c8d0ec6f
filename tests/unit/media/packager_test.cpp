// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/packager.hpp"

#include <algorithm>

#include "tests/unit/media/package_fixture.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::test;

namespace {

publication publisher_of(const media_file& f) {
  const bool sound = f.audio != nullptr && f.audio->codec == codec::aac;
  return publisher(1, f.video != nullptr, sound);
}

}  // namespace

TEST_CASE("packager: a file comes out with its times, whole, and decodes", "[media][packager]") {
  for (const auto* name : {"media-bframes-10s.mp4", "media-hevc-open-gop-5s.mp4",
                           "media-av1-5s.mp4", "media-one-key-frame-mono44k-10s.mp4"}) {
    INFO(name);
    const auto source = load(name);
    const auto frames = frames_of(source);
    const auto made = package(frames, publisher_of(source));
    const auto whole = made.file();
    const auto packets = read_media(whole);
    REQUIRE(packets);
    const auto samples = samples_of(made);
    require_no_holes(samples);
    require_legal_parts(made);
    std::map<track, std::vector<frame>> sent;
    for (const auto& f : frames) {
      sent[f.track].push_back(f);
    }
    // Sound from before the first picture is left out.
    auto& sound = sent[track::audio];
    std::erase_if(sound, [&](const frame& f) { return f.dts_ms < sent[track::video][0].dts_ms; });
    std::map<track, std::size_t> next;
    for (const auto& p : packets->packets) {
      REQUIRE(next[p.track] < sent[p.track].size());
      const auto& f = sent[p.track][next[p.track]++];
      REQUIRE(p.data.size() == f.data.size());
      if (p.track == track::video) {
        REQUIRE(p.dts == (f.dts_ms - sent[track::video][0].dts_ms) * 90);
        REQUIRE(p.pts - p.dts == (f.pts_ms - f.dts_ms) * 90);
      } else {
        const auto expected = f.dts_ms - sent[track::video][0].dts_ms;
        REQUIRE(std::abs(p.dts * 1000 / packets->audio_timescale - expected) <= 2);
      }
    }
    for (std::size_t i = 0; i + 1 < sound.size(); ++i) {
      REQUIRE(samples.at(2)[i].duration == 1024);
    }
    CHECK(next[track::video] == sent[track::video].size());
    CHECK(next[track::audio] == sound.size());
    const auto decoded = decode_media(whole);
    REQUIRE(decoded);
    CHECK(decoded->pictures == static_cast<std::int64_t>(sent[track::video].size()));
  }
}

TEST_CASE("packager: each part says its frames' own times and whether it begins with an IDR",
          "[media][packager]") {
  const auto frames = frames_of(load("media-bframes-10s.mp4"));
  std::map<int, std::vector<frame>> sent;
  for (const auto& f : frames) {
    sent[f.track == track::video ? 1 : 2].push_back(f);
  }
  const auto origin = sent[1].front().dts_ms;
  std::erase_if(sent[2], [&](const frame& f) { return f.dts_ms < origin; });
  std::map<int, std::size_t> next;
  for (const auto& p : package(frames).all<part>()) {
    written alone;
    read_fragment(p.data.view(), alone);
    REQUIRE(static_cast<int>(alone[1].size()) == p.video_frames);
    if (!alone[1].empty()) {
      REQUIRE(alone[1].front().sync == p.independent);
    }
    for (const auto& s : alone[1]) {
      const auto& f = sent[1][next[1]++];
      REQUIRE(s.dts == (f.dts_ms - origin) * 90);
      REQUIRE(s.composition == (f.pts_ms - f.dts_ms) * 90);
    }
    for (const auto& s : alone[2]) {
      const auto& f = sent[2][next[2]++];
      REQUIRE(std::abs(s.dts / 48 - (f.dts_ms - origin)) <= 2);
    }
  }
  CHECK(next[1] == sent[1].size());
  CHECK(next[2] == sent[2].size());
}

TEST_CASE("packager: every checkpoint continues with the same bytes", "[media][packager]") {
  SECTION("real files") {
    for (const auto* name : {"media-bframes-10s.mp4", "media-hevc-open-gop-5s.mp4",
                             "media-av1-5s.mp4", "media-one-key-frame-mono44k-10s.mp4"}) {
      const auto source = load(name);
      require_replayable(frames_of(source), publisher_of(source));
    }
  }
  SECTION("stalls, holes and odd lengths") {
    synthetic s;
    s.add(0, 5300, {});
    s.add(25'000, 29'000, {.fps = 24, .gop = 37});
    s.add(29'000, 33'000, {.with_video = false});
    s.add(33'000, 41'000, {.fps = 60, .gop = 250});
    s.add(41'000, 43'500, {.with_audio = false});
    s.add(43'500, 60'000, {.fps = 7, .gop = 9});
    require_replayable(s.frames);
  }
  SECTION("a change of configuration and a track that comes late") {
    synthetic s;
    s.add(0, 4000, {.with_audio = false});
    s.add(4000, 9000, {});
    s.video = format("h264-baseline");
    s.add(9000, 14'000, {});
    s.audio = format("aac-lc-44k-mono");
    s.add(14'000, 20'000, {});
    require_replayable(s.frames);
  }
}

TEST_CASE("packager: bytes do not depend on where the publisher's clock stands",
          "[media][packager]") {
  const auto source = load("media-bframes-10s.mp4");
  const auto from_zero = package(frames_of(source, 0)).parts();
  const auto across_the_wrap = package(frames_of(source, (std::int64_t{1} << 32) - 5000)).parts();
  CHECK(from_zero == across_the_wrap);
}

TEST_CASE("packager: segments end at the first IDR after 2 s", "[media][packager]") {
  synthetic s;
  s.add(0, 10'000, {.fps = 30, .gop = 15});  // an IDR every 0.5 s
  const auto made = package(s.frames);
  const auto segments = made.all<segment_finished>();
  REQUIRE(segments.size() == 5);
  for (const auto& f : segments) {
    CHECK(std::abs(f.duration.count() - 2'000'000) <= 30'000);
  }
  for (const auto& p : made.all<part>()) {
    CHECK((p.index > 0 || p.independent));
    // No part is cut short by an IDR inside a segment.
    CHECK((p.index == 6 || p.index == 5 || p.duration.count() >= 283'900));
  }
}

TEST_CASE("packager: a part ends before the frame that would make it too long",
          "[media][packager]") {
  synthetic s;
  s.add(0, 8000, {.fps = 25, .gop = 50});
  const auto made = package(s.frames);
  require_legal_parts(made);
  std::map<std::int64_t, int> last;
  for (const auto& p : made.all<part>()) {
    last[p.msn] = p.index;
  }
  for (const auto& p : made.all<part>()) {
    if (p.index != last[p.msn]) {
      CHECK(p.duration.count() >= 283'900);  // 85 % of the target
    }
  }
}

TEST_CASE("packager: without IDRs segments end at the target duration", "[media][packager]") {
  synthetic s;
  s.add(0, 20'000, {.fps = 30, .gop = 250});  // 8.33 s
  const auto made = package(s.frames);
  for (const auto& f : made.all<segment_finished>()) {
    CHECK(f.duration.count() <= 4'100'000);
  }
  const auto started = made.all<segment_started>();
  // The first forced cut proves it: from then on segments are pieces of longer ones, which begin at
  // the IDRs.
  CHECK_FALSE(started[0].is_long);
  CHECK(started[1].is_long);
  CHECK(started[1].long_msn == started[0].long_msn);
  std::map<std::int64_t, std::int64_t> long_durations;
  std::map<std::int64_t, std::int64_t> long_of;
  for (const auto& x : started) {
    long_of[x.msn] = x.long_msn;
  }
  for (const auto& f : made.all<segment_finished>()) {
    long_durations[long_of[f.msn]] += f.duration.count();
  }
  CHECK(std::abs(long_durations[0] - 8'333'000) < 60'000);
  CHECK(std::abs(long_durations[1] - 8'333'000) < 60'000);
}

TEST_CASE("packager: a key-frame interval of just the target duration is kept",
          "[media][packager]") {
  synthetic s;
  s.add(0, 24'000, {.fps = 30, .gop = 120});
  const auto made = package(s.frames);
  for (const auto& p : made.all<part>()) {
    CHECK(p.independent == (p.index == 0));
  }
  for (const auto& x : made.all<segment_started>()) {
    CHECK_FALSE(x.is_long);
  }
}

TEST_CASE("packager: a stall of all tracks leaves no hole and keeps them together",
          "[media][packager]") {
  synthetic s;
  s.add(0, 3000, {});
  s.add(23'000, 27'000, {});
  const auto made = package(s.frames);
  require_legal_parts(made);
  const auto samples = samples_of(made);
  require_no_holes(samples);
  // Picture 90 and sound frame 141 were sent at 23 s: they still belong together.
  const auto& pictures = samples.at(1);
  const auto& sound = samples.at(2);
  CHECK(std::abs(pictures[90].dts / 90 - sound[141].dts / 48) <= 35);
  CHECK(pictures[90].dts / 90 < 3100);
  CHECK(std::abs(pictures.back().dts / 90 - sound.back().dts / 48) <= 45);
  // The date of what came after the stall is when it was sent.
  const auto last = made.all<segment_started>().back().program_date_time.time_since_epoch().count();
  CHECK(last - publisher().anchor_wall_us > 22'000'000);
}

TEST_CASE("packager: one track's hole is filled by the sample before it", "[media][packager]") {
  synthetic s;
  s.add(0, 3000, {});
  s.add(3000, 6000, {.with_video = false});
  s.add(6000, 9000, {});
  const auto made = package(s.frames);
  require_legal_parts(made);
  const auto samples = samples_of(made);
  require_no_holes(samples);
  // Picture 89 stands from 2.966 s until the next one comes.
  CHECK(samples.at(1)[89].duration == (6000 - 2966) * 90);
  // Sound goes on meanwhile: parts are not held back.
  std::int64_t total = 0;
  for (const auto& p : made.all<part>()) {
    total += p.duration.count();
  }
  CHECK(std::abs(total - 9'000'000) < 50'000);
}

TEST_CASE("packager: a reconnect is one discontinuity and numbering goes on", "[media][packager]") {
  packager p(packager_options{});
  packaged out;
  synthetic first;
  first.add(0, 5000, {});
  out.take(p.begin_publication(publisher(1)));
  push_all(p, out, first.frames);
  synthetic second;
  if (GENERATE(false, true)) {
    second.video = format("h264-baseline");
  }
  second.add(700, 6000, {});
  out.take(p.begin_publication(publisher(2)));
  push_all(p, out, second.frames);
  out.take(p.finish());
  const auto started = out.all<segment_started>();
  std::int64_t msn = 0;
  int discontinuities = 0;
  for (const auto& x : started) {
    CHECK(x.msn == msn++);
    discontinuities += x.discontinuity ? 1 : 0;
    CHECK(x.discontinuity_sequence == discontinuities);
    CHECK(x.init_number ==
          (x.discontinuity_sequence > 0 && second.video != first.video &&
                   second.video->configuration.size() != first.video->configuration.size()
               ? 2
               : 1));
  }
  CHECK(discontinuities == 1);
}

TEST_CASE("packager: changed configurations get an init section of their own",
          "[media][packager]") {
  synthetic s;
  s.add(0, 5000, {});
  s.video = format("h264-baseline");
  s.add(5000, 10'000, {});
  const auto made = package(s.frames);
  const auto inits = made.all<init_section>();
  REQUIRE(inits.size() == 2);
  CHECK(inits[1].video->width == 854);
  const auto started = made.all<segment_started>();
  CHECK(std::ranges::count_if(started, [](const auto& x) { return x.discontinuity; }) == 1);
  for (const auto number : {1, 2}) {
    require_no_holes(samples_of(made, number));
  }
}

TEST_CASE("packager: a track that was announced and never comes delays by 1 s at most",
          "[media][packager]") {
  synthetic s;
  s.add(0, 4000, {.with_audio = false});
  packager p(packager_options{});
  packaged out;
  out.take(p.begin_publication(publisher()));
  for (const auto& f : s.frames) {
    out.take(p.push(f));
    if (f.dts_ms >= 1100) {
      CHECK_FALSE(out.all<part>().empty());
      break;
    }
    if (f.dts_ms < 950) {
      CHECK(out.all<part>().empty());
    }
  }
  CHECK_FALSE(out.all<init_section>().at(0).audio);
}

TEST_CASE("packager: sound that comes late joins at an IDR", "[media][packager]") {
  synthetic s;
  s.add(0, 5000, {.with_audio = false});
  s.add(5000, 9000, {});
  const auto made = package(s.frames);
  const auto inits = made.all<init_section>();
  REQUIRE(inits.size() == 2);
  CHECK(inits[1].audio);
  for (const auto& p : made.all<part>()) {
    if (p.index == 0) {
      CHECK(p.independent);
    }
  }
}

TEST_CASE("packager: a track that is away for more than 10 s is left out", "[media][packager]") {
  synthetic s;
  s.add(0, 4000, {});
  s.add(4000, 20'000, {.with_audio = false});
  const auto made = package(s.frames);
  const auto inits = made.all<init_section>();
  REQUIRE(inits.size() == 2);
  CHECK_FALSE(inits[1].audio);
}

TEST_CASE("packager: sound alone, and slow pictures alone", "[media][packager]") {
  SECTION("every part of sound alone is independent") {
    synthetic s;
    s.add(0, 9000, {.with_video = false});
    const auto made = package(s.frames, publisher(1, false, true));
    require_legal_parts(made);
    for (const auto& p : made.all<part>()) {
      CHECK(p.independent);
    }
    CHECK(made.all<segment_finished>().size() >= 4);
  }
  SECTION("below 4 frames/s without sound the part target is 1 s") {
    synthetic s;
    s.video = format("h264-interlaced");  // says 25 frames/s; the times decide only without that
    auto slow = std::make_shared<track_format>(*format("av1-main"));
    s.video = slow;
    for (int i = 0; i < 20; ++i) {
      s.add_video(i * 500, i % 4 == 0);
      s.frames.back().data =
          shared_bytes(bytes{0x32, 1, static_cast<std::uint8_t>(i % 4 == 0 ? 0x10 : 0x30)});
    }
    const auto made = package(s.frames, publisher(1, true, false));
    CHECK(made.all<playlist_started>().at(0).part_target == std::chrono::seconds(1));
    CHECK(made.all<playlist_started>().at(0).part_hold_back == std::chrono::seconds(3));
    require_legal_parts(made, 1'000'000);
  }
}

TEST_CASE("packager: sound follows its own count through jittering times", "[media][packager]") {
  synthetic s;
  s.add(0, 10'000, {});
  int i = 0;
  for (auto& f : s.frames) {
    if (f.track == track::audio) {
      f.dts_ms = f.pts_ms = f.dts_ms / 10 * 10 + (++i % 2) * 7;
    }
  }
  const auto samples = samples_of(package(s.frames));
  require_no_holes(samples);
  for (const auto& sample : samples.at(2)) {
    REQUIRE(sample.duration == 1024);
  }
}

TEST_CASE("packager: sound that drifts is led back without a hole", "[media][packager]") {
  synthetic s;
  s.add(0, 60'000, {});
  for (auto& f : s.frames) {
    if (f.track == track::audio) {
      f.dts_ms = f.pts_ms = f.dts_ms * 1002 / 1000;  // 120 ms in a minute
    }
  }
  std::ranges::sort(s.frames, {},
                    [](const frame& f) { return std::tuple(f.dts_ms, f.track, f.number); });
  const auto samples = samples_of(package(s.frames));
  require_no_holes(samples);
  const auto last = std::find_if(s.frames.rbegin(), s.frames.rend(),
                                 [](const frame& f) { return f.track == track::audio; });
  CHECK(std::abs(samples.at(2).back().dts / 48 - last->dts_ms) <= 31);
}

TEST_CASE("packager: frame numbers tell what was lost and what was seen", "[media][packager]") {
  synthetic s;
  s.add(0, 3000, {});
  packager p(packager_options{});
  REQUIRE(p.begin_publication(publisher()));
  REQUIRE(p.push(s.frames[0]));
  REQUIRE(p.push(s.frames[0]));  // again: ignored
  auto gap = s.frames[0];
  gap.number = 2;
  const auto refused = p.push(gap);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == "frame_gap");
}

TEST_CASE("packager: hostile frames are bounded", "[media][packager]") {
  SECTION("no IDR ever: nothing comes out and nothing is kept") {
    synthetic s;
    s.add(0, 60'000, {.with_audio = false});
    std::erase_if(s.frames, [](const frame& f) { return f.number % 60 == 0; });
    std::uint64_t n = 0;
    for (auto& f : s.frames) {
      f.number = n++;
    }
    packager p(packager_options{});
    packaged out;
    out.take(p.begin_publication(publisher()));
    push_all(p, out, s.frames);
    out.take(p.finish());
    CHECK(out.outputs.empty());
    CHECK(p.skipped_frames() == s.frames.size());
    CHECK(s.frames[0].data.size() == 6);
  }
  SECTION("all at the same time") {
    synthetic s;
    for (int i = 0; i < 5000; ++i) {
      s.add_video(0, i == 0);
      s.add_audio(0);
    }
    const auto made = package(s.frames);
    CHECK(made.all<part>().size() >= 5);
    require_legal_parts(made);
  }
  SECTION("times that leap by centuries") {
    synthetic s;
    s.add(0, 1000, {});
    s.add(std::int64_t{1} << 50, (std::int64_t{1} << 50) + 3000, {});
    s.add_video((std::int64_t{1} << 52), true);
    s.add((std::int64_t{1} << 52) + 40, (std::int64_t{1} << 52) + 3000, {});
    const auto made = package(s.frames);
    require_legal_parts(made);
    require_no_holes(samples_of(made));
    require_replayable(s.frames);
  }
}
