// SPDX-License-Identifier: GPL-3.0-or-later
#include <thread>

#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

wall_time at(int seconds) {
  return from_unix_ms(1'768'000'000'000) + std::chrono::seconds(seconds);
}

std::vector<stream_id> ids(const std::vector<stream_record>& streams) {
  std::vector<stream_id> out;
  for (const auto& s : streams) {
    out.push_back(s.id);
  }
  return out;
}

}  // namespace

TEST_CASE("stream_store: one unfinished stream per user", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  add_user(store, 2);
  auto& streams = store->streams();
  const auto first = streams.start_or_get({10, 1, "Hello", 5, at(0)}).value();
  CHECK(first.created);
  CHECK(first.stream.id == 10);
  CHECK(first.stream.username == "user1");
  CHECK(first.stream.status == stream_status::waiting);
  CHECK(first.stream.created_at == at(0));
  CHECK_FALSE(first.stream.started_at);

  SECTION("asked again without anything new, it stays as it is") {
    const auto again = streams.start_or_get({11, 1, std::nullopt, std::nullopt, at(1)}).value();
    CHECK_FALSE(again.created);
    CHECK(again.stream.id == 10);
    CHECK(again.stream.title == "Hello");
    CHECK(again.stream.game_id == 5);
    CHECK(again.stream.created_at == at(0));
  }
  SECTION("what is given changes it") {
    const auto again = streams.start_or_get({11, 1, "Other", std::nullopt, at(1)}).value();
    CHECK(again.stream.title == "Other");
    CHECK(again.stream.game_id == 5);
  }
  SECTION("another user has one of its own, without title or game") {
    const auto other = streams.start_or_get({11, 2, std::nullopt, std::nullopt, at(1)}).value();
    CHECK(other.created);
    CHECK(other.stream.title.empty());
    CHECK_FALSE(other.stream.game_id);
  }
  SECTION("after its end there is a new one") {
    REQUIRE(streams.set_ended(10, 0, at(2)));
    CHECK(error_of(streams.find_current(1)).code == errc::not_found);
    CHECK(streams.start_or_get({11, 1, {}, {}, at(3)}).value().created);
    CHECK(streams.find_current(1).value().id == 11);
  }
  SECTION("an unknown user has none") {
    CHECK(error_of(streams.start_or_get({12, 99, {}, {}, at(3)})).code == errc::conflict);
  }
}

TEST_CASE("stream_store: many starts at once make one stream", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  std::vector<stream_id> found(8);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        const auto s = store->streams().start_or_get({100 + i, 1, {}, {}, at(i)});
        found[static_cast<std::size_t>(i)] = s ? s->stream.id : 0;
      });
    }
  }
  CHECK(found.front() >= 100);
  for (const auto id : found) {
    CHECK(id == found.front());
  }
}

TEST_CASE("stream_store: a stream's life", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& streams = store->streams();
  REQUIRE(streams.start_or_get({10, 1, "t", {}, at(0)}));
  CHECK(error_of(streams.set_reconnecting(10, 0)).reason == "stream_not_live");
  auto s = streams.set_live(10, 0, at(5)).value();
  CHECK(s.status == stream_status::live);
  CHECK(s.started_at == at(5));
  CHECK(s.last_seen_at == at(5));
  CHECK(s.username == "user1");
  REQUIRE(streams.save_progress(10, 0, at(9), bytes{1, 2}));
  s = streams.set_reconnecting(10, 0).value();
  CHECK(s.status == stream_status::reconnecting);
  CHECK(s.last_seen_at == at(9));
  s = streams.set_live(10, 0, at(20)).value();
  CHECK(s.started_at == at(5));
  s = streams.set_ended(10, 0, at(30)).value();
  CHECK(s.status == stream_status::ended);
  CHECK(s.ended_at == at(30));
  CHECK(streams.set_ended(10, 0, at(40)).value().ended_at == at(30));
  CHECK(error_of(streams.set_live(10, 0, at(41))).reason == "stream_ended");
  CHECK(error_of(streams.set_reconnecting(10, 0)).reason == "stream_ended");
  CHECK(error_of(streams.save_progress(10, 0, at(41), bytes{})).reason == "stream_ended");
  CHECK(error_of(streams.set_live(11, 0, at(41))).code == errc::not_found);
  store.reopen();
  CHECK(store->streams().find(10).value().ended_at == at(30));
  CHECK(error_of(store->streams().find(11)).code == errc::not_found);
}

TEST_CASE("stream_store: an older activation changes nothing", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& streams = store->streams();
  REQUIRE(streams.start_or_get({10, 1, "t", {}, at(0)}));
  REQUIRE(streams.adopt(10, 1));
  REQUIRE(streams.set_live(10, 1, at(1)));
  REQUIRE(streams.save_progress(10, 1, at(2), bytes{7}));
  REQUIRE(streams.remember_key_frame_interval(1, 4000ms));
  REQUIRE(streams.remember_key_frame_interval(1, 2000ms));
  const auto taken = streams.adopt(10, 2).value();
  CHECK(taken.stream.epoch == 2);
  CHECK(taken.stream.status == stream_status::live);
  CHECK(taken.progress == bytes{7});
  CHECK(taken.key_frame_interval == 4000ms);
  for (const auto& refused :
       {error_of(streams.adopt(10, 1)), error_of(streams.set_live(10, 1, at(3))),
        error_of(streams.set_reconnecting(10, 1)), error_of(streams.set_ended(10, 1, at(3))),
        error_of(streams.save_progress(10, 1, at(3), bytes{8}))}) {
    CHECK(refused.code == errc::conflict);
    CHECK(refused.reason == "fenced");
  }
  CHECK(streams.adopt(10, 2).value().progress == bytes{7});
  CHECK(error_of(streams.adopt(11, 1)).code == errc::not_found);
}

TEST_CASE("stream_store: lists live streams newest first, page by page", "[storage]") {
  fresh_store store(each_engine());
  auto& streams = store->streams();
  for (user_id u = 1; u <= 6; ++u) {
    add_user(store, u);
    REQUIRE(streams.start_or_get({u * 10, u, {}, u % 2, at(0)}));
    if (u != 2) {
      REQUIRE(streams.set_live(u * 10, 0, at(1)));
    }
  }
  REQUIRE(streams.set_ended(30, 0, at(2)));
  REQUIRE(streams.set_reconnecting(40, 0));
  const auto all = streams.list_live(10, {}, {}).value();
  CHECK(ids(all) == std::vector<stream_id>{60, 50, 40, 10});
  CHECK(all[2].status == stream_status::reconnecting);
  CHECK(all[0].username == "user6");
  CHECK(ids(streams.list_live(2, {}, {}).value()) == std::vector<stream_id>{60, 50});
  CHECK(ids(streams.list_live(2, 50, {}).value()) == std::vector<stream_id>{40, 10});
  CHECK(ids(streams.list_live(2, 10, {}).value()).empty());
  CHECK(ids(streams.list_live(9, {}, 1).value()) == std::vector<stream_id>{50, 10});
  CHECK(ids(streams.list_live(9, 50, 1).value()) == std::vector<stream_id>{10});
  CHECK(ids(streams.list_unfinished(3, 0).value()) == std::vector<stream_id>{10, 20, 40});
  CHECK(ids(streams.list_unfinished(3, 40).value()) == std::vector<stream_id>{50, 60});
}

TEST_CASE("stream_store: ends what was never published", "[storage]") {
  fresh_store store(each_engine());
  auto& streams = store->streams();
  for (user_id u = 1; u <= 3; ++u) {
    add_user(store, u);
    REQUIRE(streams.start_or_get({u, u, {}, {}, at(static_cast<int>(u))}));
  }
  REQUIRE(streams.set_live(1, 0, at(2)));
  CHECK(streams.end_stale_waiting(at(3), at(600)).value() == std::vector<stream_id>{2});
  CHECK(streams.find(2).value().ended_at == at(600));
  CHECK(streams.find(1).value().status == stream_status::live);
  CHECK(streams.find(3).value().status == stream_status::waiting);
}
