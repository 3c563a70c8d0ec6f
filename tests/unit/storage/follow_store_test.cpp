// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/follow_store.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <random>
#include <thread>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/sqlite_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

constexpr auto no_bound = std::numeric_limits<std::int64_t>::max();

/// Users 1 to count.
struct followed_store : fresh_store {
  explicit followed_store(engine kind, user_id count = 0) : fresh_store(kind) {
    for (user_id id = 1; id <= count; ++id) {
      add_user(*this, id);
    }
  }

  follow_store& follows() { return store->follows(); }

  /// At so many seconds.
  follow_change follow(user_id follower, user_id channel, int seconds = 0) {
    return follows().add(follower, channel, at(seconds), no_bound).value();
  }

  static wall_time at(int seconds) {
    return wall_time(std::chrono::seconds(1'800'000'000 + seconds));
  }

  /// A bare connection: for what the stores do not offer.
  std::unique_ptr<sql::connection> connect() {
    if (store->kind() == engine::sqlite) {
      return sql::connect_sqlite(folder.path / "troupe.db", sql::sqlite_role::writer, {}).value();
    }
    return sql::connect_postgresql(sql::keyword_form(url).value(), watch, {}).value();
  }

  sql::call_watch watch;
};

std::vector<user_id> ids_of(const auto& records) {
  std::vector<user_id> ids;
  ids.reserve(records.size());
  for (const auto& each : records) {
    ids.push_back(each.id);
  }
  return ids;
}

using ids = std::vector<user_id>;

/// What is counted, less what is there: 0 for every user.
void check_counts(followed_store& s) {
  const auto c = s.connect();
  for (const auto* statement :
       {"SELECT users.id, COALESCE(follower_count.total, 0) - (SELECT COUNT(*) FROM follow "
        "WHERE channel_id = users.id) FROM users LEFT JOIN follower_count ON user_id = users.id",
        "SELECT users.id, COALESCE(following_count.total, 0) - (SELECT COUNT(*) FROM follow "
        "WHERE follower_id = users.id) FROM users LEFT JOIN following_count ON user_id = "
        "users.id"}) {
    const auto rows = c->query(statement, {}, 2).value();
    CHECK_FALSE(rows.empty());
    for (const auto& each : rows) {
      INFO(statement << " user " << each.number(0));
      CHECK(each.number(1) == 0);
    }
  }
}

}  // namespace

TEST_CASE("follow_store: following is kept with its time, once", "[storage][follow]") {
  followed_store s(each_engine(), 3);
  const auto first = s.follow(1, 2, 10);
  CHECK(first.changed);
  CHECK(first.followed_at == s.at(10));
  CHECK(first.follower_count == 1);
  const auto again = s.follow(1, 2, 20);
  CHECK_FALSE(again.changed);
  CHECK(again.followed_at == s.at(10));
  CHECK(again.follower_count == 1);
  CHECK(s.follow(3, 2, 30).follower_count == 2);
  CHECK(s.follows().followed_at(1, 2).value() == s.at(10));
  CHECK(s.follows().followed_at(2, 1).value() == std::nullopt);
  s.reopen();
  CHECK(s.follows().followed_at(3, 2).value() == s.at(30));
  check_counts(s);
}

TEST_CASE("follow_store: unfollowing is counted once", "[storage][follow]") {
  followed_store s(each_engine(), 3);
  s.follow(1, 2);
  s.follow(3, 2);
  const auto gone = s.follows().remove(1, 2).value();
  CHECK(gone.changed);
  CHECK(gone.followed_at == std::nullopt);
  CHECK(gone.follower_count == 1);
  const auto again = s.follows().remove(1, 2).value();
  CHECK_FALSE(again.changed);
  CHECK(again.followed_at == std::nullopt);
  CHECK(again.follower_count == 1);
  CHECK(s.follow(1, 2, 5).followed_at == s.at(5));
  check_counts(s);
}

TEST_CASE("follow_store: nobody follows or is followed by nobody", "[storage][follow]") {
  followed_store s(each_engine(), 1);
  CHECK(error_of(s.follows().add(1, 99, s.at(0), no_bound)).code == errc::not_found);
  CHECK(error_of(s.follows().add(99, 1, s.at(0), no_bound)).code == errc::not_found);
  CHECK(error_of(s.follows().remove(1, 99)).code == errc::not_found);
  CHECK(s.follows().followed_at(1, 99).value() == std::nullopt);
  CHECK(s.follows().list_followers(99, 10, {}).value().empty());
  CHECK(error_of(s.follows().profile(99, {})).code == errc::not_found);
  CHECK(error_of(s.follows().profile_by_name("nobody", 1)).code == errc::not_found);
  check_counts(s);
}

TEST_CASE("follow_store: a user follows so many channels and no more", "[storage][follow]") {
  followed_store s(each_engine(), 5);
  for (const user_id channel : {2, 3}) {
    REQUIRE(s.follows().add(1, channel, s.at(0), 2));
  }
  const auto refused = error_of(s.follows().add(1, 4, s.at(0), 2));
  CHECK(refused.code == errc::conflict);
  CHECK(refused.reason == "too_many_follows");
  CHECK(s.follows().followed_at(1, 4).value() == std::nullopt);  // undone with its transaction
  CHECK(s.follows().add(1, 2, s.at(0), 2)->changed == false);
  REQUIRE(s.follows().remove(1, 2));
  CHECK(s.follows().add(1, 4, s.at(0), 2));
  check_counts(s);
}

TEST_CASE("follow_store: followers and following are paged newest first", "[storage][follow]") {
  followed_store s(each_engine(), 7);
  // 3 and 4 in the same microsecond: their ids break the tie.
  for (const auto& [follower, second] : {std::pair{2, 1}, {3, 2}, {4, 2}, {5, 3}, {6, 4}}) {
    s.follow(follower, 1, second);
    s.follow(7, follower, second);
  }
  const auto first = s.follows().list_followers(1, 2, {}).value();
  CHECK(ids_of(first) == ids{6, 5});
  CHECK(first[0].username == "user6");
  CHECK(first[0].followed_at == s.at(4));
  const auto page_after = [&](wall_time t, user_id id) {
    return ids_of(s.follows().list_followers(1, 2, follow_place{t, id}).value());
  };
  CHECK(page_after(s.at(3), 5) == ids{4, 3});
  CHECK(page_after(s.at(2), 4) == ids{3, 2});
  CHECK(page_after(s.at(1), 2).empty());
  CHECK(ids_of(s.follows().list_following(7, 3, {}).value()) == ids{6, 5, 4});
  CHECK(ids_of(s.follows().list_following(7, 3, follow_place{s.at(2), 4}).value()) == ids{3, 2});
  CHECK(s.follows().list_following(1, 3, {}).value().empty());
}

TEST_CASE("follow_store: tells which of the followed are live", "[storage][follow]") {
  followed_store s(each_engine(), 6);
  auto& streams = s.store->streams();
  for (const user_id owner : {2, 3, 4, 5, 6}) {
    REQUIRE(streams.start_or_get({100 + owner, owner, "t", {}, s.at(0)}));
  }
  for (const user_id live : {2, 3, 4, 6}) {
    REQUIRE(streams.set_live(100 + live, 1, s.at(1)));
  }
  REQUIRE(streams.set_reconnecting(103, 1));
  REQUIRE(streams.set_ended(104, 1, s.at(2)));
  for (const user_id channel : {2, 3, 4, 5}) {
    s.follow(1, channel, static_cast<int>(channel));
  }
  CHECK(ids_of(s.follows().list_live_followed(1, 10, {}).value()) == ids{103, 102});
  CHECK(ids_of(s.follows().list_live_followed(1, 1, {}).value()) == ids{103});
  const auto rest = s.follows().list_live_followed(1, 10, 103).value();
  REQUIRE(ids_of(rest) == ids{102});
  CHECK(rest[0].username == "user2");
  CHECK(rest[0].owner == 2);
  CHECK(rest[0].status == stream_status::live);
  CHECK(s.follows().list_live_followed(2, 10, {}).value().empty());

  const auto all = s.follows().list_following(1, 10, {}).value();
  REQUIRE(ids_of(all) == ids{5, 4, 3, 2});
  CHECK_FALSE(all[0].stream);  // waiting
  CHECK_FALSE(all[1].stream);  // ended
  CHECK(all[1].username == "user4");
  REQUIRE(all[2].stream);
  CHECK(all[2].stream->status == stream_status::reconnecting);
  REQUIRE(all[3].stream);
  CHECK(all[3].stream->id == 102);
  CHECK(all[3].stream->username == "user2");
}

TEST_CASE("follow_store: a profile has its counts, its live stream and who asks",
          "[storage][follow]") {
  followed_store s(each_engine(), 3);
  s.follow(1, 2, 1);
  s.follow(3, 2, 2);
  s.follow(2, 3, 3);
  const auto quiet = s.follows().profile(2, {}).value();
  CHECK(quiet.id == 2);
  CHECK(quiet.username == "user2");
  CHECK(quiet.created_at == s.time.wall());
  CHECK(quiet.follower_count == 2);
  CHECK(quiet.following_count == 1);
  CHECK_FALSE(quiet.stream);
  CHECK_FALSE(quiet.followed_at);
  auto& streams = s.store->streams();
  REQUIRE(streams.start_or_get({102, 2, "t", {}, s.at(0)}));
  CHECK_FALSE(s.follows().profile(2, {})->stream);
  REQUIRE(streams.set_live(102, 1, s.at(1)));
  const auto seen = s.follows().profile_by_name("user2", 3).value();
  CHECK(seen.id == 2);
  CHECK(seen.stream == 102);
  CHECK(seen.followed_at == s.at(2));
  CHECK_FALSE(s.follows().profile(1, 2)->followed_at);
  CHECK(s.follows().profile(1, 2)->follower_count == 0);
}

TEST_CASE("follow_store: counts stay exact whatever happens at once", "[storage][follow]") {
  constexpr user_id users = 5;
  followed_store s(each_engine(), users);
  std::atomic<std::int64_t> changes = 0;
  std::mutex mutex;
  std::set<std::string> errors;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (unsigned seed = 1; seed <= 6; ++seed) {
      threads.emplace_back([&, seed] {
        std::minstd_rand random(seed);
        for (int i = 0; i < 120; ++i) {
          const auto follower = static_cast<user_id>(1 + random() % users);
          const auto channel = static_cast<user_id>(1 + random() % users);
          const auto done = random() % 2 == 0
                                ? s.follows().add(follower, channel, s.at(i), no_bound)
                                : s.follows().remove(follower, channel);
          changes += done && done->changed;
          if (!done) {
            const std::lock_guard lock(mutex);
            errors.insert(done.error().reason + ": " + done.error().message);
          }
        }
      });
    }
  }
  for (const auto& each : errors) {
    FAIL_CHECK(each);
  }
  CHECK(changes > 100);
  check_counts(s);
}

TEST_CASE("follow_store: the bound holds however many follow at once", "[storage][follow]") {
  followed_store s(each_engine(), 41);
  std::atomic<int> accepted = 0;
  std::atomic<int> refused = 0;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          const auto done = s.follows().add(1, 2 + t * 10 + i, s.at(0), 15);
          accepted += done.has_value();
          refused += !done && done.error().reason == "too_many_follows";
        }
      });
    }
  }
  CHECK(accepted == 15);
  CHECK(refused == 25);
  CHECK(s.follows().profile(1, {})->following_count == 15);
  check_counts(s);
}

namespace {

/// Users 1,001 and on, who all follow the user 1, whom the engine knows about.
void fill(followed_store& s, int followers) {
  const auto c = s.connect();
  const auto numbers = fmt::format(
      "WITH RECURSIVE n(i) AS (SELECT 1001 UNION ALL SELECT i + 1 FROM n WHERE i < {}) ",
      1000 + followers);
  REQUIRE(c->run(numbers +
                 "INSERT INTO users (id, username, username_key, email, email_key, password_hash, "
                 "is_administrator, created_at, sealed_stream_key, stream_key_digest) "
                 "SELECT i, 'u' || i, 'u' || i, 'u' || i, 'e' || i, '', 0, 0, decode('', 'hex'), "
                 "decode(CAST(i + 10000000 AS TEXT), 'hex') FROM n"));
  REQUIRE(c->run(numbers + "INSERT INTO follow SELECT i, 1, i FROM n"));
  REQUIRE(c->run(fmt::format("INSERT INTO follower_count VALUES (1, {})", followers)));
  REQUIRE(c->run("ANALYZE"));
}

/// All plans of what ran since the last look, as text.
std::string plans(followed_store& s) {
  std::string all;
  for (const auto& statement : std::exchange(s.statements, {})) {
    const auto plan = s.store->explain(statement).value();
    for (const auto& line : plan) {
      all += line + "\n";
    }
  }
  s.statements.clear();
  return all;
}

bool has(const std::string& text, const char* what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("follow_store: a list of many followers is read from its index, page by page",
          "[storage][follow]") {
  followed_store s(each_engine(), 2);
  fill(s, 20'000);
  s.statements.clear();
  const auto first = s.follows().list_followers(1, 20, {}).value();
  CHECK(first.size() == 20);
  CHECK(first.front().id == 21'000);
  const auto plan = plans(s);
  INFO(plan);
  CHECK(has(plan, "follow_channel"));
  for (const auto* wrong : {"Sort", "TEMP B-TREE", "Seq Scan", "SCAN", "Hash", "Bitmap"}) {
    INFO(wrong);
    CHECK_FALSE(has(plan, wrong));
  }
  // The last page is no more work than the first.
  const auto last =
      s.follows().list_followers(1, 20, follow_place{wall_time(1011us), 1011}).value();
  CHECK(last.size() == 10);
  CHECK(last.back().id == 1001);
  CHECK(plans(s) == plan);
}

TEST_CASE("follow_store: counts are read, not counted", "[storage][follow]") {
  followed_store s(each_engine(), 2);
  fill(s, 20'000);
  s.statements.clear();
  CHECK(s.follows().profile(1, 2)->follower_count == 20'000);
  const auto plan = plans(s);
  INFO(plan);
  CHECK(has(plan,
            s.store->kind() == engine::sqlite ? "SEARCH follower_count" : "follower_count_pkey"));
  for (const auto* wrong : {"Aggregate", "Seq Scan", "SCAN", "follow_channel", "stream_live"}) {
    INFO(wrong);
    CHECK_FALSE(has(plan, wrong));
  }
}
