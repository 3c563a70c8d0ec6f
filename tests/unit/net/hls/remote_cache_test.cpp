// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/remote_cache.hpp"

#include "net/hls/part_download.hpp"
#include "tests/unit/net/hls/remote_fixture.hpp"

using namespace troupe;
using namespace troupe::hls;
using namespace troupe::hls::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Stream 7 is live on a.
struct fixture : remote_fixture {
  using remote_fixture::remote_fixture;

  void live_on_a(std::size_t size = 1000) {
    own(stream, "a");
    go_live("a", stream, size);
  }

  double fetches(const std::string& on) { return value(on, "troupe_hls_fetches_total"); }
};

}  // namespace

TEST_CASE("remote cache: a stream of another node is read as if it were here", "[net][hls]") {
  fixture f;
  f.live_on_a();
  for (const auto* file : {"master.m3u8", "source/media.m3u8", "source/init-1.mp4",
                           "source/0.0.m4s", "source/0.5.m4s", "source/0.m4s", "source/1.0.m4s"}) {
    INFO(file);
    const auto there = f.get("a", file);
    const auto here = f.get("b", file);
    CHECK(there.status == 200);
    CHECK(here.status == 200);
    CHECK(f.text(here) == f.text(there));
    CHECK(here.content_type == there.content_type);
    CHECK(here.max_age == there.max_age);
  }
  CHECK(f.get("b", "source/media.m3u8", {std::nullopt, std::nullopt, "YES"}).status == 200);
  CHECK(f.value("a", "troupe_hls_fetches_total") == 0);
  CHECK(f.lookups == 1);  // b's: what is at home is not looked up
}

TEST_CASE("remote cache: a hundred who want a part make one fetch", "[net][hls]") {
  fixture f;
  f.live_on_a();
  std::vector<slot> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(f.ask("b", "source/0.3.m4s"));
  }
  CHECK(f.network.on_the_way() == 1);
  f.network.run();
  for (const auto& a : answers) {
    REQUIRE(*a);
    CHECK((*a)->status == 200);
    CHECK((*a)->body.at(0).data() == (*answers[0])->body.at(0).data());  // one copy for all
  }
  CHECK(f.fetches("b") == 1);
  CHECK(f.value("b", "troupe_hls_fetches_shared_total") == 99);
  CHECK(f.value("b", "troupe_hls_fetched_bytes_total") == 1000);
  CHECK(f.value("b", "troupe_hls_fetch_waiting_requests") == 0);
  // Later ones make none.
  const auto kept = f.ask("b", "source/0.3.m4s");
  REQUIRE(*kept);
  CHECK((*kept)->status == 200);
  CHECK(f.fetches("b") == 1);
  CHECK(f.value("b", "troupe_hls_fetched_hits_total") == 1);
  f.advance(seconds(60));
  CHECK(f.get("b", "source/00.03.m4s").status == 200);  // the same, however it is written
  CHECK(f.fetches("b") == 1);
}

TEST_CASE("remote cache: those who wait for what is to come hang on one question", "[net][hls]") {
  fixture f;
  f.live_on_a();
  const auto hinted = f.ask("b", "source/1.1.m4s");
  std::vector<slot> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(f.ask("b", "source/media.m3u8", f.at_part(1, 1)));
  }
  const auto at_home = f.ask("a", "source/media.m3u8", f.at_part(1, 1));
  f.network.run();
  f.advance(milliseconds(300));
  CHECK_FALSE(*answers[0]);
  CHECK_FALSE(*hinted);
  CHECK(f.fetches("b") == 2);
  CHECK(f.value("a", "troupe_segment_cache_waiting_requests") == 3);  // b's two and a's own
  f.add_part("a", 1, 1);
  REQUIRE(*at_home);
  CHECK(f.network.on_the_way() == 2);
  f.network.run();  // no time passes
  REQUIRE(*hinted);
  CHECK((*hinted)->status == 200);
  for (const auto& a : answers) {
    REQUIRE(*a);
    CHECK(f.text(**a) == f.text(**at_home));
  }
}

TEST_CASE("remote cache: what is too far, malformed or waited for in vain is said", "[net][hls]") {
  fixture f;
  f.live_on_a();
  CHECK(f.get("b", "source/media.m3u8", f.at_part(90, 0)).status == 400);
  CHECK(f.get("b", "source/media.m3u8", {"x", std::nullopt, std::nullopt}).status == 400);
  CHECK(f.get("b", "source/media.m3u8", {std::nullopt, "1", std::nullopt}).status == 400);
  const auto blocked = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  f.network.run();
  f.advance(seconds(11));
  CHECK_FALSE(*blocked);
  f.advance(seconds(2));  // three target durations
  REQUIRE(*blocked);
  CHECK((*blocked)->status == 503);
  CHECK(f.value("a", "troupe_segment_cache_waits_expired_total") == 1);
}

TEST_CASE("remote cache: a playlist is kept for less than half a part", "[net][hls]") {
  fixture f;
  f.live_on_a();
  const auto first = f.get("b", "source/media.m3u8", f.at_part(1, 0));
  f.advance(milliseconds(100));
  CHECK(f.text(f.get("b", "source/media.m3u8")) == f.text(first));
  CHECK(f.get("b", "source/media.m3u8", f.at_part(0, 5)).status == 200);  // it reaches that
  CHECK(f.fetches("b") == 1);
  const auto next = f.ask("b", "source/media.m3u8", f.at_part(1, 1));  // that it does not
  CHECK_FALSE(*next);
  CHECK(f.fetches("b") == 2);
  f.network.run();
  f.add_part("a", 1, 1);
  f.network.run();
  REQUIRE(*next);
  CHECK(f.text(f.get("b", "source/media.m3u8", f.at_part(1, 0))) == f.text(**next));
  CHECK(f.fetches("b") == 2);
  f.advance(milliseconds(150));
  f.add_part("a", 1, 2);
  CHECK(f.text(f.get("b", "source/media.m3u8")).find("1.2.m4s") != std::string::npos);
  CHECK(f.fetches("b") == 3);
}

TEST_CASE("remote cache: unknown streams and files are 404, and cost a look-up a second",
          "[net][hls]") {
  fixture f;
  f.live_on_a();
  for (int i = 0; i < 10; ++i) {
    CHECK(f.get("b", "master.m3u8", {}, 99).status == 404);
    CHECK(f.get("b", "source/media.m3u8", {}, 99).status == 404);
  }
  CHECK(f.lookups == 1);
  CHECK(f.network.delivered() > 0);
  CHECK(f.value("b", "troupe_hls_fetched_missing_total") == 19);
  CHECK(f.get("b", "nonsense").status == 404);
  for (int i = 0; i < 10; ++i) {
    CHECK(f.get("b", "source/900.m4s").status == 404);
  }
  CHECK(f.value("a", "troupe_hls_parts_served_total") == 1);
  f.advance(seconds(1));
  f.own(99, "c");
  f.go_live("c", 99);
  CHECK(f.get("b", "master.m3u8", {}, 99).status == 200);  // it was there for a second only
  CHECK(f.get("b", "source/900.m4s").status == 404);
  CHECK(f.value("a", "troupe_hls_parts_served_total") == 2);
}

TEST_CASE("remote cache: a stream that is over is 404 at once, wherever it was", "[net][hls]") {
  fixture f;
  f.own(stream, "a");  // the row stays
  f.homes.clear();
  CHECK(f.get("b", "source/media.m3u8").status == 404);
  CHECK(f.lookups == 2);  // a second look, since a has not got it
  f.own(stream, "b");
  f.homes.clear();
  f.advance(seconds(1));
  CHECK(f.get("b", "source/media.m3u8").status == 404);
  SECTION("while it is fetchable, its end is the same everywhere") {
    f.advance(seconds(1));
    f.live_on_a();
    f.at("a").parts.end(stream);
    f.homes.clear();  // passive
    const auto here = f.get("b", "source/media.m3u8");
    CHECK(here.status == 200);
    CHECK(f.text(here).find("#EXT-X-ENDLIST") != std::string::npos);
    CHECK(f.text(here) == f.text(f.get("a", "source/media.m3u8")));
    CHECK(f.get("b", "source/0.m4s").status == 200);
  }
}

TEST_CASE("remote cache: large media comes in chunks, a few at a time", "[net][hls]") {
  fixture f;
  constexpr std::size_t size = chunk_bytes * 6 + 17;
  f.live_on_a(size);
  const auto answer = f.ask("b", "source/0.2.m4s");
  std::size_t most = 0;
  while (f.network.deliver_next()) {
    most = std::max(most, f.network.on_the_way());
    const auto* next = f.network.peek("a", "b", link_stream::media);
    CHECK((next == nullptr || next->body.size() <= chunk_bytes + 300));
  }
  REQUIRE(*answer);
  CHECK((*answer)->status == 200);
  CHECK((*answer)->body.size() == 7);
  const auto expected = f.content(0, 2, size);
  CHECK(f.text(**answer) == std::string(expected.begin(), expected.end()));
  CHECK(most == part_download::window);
  CHECK(f.value("a", "troupe_hls_parts_served_total") == 7);
  SECTION("a whole segment, too") {
    CHECK(f.text(f.get("b", "source/0.m4s")) == f.text(f.get("a", "source/0.m4s")));
  }
}

TEST_CASE("remote cache: an owner's death midway is not seen", "[net][hls]") {
  fixture f;
  constexpr std::size_t size = chunk_bytes * 6;
  f.live_on_a(size);
  f.go_live("c", stream, size);  // what a gave to its standby
  const auto part = f.ask("b", "source/0.2.m4s");
  const auto blocked = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  for (int i = 0; i < 6; ++i) {
    f.network.deliver_next();
  }
  REQUIRE_FALSE(*part);
  f.kill("a");
  f.network.run();
  SECTION("media comes from who holds it, before anybody is found dead") {
    REQUIRE(*part);
    CHECK((*part)->status == 200);
    const auto expected = f.content(0, 2, size);
    CHECK(f.text(**part) == std::string(expected.begin(), expected.end()));
    const auto again = 7 - f.value("c", "troupe_hls_parts_served_total");
    CHECK(again >= 1);  // what had come was not fetched twice
    CHECK_FALSE(*blocked);
  }
  SECTION("what is waited for goes to the next owner") {
    f.advance(seconds(2));
    f.declare_dead("a");
    f.advance(seconds(1));
    CHECK_FALSE(*blocked);
    f.own(stream, "c");
    f.advance(milliseconds(300));
    CHECK_FALSE(*blocked);
    f.add_part("c", 1, 1);
    f.network.run();
    REQUIRE(*blocked);
    CHECK((*blocked)->status == 200);
    CHECK(f.text(**blocked).find("1.1.m4s") != std::string::npos);
    CHECK(f.value("b", "troupe_hls_fetches_rerouted_total") >= 1);
  }
  SECTION("and one that is getting ready is waited for") {
    f.declare_dead("a");
    f.own(stream, "c");
    f.coming.insert(stream);
    f.advance(seconds(1));
    CHECK_FALSE(*blocked);
    CHECK(f.get("b", "source/0.1.m4s").status == 200);  // what is there is there
    f.add_part("c", 1, 1);
    f.coming.clear();
    f.advance(milliseconds(200));
    REQUIRE(*blocked);
    CHECK((*blocked)->status == 200);
  }
  SECTION("nobody takes it over: who waits learns it in time") {
    f.declare_dead("a");
    const auto plain = f.ask("b", "source/media.m3u8");
    f.advance(seconds(8));
    REQUIRE(*plain);
    CHECK((*plain)->status == 503);
    f.advance(seconds(24));
    REQUIRE(*blocked);
    CHECK((*blocked)->status == 503);
    CHECK(f.lookups < 150);  // four a second
  }
  SECTION("it is over: 404 at once") {
    f.declare_dead("a");
    f.rows[stream] = std::nullopt;
    f.advance(milliseconds(300));
    REQUIRE(*blocked);
    CHECK((*blocked)->status == 404);
  }
}

TEST_CASE("remote cache: a new owner that has not got its media back is waited for", "[net][hls]") {
  fixture f;
  f.live_on_a();
  CHECK(f.get("b", "source/media.m3u8").status == 200);
  f.kill("a");
  f.declare_dead("a");
  f.own(stream, "c");
  f.advance(milliseconds(150));
  const auto answer = f.ask("b", "source/media.m3u8");
  f.advance(seconds(1));
  CHECK_FALSE(*answer);
  f.go_live("c");
  f.advance(milliseconds(300));
  REQUIRE(*answer);
  CHECK((*answer)->status == 200);
}

TEST_CASE("remote cache: copies of dead nodes' media are found on any node", "[net][hls]") {
  fixture f;
  f.live_on_a();
  media::part p;
  p.data = shared_bytes(f.content(0, 0, 1000));
  const std::vector<media::output> copy{media::playlist_started{}, media::segment_started{}, p};
  f.at("b").copies.publish(stream, "source", copy);
  f.kill("a");
  f.network.run();
  CHECK(f.get("c", "source/0.0.m4s").status == 200);
  const auto here = f.ask("b", "source/0.0.m4s");
  REQUIRE(*here);
  CHECK((*here)->status == 200);
  const auto nowhere = f.ask("c", "source/0.1.m4s");
  const auto playlist = f.ask("c", "source/media.m3u8");  // a copy's is nobody's
  f.advance(seconds(2));
  CHECK_FALSE(*nowhere);
  CHECK_FALSE(*playlist);
}

TEST_CASE("remote cache: a moved stream is read where it is", "[net][hls]") {
  fixture f;
  f.live_on_a();
  f.go_live("c");
  const auto at_b = f.ask("b", "source/media.m3u8", f.at_part(1, 1));
  const auto at_a = f.ask("a", "source/media.m3u8", f.at_part(1, 1));
  f.network.run();
  f.own(stream, "c");
  f.advance(milliseconds(50));  // a lets go of what waits
  CHECK_FALSE(*at_a);
  CHECK_FALSE(*at_b);
  CHECK(f.value("c", "troupe_segment_cache_waiting_requests") == 2);
  f.add_part("c", 1, 1);
  f.network.run();
  REQUIRE(*at_a);
  REQUIRE(*at_b);
  CHECK(f.text(**at_a) == f.text(**at_b));
  CHECK((*at_a)->status == 200);
  const auto before = f.fetches("a");
  CHECK(f.get("a", "source/0.3.m4s").status == 200);  // it holds that still
  CHECK(f.fetches("a") == before);
  SECTION("and back") {
    const auto waits = f.ask("b", "source/media.m3u8", f.at_part(1, 2));
    f.network.run();
    f.add_part("a", 1, 1);
    f.own(stream, "a");
    f.advance(milliseconds(50));
    f.add_part("a", 1, 2);
    f.network.run();
    REQUIRE(*waits);
    CHECK((*waits)->status == 200);
  }
  SECTION("to the node itself, which is not ready at once") {
    const auto waits = f.ask("b", "source/media.m3u8", f.at_part(1, 2));
    f.network.run();
    f.own(stream, "b");
    f.coming.insert(stream);
    f.advance(seconds(1));
    const auto later = f.ask("b", "source/media.m3u8");
    f.advance(milliseconds(200));
    CHECK_FALSE(*later);
    f.go_live("b");
    f.add_part("b", 1, 1);
    f.coming.clear();
    f.advance(milliseconds(200));
    REQUIRE(*later);
    CHECK((*later)->status == 200);
    f.add_part("b", 1, 2);
    REQUIRE(*waits);
    CHECK((*waits)->status == 200);
  }
  SECTION("to the node itself") {
    const auto waits = f.ask("b", "source/media.m3u8", f.at_part(1, 2));
    f.network.run();
    f.go_live("b");
    f.add_part("b", 1, 1);
    f.own(stream, "b");
    f.advance(milliseconds(50));
    CHECK(f.value("b", "troupe_segment_cache_waiting_requests") == 1);
    f.add_part("b", 1, 2);
    REQUIRE(*waits);
    CHECK((*waits)->status == 200);
  }
}
