// SPDX-License-Identifier: GPL-3.0-or-later
// The checker that holds our playlists to RFC 8216bis must itself refuse wrong ones: one change per
// rule.
#include "tests/support/playlist_checker.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace troupe::test;

namespace {

const std::string header =
    "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n"
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.002,HOLD-BACK=12.0,"
    "CAN-SKIP-UNTIL=24.0\n#EXT-X-PART-INF:PART-TARGET=0.334\n";

std::string pdt(int second) {
  return "#EXT-X-PROGRAM-DATE-TIME:2026-01-15T10:00:" + std::string(second < 10 ? "0" : "") +
         std::to_string(second) + ".000Z\n";
}

std::string parts(int msn, int count, int from = 0) {
  std::string out;
  for (int i = from; i < count; ++i) {
    out += "#EXT-X-PART:DURATION=0.333333,URI=\"" + std::to_string(msn) + "." + std::to_string(i) +
           ".m4s\"" + (i == 0 ? ",INDEPENDENT=YES" : "") + "\n";
  }
  return out;
}

std::string segment(int msn, bool with_parts = true) {
  return pdt(msn * 2 % 60) + (with_parts ? parts(msn, 6) : "") + "#EXTINF:2.000000,\n" +
         std::to_string(msn) + ".m4s\n";
}

std::string hint(int msn, int part) {
  return "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"" + std::to_string(msn) + "." + std::to_string(part) +
         ".m4s\"\n";
}

/// Segments first to last, the last seven with parts, and open_parts of the next one.
std::string playlist(int first, int last, int open_parts) {
  std::string out = header + "#EXT-X-MEDIA-SEQUENCE:" + std::to_string(first) +
                    "\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n#EXT-X-MAP:URI=\"init-1.mp4\"\n";
  for (int i = first; i <= last; ++i) {
    out += segment(i, i > last - 7);
  }
  if (open_parts > 0) {
    out += pdt((last + 1) * 2 % 60) + parts(last + 1, open_parts);
  }
  return out + hint(last + 1, open_parts);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

bool names(const complaints& found, const std::string& rule) {
  return std::ranges::any_of(found, [&](const auto& c) { return c.starts_with(rule + ":"); });
}

}  // namespace

TEST_CASE("playlist_checker: a right playlist has no complaints", "[media][checker]") {
  CHECK(check_playlist(playlist(0, 9, 2)) == complaints{});
  CHECK(check_playlist(playlist(5, 24, 0)) == complaints{});
}

TEST_CASE("playlist_checker: each rule refuses its wrong playlist", "[media][checker]") {
  struct wrong {
    const char* rule;
    const char* what;
    const char* with;
  };

  const auto [rule, what, with] = GENERATE(values<wrong>({
      {"header", "#EXTM3U\n", "#EXTM3\n"},
      {"version", "VERSION:9", "VERSION:6"},
      {"once", "#EXT-X-VERSION:9\n", "#EXT-X-VERSION:9\n#EXT-X-VERSION:9\n"},
      {"target", "TARGETDURATION:4", "TARGETDURATION:4.5"},
      {"extinf-target", "TARGETDURATION:4", "TARGETDURATION:1"},
      {"block", "CAN-BLOCK-RELOAD=YES,", ""},
      {"part-hold-back", "PART-HOLD-BACK=1.002", "PART-HOLD-BACK=0.9"},
      {"hold-back", ",HOLD-BACK=12.0", ",HOLD-BACK=11"},
      {"skip-until", "CAN-SKIP-UNTIL=24.0", "CAN-SKIP-UNTIL=20"},
      {"part-inf", "#EXT-X-PART-INF:PART-TARGET=0.334\n", ""},
      {"part-target", "PART-TARGET=0.334", "PART-TARGET=0.333"},
      {"part-85", "PART:DURATION=0.333333,URI=\"8.1.m4s\"", "PART:DURATION=0.2,URI=\"8.1.m4s\""},
      {"part-sum", "#EXTINF:2.000000,\n9.m4s", "#EXTINF:2.002000,\n9.m4s"},
      {"part", "PART:DURATION=0.333333,URI=\"8.1.m4s\"", "PART:DURATION=0,URI=\"8.1.m4s\""},
      {"unique", "URI=\"8.1.m4s\"", "URI=\"8.2.m4s\""},
      {"unique", "HINT:TYPE=PART,URI=\"10.2.m4s\"", "HINT:TYPE=PART,URI=\"10.1.m4s\""},
      {"gap", "URI=\"8.1.m4s\"", "URI=\"8.1.m4s\",GAP=YES"},
      {"map", "#EXT-X-MAP:URI=\"init-1.mp4\"\n", ""},
      {"extinf", "#EXTINF:2.000000,\n8.m4s", "8.m4s"},
      {"date", "10:00:18.000Z", "10:00:18.200Z"},
      {"date", "10:00:18.000Z", "10:00:18"},
      {"hint", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"10.2.m4s\"\n", ""},
      {"hint", "HINT:TYPE=PART", "HINT:TYPE=MAP"},
      {"endlist", "#EXT-X-PRELOAD-HINT", "#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT"},
      {"type", "#EXT-X-VERSION:9\n", "#EXT-X-VERSION:9\n#EXT-X-PLAYLIST-TYPE:EVENT\n"},
      {"old-parts", "10:00:00.000Z\n",
       "10:00:00.000Z\n#EXT-X-PART:DURATION=0.333333,URI=\"0.0.m4s\",INDEPENDENT=YES\n"},
      {"skip", "#EXT-X-MAP:URI=\"init-1.mp4\"\n", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n"},
      {"skip", "#EXT-X-MAP:URI=\"init-1.mp4\"\n", "#EXT-X-SKIP:SKIPPED-SEGMENTS=0\n"},
  }));
  INFO(rule << ": " << what);
  const auto found = check_playlist(replaced(playlist(0, 9, 2), what, with));
  CHECK(names(found, rule));
}

TEST_CASE("playlist_checker: removed segments must leave three target durations",
          "[media][checker]") {
  CHECK(names(check_playlist(playlist(20, 24, 0)), "length"));
  CHECK(names(check_playlist(replaced(playlist(0, 2, 0), "#EXT-X-MEDIA-SEQUENCE:0\n", "") +
                             "#EXT-X-MEDIA-SEQUENCE:0\n"),
              "sequence-place"));
}

TEST_CASE("playlist_checker: reloads", "[media][checker]") {
  playlist_watcher w;
  REQUIRE(w.next(playlist(0, 19, 2)) == complaints{});
  SECTION("right ones") {
    CHECK(w.next(playlist(0, 19, 3)) == complaints{});
    CHECK(w.next(playlist(1, 20, 0)) == complaints{});
    CHECK(w.next(playlist(1, 20, 0), true) == complaints{});
    CHECK(w.next(playlist(1, 20, 1)) == complaints{});
  }
  SECTION("standing still is allowed in the grace period only") {
    CHECK(names(w.next(playlist(0, 19, 2)), "progress"));
  }
  SECTION("constants") {
    CHECK(names(w.next(replaced(playlist(0, 19, 3), "PART-TARGET=0.334", "PART-TARGET=0.335")),
                "constant"));
  }
  SECTION("sequence numbers") {
    REQUIRE(w.next(playlist(2, 20, 1)) == complaints{});
    CHECK(names(w.next(playlist(1, 20, 2)), "sequence"));
  }
  SECTION("what was listed stays as it was") {
    CHECK(names(w.next(replaced(playlist(0, 19, 3), "\n19.m4s", "\nx.m4s")), "changed"));
  }
  SECTION("a gap stays one") {
    playlist_watcher other;
    REQUIRE(other.next(replaced(playlist(0, 19, 2), "\n12.m4s", "\n#EXT-X-GAP\n12.m4s")) ==
            complaints{});
    CHECK(names(other.next(playlist(0, 19, 3)), "changed"));
  }
  SECTION("the open segment's parts stay") {
    CHECK(names(w.next(playlist(0, 19, 1)), "removed"));
  }
  SECTION("the newest segments stay") {
    CHECK(names(w.next(playlist(0, 18, 0)), "removed"));
  }
  SECTION("the hinted part comes") {
    CHECK(names(w.next(replaced(playlist(0, 19, 3), "URI=\"20.2.m4s\"", "URI=\"20.2b.m4s\"")),
                "hint"));
  }
  SECTION("removed discontinuities are counted") {
    playlist_watcher other;
    const auto with_tag =
        replaced(playlist(0, 19, 2), "10:00:00.000Z\n", "10:00:00.000Z\n#EXT-X-DISCONTINUITY\n");
    REQUIRE(other.next(with_tag) == complaints{});
    CHECK(names(other.next(playlist(1, 20, 1)), "discontinuity-sequence"));
  }
  SECTION("nothing after the end") {
    const auto end = replaced(playlist(0, 19, 2), hint(20, 2), "#EXT-X-ENDLIST\n");
    REQUIRE(w.next(end) == complaints{});
    CHECK(names(w.next(playlist(0, 19, 3)), "endlist"));
  }
}

TEST_CASE("playlist_checker: delta updates", "[media][checker]") {
  const auto before = playlist(0, 19, 2);
  const auto now = playlist(0, 19, 3);
  auto delta = header +
               "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
               "#EXT-X-SKIP:SKIPPED-SEGMENTS=8\n";
  const auto tail = now.substr(now.find(segment(8, false)));
  CHECK(check_delta(before, delta + tail, now) == complaints{});
  CHECK(check_delta(before, now, now) == complaints{});
  CHECK(names(check_delta(before, before, now), "delta"));
  CHECK(
      names(check_delta(before, replaced(delta, "SEGMENTS=8", "SEGMENTS=7") + tail, now), "delta"));
  CHECK(names(check_delta(playlist(0, 5, 0), delta + tail, now), "delta"));
  const auto short_tail = now.substr(now.find(segment(9, false)));
  CHECK(names(check_delta(before, replaced(delta, "SEGMENTS=8", "SEGMENTS=9") + short_tail, now),
              "skip"));
}

TEST_CASE("playlist_checker: masters", "[media][checker]") {
  const std::string right =
      "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,"
      "CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000\nsource/media.m3u8\n";
  CHECK(check_master(right) == complaints{});
  CHECK(names(check_master(replaced(right, "BANDWIDTH=2,", "BANDWIDTH=0,")), "bandwidth"));
  CHECK(names(check_master(replaced(right, "AVERAGE-BANDWIDTH=1", "AVERAGE-BANDWIDTH=3")),
              "bandwidth"));
  CHECK(names(check_master(replaced(right, "CODECS=\"avc1.64001f,mp4a.40.2\",", "")), "codecs"));
  CHECK(names(check_master(replaced(right, ",FRAME-RATE=30.000", "")), "resolution"));
  CHECK(names(check_master(replaced(right, "source/media.m3u8\n", "")), "uri"));
  CHECK(names(check_master("#EXTM3U\n"), "empty"));
}
