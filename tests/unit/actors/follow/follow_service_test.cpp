// SPDX-License-Identifier: GPL-3.0-or-later
// The follows service over a fresh SQLite database.
#include "actors/follow/follow_service.hpp"

#include <future>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "storage/database.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace troupe;
using namespace troupe::follow;
using namespace std::chrono_literals;

namespace {

/// Users 1 to 9, called User1 and so on; each may follow three channels.
struct fixture {
  fixture() {
    auto opened =
        storage::database::open("sqlite:" + (folder.path / "t.db").string(), time, counters);
    REQUIRE(opened);
    store = std::move(*opened);
    for (user_id id = 1; id <= 9; ++id) {
      const auto name = "User" + std::to_string(id);
      storage::user_record user;
      user.id = id;
      user.username = name;
      user.email = name;
      storage::user_keys keys;
      keys.username_key = keys.email_key = "user" + std::to_string(id);
      keys.stream_key_digest = {static_cast<std::uint8_t>(id)};
      REQUIRE(store->users().add(user, keys));
    }
    start(256);
  }

  void start(std::size_t queue) {
    service.reset();
    pool = std::make_unique<worker_pool>("store", 2, queue, counters);
    service = std::make_unique<follow_service>(settings{.most_followed = 3},
                                               service_dependencies{.store = store->follows(),
                                                                    .users = store->users(),
                                                                    .store_pool = *pool,
                                                                    .time = time,
                                                                    .counters = counters});
  }

  /// What a call of the service answers, at last.
  template <class T, class... Given, class... Args>
  result<T> ask(void (follow_service::*call)(Given...), const Args&... args) {
    auto promise = std::make_shared<std::promise<result<T>>>();
    auto future = promise->get_future();
    ((*service).*call)(args..., callback<T>([promise](result<T> answer) {
                         promise->set_value(std::move(answer));
                       }));
    REQUIRE(future.wait_for(60s) == std::future_status::ready);
    return future.get();
  }

  result<relation> follow(user_id who, user_id channel) {
    time.advance(1s);
    return ask<relation>(&follow_service::follow, account::identity{who, "", false}, channel);
  }

  result<relation> unfollow(user_id who, user_id channel) {
    return ask<relation>(&follow_service::unfollow, account::identity{who, "", false}, channel);
  }

  /// All items, asked for page by page.
  template <class T, class Call>
  std::vector<user_id> pages(Call call, user_id whose, int limit) {
    std::vector<user_id> ids;
    list_request request{.limit = limit, .cursor = std::nullopt};
    do {
      const auto page = ask<troupe::page<T>>(call, whose, request).value();
      CHECK(page.items.size() <= static_cast<std::size_t>(limit));
      for (const auto& each : page.items) {
        ids.push_back(each.id);
      }
      request.cursor = page.next;
    } while (request.cursor);
    return ids;
  }

  double changes(const char* kind) {
    return counters.make_counter("troupe_follow_changes_total", "", {{"change", kind}}).value();
  }

  test::temporary_folder folder;
  manual_clock time;
  metrics counters;
  std::unique_ptr<storage::database> store;
  std::unique_ptr<worker_pool> pool;
  std::unique_ptr<follow_service> service;
};

using ids = std::vector<user_id>;

error error_of(const auto& r) {
  REQUIRE_FALSE(r.has_value());
  return r.error();
}

}  // namespace

TEST_CASE_METHOD(fixture, "follows: a change is told once and counted once", "[actors][follow]") {
  const auto first = follow(1, 2).value();
  CHECK(first.channel == 2);
  CHECK(first.follower_count == 1);
  CHECK(first.followed_at == std::chrono::floor<std::chrono::microseconds>(time.wall()));
  CHECK(follow(1, 2)->followed_at == first.followed_at);
  CHECK(changes("followed") == 1);
  CHECK(ask<std::optional<wall_time>>(&follow_service::followed_at, 1, 2).value() ==
        first.followed_at);
  CHECK_FALSE(unfollow(1, 2)->followed_at);
  CHECK(unfollow(1, 2)->follower_count == 0);
  CHECK(changes("unfollowed") == 1);
  CHECK_FALSE(ask<std::optional<wall_time>>(&follow_service::followed_at, 1, 2).value());
}

TEST_CASE_METHOD(fixture, "follows: what may not be is refused", "[actors][follow]") {
  CHECK(error_of(follow(1, 1)).reason == "own_channel");
  CHECK(error_of(follow(1, 99)).code == errc::not_found);
  CHECK(error_of(unfollow(1, 99)).code == errc::not_found);
  for (const user_id channel : {2, 3, 4}) {
    REQUIRE(follow(1, channel));
  }
  CHECK(error_of(follow(1, 5)).reason == "too_many_follows");
  CHECK(unfollow(1, 1)->follower_count == 0);
  CHECK(changes("followed") == 3);
}

TEST_CASE_METHOD(fixture, "follows: pages join without gap or repetition", "[actors][follow]") {
  for (user_id follower = 2; follower <= 8; ++follower) {
    REQUIRE(follow(follower, 1));
  }
  for (const user_id channel : {4, 2, 3}) {
    REQUIRE(follow(9, channel));
  }
  for (const int limit : {1, 2, 3, 7, 8}) {
    INFO(limit);
    CHECK(pages<follower>(&follow_service::followers, 1, limit) == ids{8, 7, 6, 5, 4, 3, 2});
    CHECK(pages<followed>(&follow_service::following, 9, limit) == ids{3, 2, 4});
  }
  CHECK(pages<follower>(&follow_service::followers, 9, 5).empty());
  const auto first = ask<page<follower>>(&follow_service::followers, 1, list_request{}).value();
  CHECK(first.items.front().username == "User8");
}

TEST_CASE_METHOD(fixture, "follows: someone who follows meanwhile is on no later page",
                 "[actors][follow]") {
  for (const user_id follower : {2, 3, 4}) {
    REQUIRE(follow(follower, 1));
  }
  const auto first =
      ask<page<follower>>(&follow_service::followers, 1, list_request{2, std::nullopt}).value();
  REQUIRE(first.next);
  REQUIRE(follow(5, 1));
  REQUIRE(unfollow(3, 1));  // where the page ended: the place is still there
  const auto second =
      ask<page<follower>>(&follow_service::followers, 1, list_request{2, first.next}).value();
  REQUIRE(second.items.size() == 1);
  CHECK(second.items[0].id == 2);
  CHECK_FALSE(second.next);
}

TEST_CASE_METHOD(fixture, "follows: nobody's lists and foreign cursors", "[actors][follow]") {
  const list_request any;
  CHECK(error_of(ask<page<follower>>(&follow_service::followers, 99, any)).code == errc::not_found);
  CHECK(error_of(ask<page<followed>>(&follow_service::following, 99, any)).code == errc::not_found);
  const list_request foreign{20, "12"};
  CHECK(error_of(ask<page<follower>>(&follow_service::followers, 1, foreign)).reason ==
        "invalid_cursor");
  CHECK(error_of(ask<page<followed>>(&follow_service::following, 1, foreign)).reason ==
        "invalid_cursor");
  const list_request place{20, "12-1"};
  CHECK(error_of(ask<page<stream::info>>(&follow_service::live_followed, 1, place)).reason ==
        "invalid_cursor");
}

TEST_CASE_METHOD(fixture, "follows: live streams of the followed, newest first",
                 "[actors][follow]") {
  for (const user_id owner : {2, 3, 4, 5}) {
    REQUIRE(store->streams().start_or_get({100 + owner, owner, "t", {}, time.wall()}));
    if (owner != 4) {
      REQUIRE(store->streams().set_live(100 + owner, 1, time.wall()));
    }
  }
  for (const user_id channel : {2, 3, 4}) {
    REQUIRE(follow(1, channel));
  }
  CHECK(pages<stream::info>(&follow_service::live_followed, 1, 1) == ids{103, 102});
  CHECK(pages<stream::info>(&follow_service::live_followed, 1, 5) == ids{103, 102});
  const auto list = ask<page<followed>>(&follow_service::following, 1, list_request{}).value();
  REQUIRE(list.items.size() == 3);
  CHECK_FALSE(list.items[0].stream);
  REQUIRE(list.items[1].stream);
  CHECK(list.items[1].stream->id == 103);
  CHECK(list.items[1].stream->status == stream::status::live);
  const auto seen = ask<profile>(&follow_service::profile_of, 3, std::optional<user_id>(1)).value();
  CHECK(seen.stream == 103);
  CHECK(seen.followed_at.has_value());
}

TEST_CASE_METHOD(fixture, "profiles: a name is found in any case, an address is no name",
                 "[actors][follow]") {
  const auto named = [&](const std::string& name) {
    return ask<profile>(&follow_service::profile_named, name, std::optional<user_id>());
  };
  CHECK(named("uSER3")->id == 3);
  CHECK(named("User3")->username == "User3");
  CHECK(error_of(named("user33")).code == errc::not_found);
  CHECK(error_of(named(std::string(65, 'u'))).code == errc::not_found);
}

TEST_CASE_METHOD(fixture, "follows: a full queue is said at once", "[actors][follow]") {
  start(0);
  CHECK(error_of(follow(1, 2)).reason == "queue_full");
  CHECK(error_of(ask<page<follower>>(&follow_service::followers, 1, list_request{})).code ==
        errc::unavailable);
}
