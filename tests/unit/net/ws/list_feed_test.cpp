// SPDX-License-Identifier: GPL-3.0-or-later
// What subscribers of the list of live streams are told, and when the store is asked for it.
#include "net/ws/list_feed.hpp"

#include "tests/unit/net/ws/list_fixture.hpp"

using namespace troupe;
using namespace troupe::ws;
using namespace troupe::ws::testing;

namespace {

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("list: the whole list first, then what changes", "[net][ws][list]") {
  list_bench b;
  b.store.add(1, 5);
  b.store.add(3).status = stream::status::reconnecting;
  b.store.add(2).status = stream::status::waiting;
  auto& p = b.connect();
  const auto whole = p.messages();
  REQUIRE(whole.size() == 1);
  CHECK(brief(whole[0]) == "streams 3,1");
  CHECK(whole[0].at("items").at(1).at("viewer_count").as_int64() == 5);
  CHECK(whole[0].at("items").at(0).at("status") == "reconnecting");
  CHECK(whole[0].at("items").at(0).at("username") == "aya");

  b.store.all[2].status = stream::status::live;
  b.store.all[3].title = "Another title";
  b.store.all[1].viewer_count = 6;
  b.advance(500ms);
  CHECK(heard(p) == lines{"changes set 3,2 counts 1=6"});
  b.store.all[3].status = stream::status::ended;
  b.advance(500ms);
  CHECK(heard(p) == lines{"changes gone 3"});
  b.advance(10s);
  CHECK(heard(p).empty());
}

TEST_CASE("list: what was stored here is told at once", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  auto& p = b.connect();
  b.advance(600ms);
  heard(p);
  b.store.add(2);
  b.stored();
  CHECK(heard(p) == lines{"changes set 2"});
  // Not more often than ten times a second, however often something is stored.
  const auto reads = b.store.reads;
  for (int i = 0; i < 100; ++i) {
    b.stored();
    b.advance(10ms);
  }
  CHECK(b.store.reads - reads <= 11);
}

TEST_CASE("list: what is stored during a reading is not overlooked", "[net][ws][list]") {
  list_bench b;
  auto& p = b.connect();
  heard(p);
  b.advance(490ms);
  b.store.is_holding = true;
  b.advance(10ms);
  b.store.add(2);
  b.stored();
  b.store.is_holding = false;
  b.store.release();
  b.run();
  CHECK(heard(p).empty());
  b.advance(100ms);
  CHECK(heard(p) == lines{"changes set 2"});
}

TEST_CASE("list: counts come twice a second at most, the last one surely", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  b.store.add(2);
  auto& p = b.connect();
  b.advance(1s);
  heard(p);
  std::size_t frames = 0;
  std::string last;
  for (int i = 1; i <= 200; ++i) {
    b.store.all[1].viewer_count = i;
    b.stored();
    b.advance(10ms);
    for (auto& each : heard(p)) {
      ++frames;
      last = std::move(each);
    }
  }
  CHECK(frames >= 3);
  CHECK(frames <= 5);
  b.advance(500ms);
  for (auto& each : heard(p)) {
    last = std::move(each);
  }
  CHECK(last == "changes counts 1=200");
  // A status does not wait for the counts.
  b.advance(1s);
  b.store.all[1].viewer_count = 7;
  b.stored();
  CHECK(heard(p) == lines{"changes counts 1=7"});
  b.advance(100ms);
  b.store.all[1].viewer_count = 8;
  b.store.all[2].status = stream::status::ended;
  b.stored();
  CHECK(heard(p) == lines{"changes gone 2"});
  b.advance(400ms);
  CHECK(heard(p) == lines{"changes counts 1=8"});
}

TEST_CASE("list: within its length, with what is beyond", "[net][ws][list]") {
  list_bench b;
  for (int i = 1; i <= 30; ++i) {
    b.store.add(i);
  }
  auto& p = b.connect({{"limit", "24"}});
  const auto whole = p.messages().at(0);
  CHECK(whole.at("items").as_array().size() == 25);
  CHECK(whole.at("more").as_bool());
  CHECK(whole.at("items").at(24).at("stream_id").as_int64() == 6);
  b.store.add(31);
  b.advance(500ms);
  CHECK(heard(p) == lines{"changes set 31 gone 6+"});
  b.store.all[5].viewer_count = 3;  // beyond the list
  b.advance(500ms);
  CHECK(heard(p).empty());
  for (const int id : {31, 30, 29, 28, 27, 26}) {
    b.store.all.erase(id);
  }
  b.advance(500ms);
  CHECK(heard(p) == lines{"changes set 6,5,4,3,2,1 gone 31,30,29,28,27,26"});
}

TEST_CASE("list: of one game", "[net][ws][list]") {
  list_bench b;
  b.store.add(1, 0, 7);
  b.store.add(2, 0, 8);
  b.store.add(3);
  auto& all = b.connect();
  auto& seven = b.connect({{"game_id", "7"}});
  CHECK(heard(all) == lines{"streams 3,2,1"});
  CHECK(heard(seven) == lines{"streams 1"});
  b.store.all[2].viewer_count = 4;
  b.advance(500ms);
  CHECK(heard(all) == lines{"changes counts 2=4"});
  CHECK(heard(seven).empty());
  b.store.all[2].game_id = 7;
  b.store.all[1].game_id = std::nullopt;
  b.advance(500ms);
  CHECK(heard(all) == lines{"changes set 2,1"});
  CHECK(heard(seven) == lines{"changes set 2 gone 1"});
}

TEST_CASE("list: a list of several pages is read whole", "[net][ws][list]") {
  list_bench b;
  for (int i = 1; i <= 250; ++i) {
    b.store.add(i, 0, i == 1 ? 7 : 8);
  }
  auto& oldest = b.connect({{"game_id", "7"}});
  CHECK(heard(oldest) == lines{"streams 1"});
  CHECK(b.store.calls == 3);
  auto& long_one = b.connect({{"limit", "1000"}});
  CHECK(long_one.messages().at(0).at("items").as_array().size() == 250);
}

TEST_CASE("list: the bytes of a frame are the same for everybody", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  std::vector<peer*> all;
  for (int i = 0; i < 6; ++i) {
    b.thread = i % 2;
    all.push_back(&b.connect());
  }
  b.store.all[1].viewer_count = 2;
  b.advance(500ms);
  for (auto* p : all) {
    CHECK(heard(*p) == lines{"streams 1", "changes counts 1=2"});
    CHECK(p->connection.handed == all[0]->connection.handed);
  }
  CHECK(b.count("troupe_list_changes_total") == 1);
  CHECK(b.count("troupe_list_writes_total") == 12);
  CHECK(b.count("troupe_list_resent_total") == 0);
}

TEST_CASE("list: who reads slowly gets the newest state, not a backlog", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  auto& slow = b.connect();
  auto& fast = b.connect();
  heard(slow);
  heard(fast);
  slow.connection.is_stuck = true;
  for (int i = 1; i <= 50; ++i) {
    b.store.all[1].viewer_count = i;
    b.store.add(100 + i);
    b.advance(500ms);
  }
  CHECK(heard(fast).size() == 50);
  // One frame waits, nothing else.
  CHECK(slow.connection.queued_bytes() < 1000);
  slow.connection.is_stuck = false;
  b.run();
  const auto frames = slow.messages();
  REQUIRE(frames.size() == 2);
  CHECK(brief(frames[0]) == "changes set 101 counts 1=1");
  CHECK(brief(frames[1]).starts_with("streams 150,149,"));
  CHECK(b.count("troupe_list_resent_total") == 1);
  b.store.all.clear();
  b.advance(500ms);
  CHECK(heard(slow).size() == 1);
}

TEST_CASE("list: nobody listens, nothing is read", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  b.advance(5s);
  b.stored();
  b.advance(5s);
  CHECK(b.store.reads == 0);
  auto& p = b.connect();
  CHECK(b.gauge("troupe_list_lists") == 1);
  b.advance(5s);
  CHECK(b.store.reads >= 10);
  CHECK(b.store.reads <= 12);
  b.disconnect(p);
  CHECK(b.gauge("troupe_list_lists") == 0);
  const auto reads = b.store.reads;
  b.stored();
  b.advance(5s);
  CHECK(b.store.reads == reads);
  // Who comes now is not shown what was then.
  b.store.add(2);
  CHECK(heard(b.connect()) == lines{"streams 2,1"});
  b.store.add(3);
  b.advance(500ms);
  CHECK(heard(b.peers.back()) == lines{"changes set 3"});
}

TEST_CASE("list: who comes at once after the last has gone is followed on", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  b.disconnect(b.connect());
  auto& p = b.connect();
  CHECK(heard(p) == lines{"streams 1"});
  b.store.add(2);
  b.advance(500ms);
  CHECK(heard(p) == lines{"changes set 2"});
}

TEST_CASE("list: while the store is away, everybody keeps what they have", "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  auto& p = b.connect();
  heard(p);
  b.store.failure = make_error(errc::unavailable, "the store is away");
  b.store.add(2);
  const auto calls = b.store.calls;
  b.advance(30s);
  CHECK(heard(p).empty());
  CHECK(b.store.calls - calls < 15);
  CHECK(b.count("troupe_list_read_failures_total") == b.store.calls - calls);
  auto& late = b.connect({{"limit", "50"}});
  CHECK(heard(late).empty());
  b.store.failure.reset();
  b.advance(5s);
  CHECK(heard(p) == lines{"changes set 2"});
  CHECK(heard(late) == lines{"streams 2,1"});
}

TEST_CASE("list: making lists counts in the share of time that reading may take",
          "[net][ws][list]") {
  list_bench b;
  b.store.add(1);
  b.connect();
  b.on_post = [&b] { b.time.advance(100ms); };  // what a list takes to be made and handed on
  const auto began = b.time.now();
  const auto reads = b.store.reads;
  for (int i = 1; i <= 1000; ++i) {
    b.store.all[1].viewer_count = i;
    b.advance(10ms);
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(b.time.now() - began).count();
  CHECK(b.store.reads - reads <= seconds + 1);  // a tenth of the time at most
  CHECK(b.store.reads - reads >= seconds / 2);
  b.on_post = nullptr;
}

TEST_CASE("list: thousands are served in slices, and may leave meanwhile", "[net][ws][list]") {
  list_bench b(
      {.sockets_total = 0, .sockets_per_address = 0, .connects_per_minute_per_address = 0});
  b.store.add(1);
  for (int i = 0; i < 700; ++i) {
    b.connect();
  }
  b.store.all[1].viewer_count = 1;
  b.time.advance(500ms);
  b.loop_state->run();  // the reading begins
  const auto written = [&] { return b.count("troupe_list_writes_total") - 700; };
  double most = 0;
  while (!b.loop_state->jobs.empty()) {
    const auto before = written();
    auto next = std::move(b.loop_state->jobs.front());
    b.loop_state->jobs.pop_front();
    next();
    most = std::max(most, written() - before);
    if (before == 0 && written() > 0) {
      b.peers.front().session.reset();  // served already
      b.peers.back().session.reset();   // not yet
    }
  }
  CHECK(most == 256);
  CHECK(written() == 699);
  b.run();
  for (auto& p : b.peers) {
    const auto frames = heard(p);
    CHECK(frames.back() == (&p == &b.peers.back() ? "streams 1" : "changes counts 1=1"));
    p.session.reset();
  }
  b.run();
  CHECK(b.gauge("troupe_list_sockets") == 0);
  CHECK(b.gauge("troupe_list_lists") == 0);
}
