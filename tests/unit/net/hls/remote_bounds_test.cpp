// SPDX-License-Identifier: GPL-3.0-or-later
// What a node keeps, and gives up, of other nodes' streams; links and stores that fail.
#include <spdlog/fmt/fmt.h>

#include "net/hls/kept_files.hpp"
#include "net/hls/part_download.hpp"
#include "tests/unit/net/hls/remote_fixture.hpp"

using namespace troupe;
using namespace troupe::hls;
using namespace troupe::hls::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

wanted_file file_of(stream_id s, const std::string& file,
                    const media::delivery_directives& d = {}) {
  auto w = want(s, media::parse_file(file), d);
  REQUIRE(w);
  return *w;
}

media::cached_answer answer_of(std::size_t size) {
  return {200, "video/mp4", seconds(3600), {shared_bytes(bytes(size))}, {}};
}

}  // namespace

TEST_CASE("remote cache: requests that wait, and fetches, are bounded", "[net][hls]") {
  remote_fixture f({}, {.most_waiting = 3, .most_fetches = 2});
  f.own(stream, "a");
  f.go_live("a");
  const auto one = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  const auto two = f.ask("b", "source/1.1.m4s");
  const auto third = f.get("b", "source/0.0.m4s");
  CHECK(third.status == 503);
  const auto same = f.ask("b", "source/1.1.m4s");
  CHECK_FALSE(*same);
  CHECK(f.get("b", "source/1.1.m4s").status == 503);
  CHECK(f.value("b", R"(troupe_hls_fetches_failed_total{why="too_many"})") == 2);
  f.add_part("a", 1, 1);
  f.network.run();
  CHECK((**one).status == 200);
  CHECK((**two).status == 200);
  CHECK((**same).status == 200);
  CHECK(f.get("b", "source/0.0.m4s").status == 200);  // there is room again
}

TEST_CASE("remote cache: look-ups of owners are bounded and shared", "[net][hls]") {
  remote_fixture f({}, {.most_lookups = 2});
  f.own(stream, "a");
  f.go_live("a");
  f.store_is_slow = true;
  const auto one = f.ask("b", "source/0.0.m4s");
  const auto two = f.ask("b", "source/0.1.m4s");
  const auto other = f.ask("b", "master.m3u8", {}, {}, 8);
  CHECK(f.lookups == 2);
  CHECK(f.get("b", "master.m3u8", {}, 9).status == 503);
  f.store_answers();
  f.network.run();
  CHECK((**one).status == 200);
  CHECK((**two).status == 200);
  CHECK((**other).status == 404);
}

TEST_CASE("remote cache: clients that left are let go", "[net][hls]") {
  remote_fixture f;
  f.own(stream, "a");
  f.go_live("a");
  bool left = false;
  const auto one = f.ask("b", "source/media.m3u8", f.at_part(1, 1), [&] { return left; });
  const auto other = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  f.network.run();
  left = true;
  f.advance(milliseconds(250));
  REQUIRE(*one);
  CHECK((*one)->status == 503);
  CHECK_FALSE(*other);
  CHECK(f.value("b", "troupe_hls_fetch_waiting_requests") == 1);
}

TEST_CASE("remote cache: without the store, whoever has the stream is found", "[net][hls]") {
  remote_fixture f;
  f.own(stream, "a");
  f.go_live("a");
  f.own(8, "c");
  f.go_live("c", 8);
  f.store_is_away = true;
  CHECK(f.get("b", "source/media.m3u8").status == 200);
  CHECK(f.get("b", "source/media.m3u8", {}, 8).status == 200);
  CHECK(f.lookups == 2);
  CHECK(f.get("b", "source/0.0.m4s").status == 200);
  CHECK(f.lookups == 2);  // known by now
  const auto nowhere = f.ask("b", "source/media.m3u8", {}, {}, 9);
  f.advance(seconds(2));
  CHECK_FALSE(*nowhere);  // it may be on its way
  f.store_is_away = false;
  f.advance(milliseconds(300));
  REQUIRE(*nowhere);
  CHECK((*nowhere)->status == 404);
}

TEST_CASE("remote cache: an answer that was lost is asked for again", "[net][hls]") {
  remote_fixture f;
  f.own(stream, "a");
  f.go_live("a");
  SECTION("when the connection is new") {
    const auto part = f.ask("b", "source/0.0.m4s");
    f.network.lose_contact("b", "a");  // the question is lost
    f.network.run();
    f.advance(milliseconds(300));
    REQUIRE(*part);
    CHECK((*part)->status == 200);
  }
  SECTION("when nothing comes for a second") {
    const auto part = f.ask("b", "source/0.0.m4s");
    REQUIRE(f.network.drop("b", "a", link_stream::media));
    f.advance(milliseconds(900));
    CHECK_FALSE(*part);
    f.advance(milliseconds(200));
    REQUIRE(*part);
    CHECK((*part)->status == 200);
  }
  SECTION("one that waits over there waits once") {
    const auto blocked = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
    f.advance(seconds(8));
    CHECK(f.value("a", "troupe_segment_cache_waiting_requests") == 1);
    f.add_part("a", 1, 1);
    f.network.run();
    REQUIRE(*blocked);
    CHECK((*blocked)->status == 200);
    CHECK(f.value("a", "troupe_hls_parts_served_total") == 1);
  }
}

TEST_CASE("part server: what a link does not take is sent when it does", "[net][hls]") {
  remote_fixture f;
  f.own(stream, "a");
  f.go_live("a");
  CHECK(f.get("b", "source/0.0.m4s").status == 200);
  f.network.fill("a", "b", link_stream::media, true);
  const auto part = f.ask("b", "source/0.1.m4s");
  f.network.run();
  CHECK_FALSE(*part);
  CHECK(f.value("a", "troupe_hls_parts_delayed_total") == 1);
  f.network.fill("a", "b", link_stream::media, false);
  f.advance(milliseconds(50));
  REQUIRE(*part);
  CHECK((*part)->status == 200);
  CHECK(f.value("a", "troupe_hls_parts_dropped_total") == 0);
}

TEST_CASE("part server: what waits, and what no link takes, is bounded", "[net][hls]") {
  remote_fixture f({.most_waiting = 1, .most_unsent = 1});
  f.own(stream, "a");
  f.go_live("a");
  const auto one = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  f.network.run();
  CHECK(f.get("c", "source/1.1.m4s").status == 503);
  CHECK(f.value("a", "troupe_hls_parts_refused_total") == 1);
  SECTION("a node that is gone frees its places") {
    f.kill("b");
    f.network.run();
    f.advance(milliseconds(250));
    const auto now = f.ask("c", "source/1.1.m4s");
    f.network.run();
    CHECK_FALSE(*now);
    f.add_part("a", 1, 1);
    f.network.run();
    REQUIRE(*now);
    CHECK((*now)->status == 200);
  }
  SECTION("no link takes it: it is dropped, and asked for again") {
    f.add_part("a", 1, 1);
    f.network.run();
    REQUIRE(*one);
    f.network.fill("a", "b", link_stream::media, true);
    const auto first = f.ask("b", "source/0.0.m4s");
    const auto second = f.ask("b", "source/0.1.m4s");
    f.network.run();
    CHECK(f.value("a", "troupe_hls_parts_dropped_total") == 1);
    f.advance(seconds(3));
    CHECK(f.value("a", "troupe_hls_parts_dropped_total") >= 2);
    f.network.fill("a", "b", link_stream::media, false);
    f.advance(seconds(4));
    REQUIRE(*first);
    REQUIRE(*second);
    CHECK((*first)->status == 200);
    CHECK((*second)->status == 200);
  }
}

TEST_CASE("remote cache: garbage is no answer, and what nobody waits for is passed over",
          "[net][hls]") {
  remote_fixture f;
  f.own(stream, "a");
  f.go_live("a");
  const auto answer = f.ask("b", "source/0.0.m4s");
  const auto forged = [&](const part_head& head, std::size_t size) {
    runtime::envelope e;
    e.type = data_type;
    e.version = part_version;
    e.number = 1;
    e.from_incarnation = f.at("a").incarnation;
    e.to_incarnation = f.at("b").incarnation;
    e.body = encode_data(head, answer_of(size), size);
    return e;
  };
  auto stranger = forged({.status = 200, .max_age_s = 1, .total = 5, .offset = 0}, 5);
  CHECK(f.at("b").cache->received("c", link_stream::media, stranger));
  CHECK_FALSE(*answer);  // c was not asked
  auto old = forged({.status = 200, .max_age_s = 1, .total = 5, .offset = 0}, 5);
  old.to_incarnation += 1;
  CHECK(f.at("b").cache->received("a", link_stream::media, old));
  CHECK_FALSE(*answer);
  auto wrong = forged({.status = 200, .max_age_s = 1, .total = 500, .offset = 0}, 5);
  CHECK(f.at("b").cache->received("a", link_stream::media, wrong));
  REQUIRE(*answer);
  CHECK((*answer)->status == 503);
  CHECK(f.value("b", R"(troupe_hls_fetches_failed_total{why="garbled"})") == 1);
  f.network.run();  // the real one is late
  CHECK(f.get("b", "source/0.0.m4s").status == 200);
}

TEST_CASE("remote cache: what waits is answered when the node stops", "[net][hls]") {
  remote_fixture f;
  f.own(stream, "a");
  f.go_live("a");
  const auto answer = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  f.store_is_slow = true;
  const auto looked_for = f.ask("b", "master.m3u8", {}, {}, 8);
  f.network.run();
  f.at("b").cache.reset();
  REQUIRE(*answer);
  CHECK((*answer)->status == 503);
  REQUIRE(*looked_for);
  CHECK((*looked_for)->status == 503);
  f.store_answers();  // too late for anybody
  f.at("a").server.reset();
  f.add_part("a", 1, 1);
}

TEST_CASE("kept files: media goes by when it was last used, playlists by their age", "[net][hls]") {
  manual_clock time;
  kept_files kept(10'000);
  for (int i = 0; i < 4; ++i) {
    kept.keep(file_of(7, fmt::format("source/{}.m4s", i)), answer_of(2000), time.now());
  }
  CHECK(kept.bytes() <= 10'000);
  REQUIRE(kept.find(file_of(7, "source/0.m4s"), time.now()));
  kept.keep(file_of(7, "source/4.m4s"), answer_of(2000), time.now());
  CHECK(kept.find(file_of(7, "source/0.m4s"), time.now()));
  CHECK_FALSE(kept.find(file_of(7, "source/1.m4s"), time.now()));
  CHECK_FALSE(kept.find(file_of(8, "source/0.m4s"), time.now()));
  kept.keep(file_of(7, "source/9.m4s"), answer_of(20'000), time.now());
  CHECK_FALSE(kept.find(file_of(7, "source/9.m4s"), time.now()));
  const auto playlist = [](std::optional<std::string> msn = {}) {
    return file_of(7, "source/media.m3u8", {std::move(msn), std::nullopt, std::nullopt});
  };
  kept.keep(playlist("5"), answer_of(3), time.now());
  CHECK(kept.find(playlist(), time.now()));
  CHECK(kept.find(playlist("4"), time.now()));
  CHECK(kept.find(file_of(7, "source/media.m3u8", {"5", "900", std::nullopt}), time.now()));
  CHECK_FALSE(kept.find(playlist("6"), time.now()));
  CHECK_FALSE(kept.find(file_of(7, "source/media.m3u8", {"5", "1", "YES"}), time.now()));
  kept.keep(playlist("4"), answer_of(4), time.now());  // late
  CHECK(kept.find(playlist("5"), time.now())->body.at(0).size() == 3);
  time.advance(kept_files::playlist_age);
  CHECK_FALSE(kept.find(playlist(), time.now()));
  CHECK(kept.find(file_of(7, "source/0.m4s"), time.now()));
  time.advance(kept_files::media_age - kept_files::playlist_age);
  kept.purge(time.now());  // all but the one that was used since
  CHECK(kept.find(file_of(7, "source/0.m4s"), time.now()));
  CHECK_FALSE(kept.find(file_of(7, "source/4.m4s"), time.now()));
  CHECK(kept.bytes() < 3000);
}

TEST_CASE("kept files: what is missing is bounded, the oldest is forgotten", "[net][hls]") {
  manual_clock time;
  kept_files kept(1000);
  const auto nth = [](std::size_t n) { return file_of(7, fmt::format("source/{}.m4s", n)); };
  for (std::size_t i = 0; i <= kept_files::most_missing; ++i) {
    kept.keep_missing(nth(i), time.now());
  }
  CHECK_FALSE(kept.is_missing(nth(0), time.now()));
  CHECK(kept.is_missing(nth(1), time.now()));
  CHECK(kept.is_missing(nth(kept_files::most_missing), time.now()));
  time.advance(kept_files::missing_age);
  CHECK_FALSE(kept.is_missing(nth(1), time.now()));
  kept.keep_missing(stream, time.now());
  CHECK(kept.is_missing(nth(1), time.now()));  // the whole stream
}

TEST_CASE("part messages: what does not fit together is refused", "[net][hls]") {
  const auto get = [](const part_get& asked) { return decode_get(runtime::encode(asked)); };
  part_get good;
  good.stream = 7;
  good.file = "source/0.m4s";
  CHECK(get(good));
  auto bad = good;
  bad.stream = 0;
  CHECK_FALSE(get(bad));
  bad = good;
  bad.file = std::string(longest_address + 1, 'x');
  CHECK_FALSE(get(bad));
  bad = good;
  bad.part = 3;  // of which segment?
  CHECK_FALSE(get(bad));
  bad = good;
  bad.msn = -1;
  CHECK_FALSE(get(bad));
  CHECK_FALSE(decode_get(bytes(3)));

  CHECK_FALSE(decode_data({}));
  CHECK_FALSE(decode_data(bytes{0xFF, 0xFF, 0xFF, 0xFF, 1}));
  const part_head head{.status = 200, .max_age_s = 1, .total = 10, .offset = 8};
  CHECK(decode_data(encode_data(head, answer_of(10), 2)));
  auto longer = encode_data(head, answer_of(10), 2);
  longer.push_back(1);
  CHECK_FALSE(decode_data(longer));  // beyond the file's end
}

TEST_CASE("part download: a node that says something else of the file is not believed",
          "[net][hls]") {
  part_download d;
  const auto piece = [](std::uint64_t total, std::uint64_t offset, std::size_t size) {
    return part_data{{.status = 200, .max_age_s = 1, .total = total, .offset = offset},
                     shared_bytes(bytes(size))};
  };
  CHECK(d.next() == 0);
  CHECK_FALSE(d.next());  // how long it is, is not known
  CHECK(d.take(piece(chunk_bytes + 5, 0, chunk_bytes)));
  CHECK(d.next() == chunk_bytes);
  CHECK_FALSE(d.take(piece(chunk_bytes + 6, chunk_bytes, 6)));
  CHECK_FALSE(d.take(piece(chunk_bytes + 5, chunk_bytes, 4)));
  CHECK_FALSE(d.take(piece(chunk_bytes + 5, 7, 5)));
  CHECK(d.take(piece(chunk_bytes + 5, 0, chunk_bytes)));  // again
  CHECK_FALSE(d.is_complete());
  d.forget_asked();
  CHECK(d.next() == chunk_bytes);
  CHECK(d.take(piece(chunk_bytes + 5, chunk_bytes, 5)));
  CHECK(d.is_complete());
  CHECK_FALSE(d.next());
}
