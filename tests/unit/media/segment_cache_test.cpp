// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/segment_cache.hpp"

#include <algorithm>

#include "media/rendition_timeline.hpp"
#include "tests/support/playlist_checker.hpp"
#include "tests/unit/media/package_fixture.hpp"

using namespace troupe;
using namespace troupe::media;
using namespace troupe::media::test;
using std::chrono::seconds;

namespace {

std::string text_of(const cached_answer& a) {
  std::string out;
  for (const auto& piece : a.body) {
    out += as_text(piece.view());
  }
  return out;
}

/// A cache, a clock, and one stream published step by step.
struct fixture {
  manual_clock time;
  metrics numbers;
  cache_options options;
  segment_cache cache;
  packaged made;
  std::size_t next = 0;

  explicit fixture(packaged p = {}, cache_options o = {})
      : options(o), cache(options, time, numbers), made(std::move(p)) {}

  static packaged usual(std::int64_t length_ms = 60'000, synthetic::shape shape = {}) {
    synthetic s;
    s.add(0, length_ms, shape);
    return package(s.frames);
  }

  void publish(std::size_t from, std::size_t count) {
    cache.publish(7, "source", std::span(made.outputs).subspan(from, count));
  }

  /// Up to and including the next part (and its segment's end, if that comes at once).
  bool publish_part() {
    const auto from = next;
    bool part_seen = false;
    while (next < made.outputs.size() &&
           (!part_seen || std::holds_alternative<segment_finished>(made.outputs[next]))) {
      part_seen = part_seen || std::holds_alternative<part>(made.outputs[next]);
      ++next;
    }
    publish(from, next - from);
    return part_seen;
  }

  void publish_all() {
    while (publish_part()) {
    }
  }

  /// Nothing while it waits.
  std::shared_ptr<std::optional<cached_answer>> ask(std::string_view file,
                                                    const delivery_directives& d = {},
                                                    cache_reader::gone_check is_gone = {}) {
    auto answer = std::make_shared<std::optional<cached_answer>>();
    cache.get(7, file, d, std::move(is_gone), [answer](cached_answer a) {
      REQUIRE_FALSE(*answer);  // exactly once
      *answer = std::move(a);
    });
    return answer;
  }

  cached_answer get(std::string_view file, const delivery_directives& d = {}) {
    const auto answer = ask(file, d);
    REQUIRE(*answer);
    return **answer;
  }

  std::string playlist() { return text_of(get("source/media.m3u8")); }
};

delivery_directives reload(std::string msn, std::optional<std::string> part = std::nullopt) {
  return {std::move(msn), std::move(part), std::nullopt};
}

troupe::test::checked_playlist parse(const std::string& text) {
  troupe::test::checked_playlist p;
  check_playlist(text, &p);
  return p;
}

/// A publisher whose frames last no time: one segment of one part each time it comes back.
struct standstill {
  segment_cache& cache;
  stream_id stream = 7;
  std::int64_t msn = 0;

  void start() { cache.publish(stream, "source", std::vector<output>{playlist_started{}}); }

  void begin_segment() {
    segment_started s;
    s.msn = msn;
    s.init_number = msn + 1;
    s.discontinuity = msn > 0;
    s.discontinuity_sequence = msn;
    init_section init{s.init_number, shared_bytes(bytes(100)), track_info{}, std::nullopt};
    init.video->rfc6381 = "avc1.64001f";
    init.video->width = 1280;
    init.video->height = 720;
    cache.publish(stream, "source", std::vector<output>{init, s});
  }

  void add_part(int index, std::size_t size) {
    part p;
    p.msn = msn;
    p.index = index;
    p.duration = std::chrono::microseconds(11);  // a tick
    p.independent = true;
    p.video_frames = 1;
    p.data = shared_bytes(bytes(size));
    cache.publish(stream, "source", std::vector<output>{p});
  }

  void finish_segment() {
    cache.publish(stream, "source", std::vector<output>{segment_finished{msn++, {}, {}}});
  }

  void come_and_go(std::size_t size) {
    begin_segment();
    add_part(0, size);
    finish_segment();
  }
};

double value_of(metrics& m, const std::string& name) {
  const auto text = m.text();
  const auto at = text.find("\n" + name + " ");
  REQUIRE(at != text.npos);
  return std::stod(text.substr(at + name.size() + 2));
}

}  // namespace

TEST_CASE("segment_cache: playlists keep every rule of RFC 8216bis over a stream's life",
          "[media][cache]") {
  const auto shape =
      GENERATE(synthetic::shape{}, synthetic::shape{.fps = 25, .gop = 250},
               synthetic::shape{.with_audio = false}, synthetic::shape{.with_video = false});
  fixture f(fixture::usual(120'000, shape));
  troupe::test::playlist_watcher watcher;
  std::string before;
  while (f.publish_part()) {
    const auto text = f.playlist();
    const auto complaints = watcher.next(text);
    INFO(text);
    REQUIRE(complaints == troupe::test::complaints{});
    const auto delta = text_of(f.get("source/media.m3u8", {{}, {}, "YES"}));
    if (!before.empty()) {
      REQUIRE(troupe::test::check_delta(before, delta, text) == troupe::test::complaints{});
    }
    before = text;
  }
  CHECK(watcher.next(f.playlist(), true) == troupe::test::complaints{});  // the publisher is away
  f.cache.end(7);
  const auto ended = f.playlist();
  CHECK(watcher.next(ended) == troupe::test::complaints{});
  CHECK(parse(ended).ended);
}

TEST_CASE("segment_cache: the master names codecs, size, rate and bandwidth", "[media][cache]") {
  fixture f(package(frames_of(load("media-bframes-10s.mp4"))));
  CHECK(f.get("master.m3u8").status == 404);
  f.publish_part();
  const auto first = text_of(f.get("master.m3u8"));
  CHECK(troupe::test::check_master(first) == troupe::test::complaints{});
  f.publish_all();
  const auto text = text_of(f.get("master.m3u8"));
  INFO(text);
  CHECK(troupe::test::check_master(text) == troupe::test::complaints{});
  CHECK(text.find("RESOLUTION=160x90") != text.npos);
  CHECK(text.find("FRAME-RATE=30.000") != text.npos);
  CHECK(text.find("mp4a.40.2\"") != text.npos);
  CHECK(text.find("\nsource/media.m3u8\n") != text.npos);
}

TEST_CASE("segment_cache: the master names a rate that only the first frames tell",
          "[media][cache]") {
  auto outputs = package(frames_of(load("media-bframes-10s.mp4")));
  for (auto& o : outputs.outputs) {
    if (auto* init = std::get_if<init_section>(&o)) {
      init->video->frame_rate = 0;  // an SPS without timing information
    }
  }
  fixture f(std::move(outputs));
  for (int parts = 0; parts < 30; ++parts) {
    f.publish_part();
    const auto text = text_of(f.get("master.m3u8"));
    INFO(text);
    REQUIRE(troupe::test::check_master(text) == troupe::test::complaints{});
    const auto at = text.find("FRAME-RATE=");
    REQUIRE(at != text.npos);
    CHECK(std::stod(text.substr(at + 11)) == Approx(30).epsilon(0.03));
    CHECK((parts > 1 || text.find("FRAME-RATE=30.000") != text.npos));
  }
}

TEST_CASE("segment_cache: long key-frame intervals get a second playlist over the same parts",
          "[media][cache]") {
  fixture f(fixture::usual(120'000, {.gop = 250}));
  troupe::test::playlist_watcher watcher;
  CHECK(f.get("source/media10.m3u8").status == 404);
  while (f.publish_part()) {
    const auto answer = f.get("source/media10.m3u8");
    const auto master = text_of(f.get("master.m3u8"));
    if (answer.status == 404) {
      CHECK(master.find("media10") == master.npos);
      continue;
    }
    CHECK(master.find("media10.m3u8") != master.npos);
    const auto complaints = watcher.next(text_of(answer));
    INFO(text_of(answer));
    REQUIRE(complaints == troupe::test::complaints{});
  }
  const auto list = parse(text_of(f.get("source/media10.m3u8")));
  CHECK(list.target_duration == 10);
  REQUIRE(list.segments.size() > 3);
  for (const auto& s : list.segments) {
    const auto whole = s.uri.empty() ? std::string() : text_of(f.get("source/" + s.uri));
    std::string parts;
    for (const auto& p : s.parts) {
      parts += text_of(f.get("source/" + p.uri));
    }
    CHECK((whole.empty() || parts.empty() || whole == parts));
    CHECK((s.parts.empty() || s.parts.front().independent));
  }
}

TEST_CASE("segment_cache: a blocking reload waits for just what it names", "[media][cache]") {
  fixture f(fixture::usual());
  for (int i = 0; i < 8; ++i) {  // segment 0 is whole, segment 1 has two parts
    f.publish_part();
  }
  REQUIRE(parse(f.playlist()).segments.back().parts.size() == 2);
  SECTION("what is there is answered at once, for long") {
    const auto a = f.get("source/media.m3u8", reload("1", "1"));
    CHECK(a.status == 200);
    CHECK(a.max_age == seconds(24));
    CHECK(f.get("source/media.m3u8").max_age == seconds(2));
    CHECK(f.get("source/media.m3u8", reload("0")).status == 200);
  }
  SECTION("the next part") {
    const auto waiting = f.ask("source/media.m3u8", reload("1", "2"));
    CHECK_FALSE(*waiting);
    f.publish_part();
    REQUIRE(*waiting);
    CHECK(parse(text_of(**waiting)).segments.back().parts.size() == 3);
  }
  SECTION("a whole segment") {
    const auto waiting = f.ask("source/media.m3u8", reload("1"));
    for (int i = 0; i < 3; ++i) {
      f.publish_part();
      CHECK_FALSE(*waiting);
    }
    f.publish_part();
    CHECK(*waiting);
  }
  SECTION("a part beyond a segment's last is the next segment's first") {
    const auto waiting = f.ask("source/media.m3u8", reload("1", "6"));
    for (int i = 0; i < 4; ++i) {
      f.publish_part();
      CHECK_FALSE(*waiting);
    }
    f.publish_part();
    CHECK(*waiting);
    CHECK(f.get("source/media.m3u8", reload("0", "6")).status == 200);
  }
  SECTION("a hinted part") {
    const auto waiting = f.ask("source/1.2.m4s");
    CHECK_FALSE(*waiting);
    CHECK(f.get("source/1.3.m4s").status == 404);
    f.publish_part();
    REQUIRE(*waiting);
    CHECK((*waiting)->body[0].size() == f.get("source/1.2.m4s").body[0].size());
  }
  SECTION("a hinted part that the segment ended before") {
    for (int i = 0; i < 4; ++i) {
      f.publish_part();
    }
    CHECK_FALSE(*f.ask("source/2.0.m4s"));
    CHECK(f.get("source/1.6.m4s").status == 404);
  }
  SECTION("three target durations at most") {
    const auto waiting = f.ask("source/media.m3u8", reload("1", "2"));
    f.time.advance(seconds(12));
    f.cache.expire(f.time.now());
    CHECK_FALSE(*waiting);
    f.time.advance(std::chrono::milliseconds(1));
    f.cache.expire(f.time.now());
    REQUIRE(*waiting);
    CHECK((*waiting)->status == 503);
  }
  SECTION("the end answers it") {
    const auto playlist = f.ask("source/media.m3u8", reload("2"));
    const auto hinted = f.ask("source/1.2.m4s");
    f.cache.end(7);
    REQUIRE((*playlist && *hinted));
    CHECK((*playlist)->status == 200);
    CHECK((*hinted)->status == 404);
    CHECK(f.get("source/media.m3u8", reload("99", "x")).status == 200);  // directives are ignored
  }
  SECTION("removal answers it") {
    const auto waiting = f.ask("source/media.m3u8", reload("2"));
    f.cache.remove(7);
    REQUIRE(*waiting);
    CHECK((*waiting)->status == 404);
  }
}

TEST_CASE("segment_cache: wrong directives are refused", "[media][cache]") {
  fixture f(fixture::usual());
  for (int i = 0; i < 8; ++i) {
    f.publish_part();
  }
  const auto status = [&](const delivery_directives& d) {
    return f.get("source/media.m3u8", d).status;
  };
  CHECK(status({std::nullopt, "1", std::nullopt}) == 400);
  for (const auto* wrong : {"", "-1", "+1", "1.0", "0x1", "a", " 1", "99999999999999999999"}) {
    CHECK(status(reload(wrong)) == 400);
    CHECK(status(reload("1", wrong)) == 400);
  }
  CHECK(status({std::nullopt, std::nullopt, "NO"}) == 400);
  CHECK(status(reload("3")) == 400);        // the last whole one is 0
  CHECK(status(reload("1", "10")) == 400);  // last part 1, limit 3 / 0.334
  CHECK(status(reload("2", "8")) == 400);
  CHECK_FALSE(*f.ask("source/media.m3u8", reload("1", "9")));
  CHECK_FALSE(*f.ask("source/media.m3u8", reload("2", "7")));
  CHECK_FALSE(*f.ask("source/media.m3u8", reload("2")));
}

TEST_CASE("segment_cache: what is not there costs nothing", "[media][cache]") {
  fixture f(fixture::usual(10'000));
  for (const auto* file : {"master.m3u8", "source/media.m3u8", "source/0.0.m4s", "", "/", "source/",
                           "source/init-1.mp4", "../x", "source/0.m4s"}) {
    CHECK(f.get(file).status == 404);
  }
  CHECK(f.numbers.text().find("troupe_segment_cache_streams 0") != std::string::npos);
  f.publish_all();
  for (const auto* file :
       {"other/media.m3u8", "source/media.m3u9", "source/9999.m4s", "source/0.99.m4s",
        "source/init-2.mp4", "source/init-.mp4", "source/.m4s", "source/1.2.3.m4s", "source/-1.m4s",
        "source/0-999999999.m4s", "source/2-1.m4s"}) {
    INFO(file);
    const auto a = f.get(file);
    CHECK(a.status == 404);
    CHECK(a.max_age <= seconds(2));
  }
}

TEST_CASE("segment_cache: removed segments stay fetchable and memory is given back",
          "[media][cache]") {
  fixture f(fixture::usual(300'000));
  std::size_t most = 0;
  while (f.publish_part()) {
    const auto list = parse(f.playlist());
    double listed = 0;
    for (const auto& s : list.segments) {
      listed += s.duration.value_or(0);
    }
    if (list.media_sequence > 0) {
      CHECK(listed >= 40);
      // As long again as it was listed.
      const auto oldest = std::max<std::int64_t>(0, list.media_sequence - 20);
      CHECK(f.get("source/" + std::to_string(oldest) + ".m4s").status == 200);
    }
    most = std::max(most, list.segments.size());
  }
  CHECK(most <= 22);
  CHECK(f.get("source/0.m4s").status == 404);
}

TEST_CASE("segment_cache: limits refuse, drop and count", "[media][cache]") {
  SECTION("waiting requests") {
    cache_options o;
    o.max_waiting = 2;
    fixture f(fixture::usual(), o);
    f.publish_part();
    const auto a = f.ask("source/0.1.m4s");
    const auto b = f.ask("source/0.1.m4s");
    const auto c = f.ask("source/0.1.m4s");
    CHECK((!*a && !*b && *c));
    CHECK((*c)->status == 503);
    f.publish_part();
    CHECK((*a && *b));
    CHECK_FALSE(*f.ask("source/0.2.m4s"));
    CHECK(f.numbers.text().find("troupe_segment_cache_waits_refused_total 1") != std::string::npos);
  }
  SECTION("bytes") {
    cache_options o;
    o.max_bytes_per_stream = 20'000;
    fixture f(fixture::usual(120'000), o);
    troupe::test::playlist_watcher watcher;
    while (f.publish_part()) {
      REQUIRE(watcher.next(f.playlist()) == troupe::test::complaints{});
    }
    CHECK(parse(f.playlist()).segments.size() < 15);
    CHECK(f.numbers.text().find("segments_dropped_total 0") == std::string::npos);
  }
  SECTION("an ended stream goes after its time") {
    fixture f(fixture::usual(10'000));
    f.publish_all();
    f.cache.end(7);
    f.time.advance(seconds(119));
    f.cache.expire(f.time.now());
    CHECK(f.get("source/media.m3u8").status == 200);
    f.time.advance(seconds(1));
    f.cache.expire(f.time.now());
    CHECK(f.get("source/media.m3u8").status == 404);
    CHECK(f.numbers.text().find("troupe_segment_cache_bytes 0") != std::string::npos);
  }
}

TEST_CASE("segment_cache: a replay changes nothing", "[media][cache]") {
  fixture f(fixture::usual(20'000));
  f.publish_all();
  const auto before = f.playlist();
  f.publish(0, f.made.outputs.size());
  CHECK(f.playlist() == before);
}

TEST_CASE("segment_cache: a reconnect shows as a discontinuity with its init section",
          "[media][cache]") {
  packager p(packager_options{});
  packaged made;
  synthetic first;
  first.add(0, 30'000, {});
  made.take(p.begin_publication(publisher(1)));
  push_all(p, made, first.frames);
  synthetic second;
  second.video = format("h264-baseline");
  second.add(0, 70'000, {});
  auto again = publisher(2);
  again.anchor_wall_us += 60'000'000;
  made.take(p.begin_publication(again));
  push_all(p, made, second.frames);
  fixture f(std::move(made));
  troupe::test::playlist_watcher watcher;
  bool seen = false;
  while (f.publish_part()) {
    const auto text = f.playlist();
    INFO(text);
    REQUIRE(watcher.next(text) == troupe::test::complaints{});
    seen = seen || text.find("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init-2.mp4\"") != text.npos;
  }
  CHECK(seen);
  CHECK(parse(f.playlist()).discontinuity_sequence == 1);
  CHECK(f.get("source/init-2.mp4").status == 200);
}

TEST_CASE("segment_cache: the byte limit holds when media time stands still", "[media][cache]") {
  cache_options o;
  o.max_bytes_per_stream = 10'000;
  fixture f({}, o);
  standstill s{f.cache};
  s.start();
  SECTION("between publications") {
    for (int i = 0; i < 50; ++i) {
      s.come_and_go(1000);
      REQUIRE(value_of(f.numbers, "troupe_segment_cache_bytes") <= 10'000);
    }
    CHECK(f.get("source/0.m4s").status == 404);
    CHECK(f.get("source/49.m4s").status == 200);
    CHECK(f.get("source/init-50.mp4").status == 200);
    CHECK(value_of(f.numbers, "troupe_segment_cache_segments_dropped_total") == 41);
  }
  SECTION("within one segment: its oldest parts become gaps") {
    s.begin_segment();
    for (int i = 0; i < 50; ++i) {
      s.add_part(i, 1000);
      REQUIRE(value_of(f.numbers, "troupe_segment_cache_bytes") <= 10'000);
    }
    CHECK(f.get("source/0.0.m4s").status == 404);
    CHECK(f.get("source/0.49.m4s").status == 200);
    CHECK(f.playlist().find("URI=\"0.0.m4s\",INDEPENDENT=YES,GAP=YES") != std::string::npos);
    CHECK(value_of(f.numbers, "troupe_segment_cache_segments_dropped_total") == 1);
  }
  SECTION("what is larger than the limit alone stays until the next") {
    s.come_and_go(20'000);
    CHECK(f.get("source/0.m4s").status == 200);
    s.come_and_go(1000);
    CHECK(f.get("source/0.m4s").status == 404);
  }
}

TEST_CASE("segment_cache: a segment that lost parts is a gap for as long as it is listed",
          "[media][cache]") {
  fixture f(fixture::usual(60'000));
  const cache_options roomy;
  rendition_timeline timeline("source", roomy);
  troupe::test::playlist_watcher watcher;
  std::size_t parts = 0;
  for (const auto& o : f.made.outputs) {
    timeline.take(o);
    if (!std::holds_alternative<part>(o)) {
      continue;
    }
    if (++parts == 3) {  // all streams together are over the limit
      timeline.trim(0);
      watcher = {};
    }
    const auto text = std::string(as_text(timeline.playlist(view::usual, false).view()));
    const auto complaints = watcher.next(text);
    INFO(text);
    REQUIRE(complaints == troupe::test::complaints{});
    const auto list = parse(text);
    for (const auto& s : list.segments) {
      REQUIRE((!s.duration || s.gap == (s.msn == 0)));
    }
  }
  CHECK(parse(std::string(as_text(timeline.playlist(view::usual, false).view())))
            .segments.front()
            .parts.empty());
}

TEST_CASE("segment_cache: a flood of tiny segments does not make a playlist endless",
          "[media][cache]") {
  fixture f;
  standstill s{f.cache};
  s.start();
  for (int i = 0; i < 1100; ++i) {
    s.come_and_go(1);
  }
  CHECK(f.get("source/99.m4s").status == 404);
  CHECK(f.get("source/100.m4s").status == 200);
  CHECK(f.get("source/1099.m4s").status == 200);
  CHECK(parse(f.playlist()).segments.size() <= 1000);
}

TEST_CASE("segment_cache: all streams together have a limit", "[media][cache]") {
  cache_options o;
  o.max_bytes = 64'000;
  fixture f({}, o);
  const auto has = [&](stream_id stream, std::string_view file) {
    int status = 0;
    f.cache.get(stream, file, {}, {}, [&](const cached_answer& a) { status = a.status; });
    return status == 200;
  };
  standstill large{f.cache, 1};
  standstill small{f.cache, 2};
  standstill ended{f.cache, 3};
  standstill ended_later{f.cache, 4};
  for (auto* s : {&large, &small, &ended, &ended_later}) {
    s->start();
  }
  ended_later.come_and_go(8000);
  ended.come_and_go(8000);
  f.cache.end(3);
  f.time.advance(seconds(1));
  f.cache.end(4);
  for (int i = 0; i < 10; ++i) {
    small.come_and_go(1000);
  }
  while (value_of(f.numbers, "troupe_segment_cache_bytes") < 59'000) {
    large.come_and_go(5000);
  }
  REQUIRE((has(3, "source/0.m4s") && has(4, "source/0.m4s") && has(1, "source/0.m4s")));
  large.come_and_go(5000);  // over it: the first that ended is enough
  CHECK_FALSE(has(3, "source/0.m4s"));
  CHECK(has(4, "source/0.m4s"));
  CHECK(has(1, "source/0.m4s"));
  for (int i = 0; i < 100; ++i) {
    large.come_and_go(1000);
    REQUIRE(value_of(f.numbers, "troupe_segment_cache_bytes") <= 64'000);
  }
  CHECK_FALSE(has(4, "source/0.m4s"));
  CHECK_FALSE(has(1, "source/0.m4s"));
  CHECK(has(2, "source/0.m4s"));  // it held less
  CHECK(value_of(f.numbers, "troupe_segment_cache_segments_dropped_total") > 0);
}

TEST_CASE("segment_cache: requests whose client left free their places", "[media][cache]") {
  cache_options o;
  o.max_waiting = 1;
  fixture f(fixture::usual(), o);
  f.publish_part();
  bool left = false;
  const auto first = f.ask("source/0.1.m4s", {}, [&] { return left; });
  f.cache.expire(f.time.now());
  REQUIRE_FALSE(*first);
  SECTION("when time is looked at") {
    left = true;
    f.cache.expire(f.time.now());
    REQUIRE(*first);
  }
  SECTION("when no place is left") {
    CHECK((*f.ask("source/0.1.m4s"))->status == 503);
    left = true;
    f.time.advance(std::chrono::milliseconds(50));
    CHECK_FALSE(*f.ask("source/0.1.m4s"));
    REQUIRE(*first);
  }
  CHECK((*first)->status == 503);
  CHECK(value_of(f.numbers, "troupe_segment_cache_waits_abandoned_total") == 1);
  CHECK(value_of(f.numbers, "troupe_segment_cache_waits_expired_total") == 0);
}

TEST_CASE("segment_cache: frames that last no time put no nonsense into the master",
          "[media][cache]") {
  fixture f;
  standstill s{f.cache};
  s.start();
  for (int i = 0; i < 3; ++i) {
    s.come_and_go(100'000);
    const auto text = text_of(f.get("master.m3u8"));
    INFO(text);
    CHECK(text.find("FRAME-RATE") == text.npos);
    CHECK(text.find(":BANDWIDTH=2892800,AVERAGE-BANDWIDTH=2892800,") != text.npos);
  }
}
