// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of a room: nonces, pace, members, audience; their rules and their bounds.
#include <catch2/catch.hpp>

#include "actors/chat/audience.hpp"
#include "actors/chat/member_cache.hpp"
#include "actors/chat/nonce_table.hpp"
#include "actors/chat/pace.hpp"
#include "actors/chat/room_removals.hpp"

namespace troupe::chat {
namespace {

using namespace std::chrono_literals;

nonce_table::entry said(std::string digest, wall_time at) {
  return {.digest = std::move(digest), .answer = {}, .created_at = at};
}

storage::member_record member(user_id user) {
  storage::member_record m;
  m.user = user;
  return m;
}

}  // namespace

TEST_CASE("nonce table: forgets after 10 minutes, and at its bound", "[actors][chat]") {
  nonce_table table(3);
  const auto t = from_unix_ms(1'800'000'000'000);
  CHECK(table.put("s", "1", said("a", t)) == 0);
  CHECK(table.find("s", "1", t)->digest == "a");
  CHECK(table.find("x", "1", t) == nullptr);
  CHECK(table.find("s", "1", t + 10min - 1us) != nullptr);
  CHECK(table.find("s", "1", t + 10min) == nullptr);
  CHECK(table.size() == 0);
  for (int i = 0; i < 5; ++i) {
    CHECK(table.put("s", std::to_string(i), said("a", t + 10min)) == (i < 3 ? 0U : 1U));
  }
  CHECK(table.size() == 3);
  CHECK(table.find("s", "1", t + 10min) == nullptr);
  CHECK(table.find("s", "2", t + 10min) != nullptr);
}

TEST_CASE("nonce table: a name given again lives as long as its last", "[actors][chat]") {
  nonce_table table(10);
  const auto t = from_unix_ms(1'800'000'000'000);
  table.put("s", "1", said("a", t));
  table.remove("s", "1");
  CHECK(table.find("s", "1", t) == nullptr);
  table.put("s", "1", said("b", t + 5min));
  CHECK(table.find("s", "1", t + 12min)->digest == "b");
  CHECK(table.find("s", "1", t + 15min) == nullptr);
  for (int i = 0; i < 100; ++i) {  // what was removed is bounded too
    table.put("s", "x", said("c", t + 15min));
    table.remove("s", "x");
  }
  CHECK(table.size() == 0);
}

TEST_CASE("nonce table: digests tell apart who says what to whom", "[actors][chat]") {
  CHECK(digest_of(1, 0, "x") == digest_of(1, 0, "x"));
  CHECK(digest_of(1, 0, "x") != digest_of(2, 0, "x"));
  CHECK(digest_of(1, 0, "x") != digest_of(1, 3, "x"));
  CHECK(digest_of(1, 0, "x") != digest_of(1, 0, "y"));
  CHECK(digest_of(1, 12, "x") != digest_of(11, 2, "x"));
}

TEST_CASE("pace: so many in any window, not in a fixed one", "[actors][chat]") {
  pace p(30s, 100);
  const auto t = steady_time(1h);
  for (int i = 0; i < 3; ++i) {
    CHECK(p.wait_for_rate(1, 3, t + i * 10s) == 0s);
    p.said(1, t + i * 10s, 3);
  }
  CHECK(p.wait_for_rate(1, 3, t + 25s) == 5s);
  CHECK(p.wait_for_rate(2, 3, t + 25s) == 0s);
  CHECK(p.wait_for_rate(1, 4, t + 25s) == 0s);
  CHECK(p.wait_for_rate(1, 0, t + 25s) == 0s);
  CHECK(p.wait_for_rate(1, 3, t + 30s) == 0s);
  p.said(1, t + 30s, 3);
  CHECK(p.wait_for_rate(1, 3, t + 31s) == 9s);
}

TEST_CASE("pace: remembers the last word as long as slow mode asks, and no one for ever",
          "[actors][chat]") {
  pace p(30s, 2);
  const auto t = steady_time(1h);
  p.remember_for(60s);
  p.said(1, t, 20);
  CHECK(p.wait_for_gap(1, 60s, t + 20s) == 40s);
  p.said(2, t + 50s, 20);
  CHECK(p.wait_for_gap(1, 60s, t + 50s) == 10s);
  p.said(2, t + 60s, 20);
  CHECK(p.users() == 1);
  p.said(3, t + 61s, 20);
  p.said(4, t + 62s, 20);
  p.said(5, t + 63s, 20);
  CHECK(p.users() <= 3);
}

TEST_CASE("member cache: the longest unused go, unless their change is on its way",
          "[actors][chat]") {
  member_cache cache(3);
  for (user_id u = 1; u <= 3; ++u) {
    cache.put(member(u));
  }
  REQUIRE(cache.find(1) != nullptr);
  cache.pin(2);
  cache.put(member(4));
  CHECK(cache.find(3) == nullptr);
  CHECK(cache.find(2) != nullptr);
  cache.put(member(5));
  CHECK(cache.find(1) == nullptr);
  cache.put(member(6));
  cache.put(member(7));
  CHECK(cache.find(2) != nullptr);
  CHECK(cache.size() == 3);
  cache.pin(2);
  cache.unpin(2);
  cache.put(member(8));
  cache.put(member(9));
  cache.put(member(10));
  CHECK(cache.find(2) != nullptr);  // pinned twice
  cache.unpin(2);
  cache.put(member(11));
  cache.put(member(12));
  cache.put(member(13));
  CHECK(cache.find(2) == nullptr);
  cache.unpin(4711);
}

TEST_CASE("audience: counts those who were heard of lately", "[actors][chat]") {
  audience a(12s, 2);
  const auto t = steady_time(1h);
  CHECK(a.report("a", 3, t));
  CHECK(a.report("b", 4, t + 5s));
  CHECK_FALSE(a.report("c", 5, t + 5s));
  CHECK(a.report("a", 6, t + 6s));
  CHECK(a.count(t + 16s) == 10);
  CHECK(a.count(t + 17s) == 6);
  CHECK(a.report("a", 0, t + 17s));
  CHECK(a.is_empty());
}

TEST_CASE("removals: hold until no look-up can have read what is gone", "[actors][chat]") {
  removals gone;
  gone.add_message(5);
  gone.add_user(8);
  CHECK(gone.has(5, 9));
  CHECK(gone.has(6, 8));
  CHECK_FALSE(gone.has(6, 9));
  CHECK(gone.has_pending(5));
  CHECK_FALSE(gone.has_pending(6));
  SECTION("none is under way") {
    gone.settle({5}, {8}, 10);
    CHECK_FALSE(gone.has(5, 9));
    CHECK_FALSE(gone.has(6, 8));
  }
  SECTION("some are") {
    const auto first = gone.begin_reading();
    const auto second = gone.begin_reading();
    gone.settle({5}, {8}, 10);
    const auto third = gone.begin_reading();
    CHECK_FALSE(gone.has_pending(5));
    CHECK(gone.has(5, 9));
    CHECK(gone.has(10, 8));
    CHECK_FALSE(gone.has(11, 8));  // said after they were let in again
    gone.end_reading(second);
    CHECK(gone.has(5, 9));
    gone.end_reading(first);  // the third reads what the store has now
    CHECK_FALSE(gone.has(5, 9));
    CHECK_FALSE(gone.has(10, 8));
    gone.end_reading(third);
  }
  SECTION("each decision for itself") {
    gone.add_message(5);
    gone.settle({5}, {}, 10);
    CHECK(gone.has(5, 9));
    gone.settle({5}, {8}, 10);
    CHECK_FALSE(gone.has(5, 9));
  }
}

TEST_CASE("pace: what was tried counts for the rate, what is remembered for the gap",
          "[actors][chat]") {
  pace p(30s, 10);
  p.remember_for(60s);
  const steady_time t{1h};
  p.tried(1, t, 2);
  CHECK(p.wait_for_gap(1, 60s, t) == 0s);
  p.tried(1, t, 2);
  CHECK(p.wait_for_rate(1, 2, t) == 30s);
  p.remember(2, t - 20s, t);
  CHECK(p.wait_for_gap(2, 60s, t) == 40s);
  CHECK(p.wait_for_rate(2, 1, t) == 0s);
  p.said(2, t, 2);
  p.remember(2, t - 20s, t);
  CHECK(p.wait_for_gap(2, 60s, t) == 60s);
}

}  // namespace troupe::chat
