// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

wall_time at(int seconds) {
  return from_unix_ms(1'768'000'000'000) + std::chrono::seconds(seconds);
}

}  // namespace

TEST_CASE("token_store: a secret works once, and its successor then", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& tokens = store->tokens();
  REQUIRE(tokens.add({{1}, {10}, 1, at(100)}, at(0)));
  CHECK(tokens.rotate(bytes{1}, bytes{10}, bytes{11}, at(1), at(101)).value().user == 1);
  store.reopen();
  CHECK(store->tokens().rotate(bytes{1}, bytes{11}, bytes{12}, at(100), at(200)).value().user == 1);
}

TEST_CASE("token_store: reuse revokes the family", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& tokens = store->tokens();
  REQUIRE(tokens.add({{1}, {10}, 1, at(100)}, at(0)));
  REQUIRE(tokens.add({{2}, {20}, 1, at(100)}, at(0)));
  REQUIRE(tokens.rotate(bytes{1}, bytes{10}, bytes{11}, at(1), at(101)));
  const auto reused = error_of(tokens.rotate(bytes{1}, bytes{10}, bytes{12}, at(2), at(102)));
  CHECK(reused.code == errc::unauthenticated);
  CHECK(reused.reason == "invalid_grant");
  // The thief's or the owner's newer token is dead too; another log-in is not.
  CHECK(error_of(tokens.rotate(bytes{1}, bytes{11}, bytes{13}, at(3), at(103))).reason ==
        "invalid_grant");
  CHECK(tokens.rotate(bytes{2}, bytes{20}, bytes{21}, at(4), at(104)));
}

TEST_CASE("token_store: a renewal whose answer was lost is answered again, for a moment",
          "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& tokens = store->tokens();
  const auto rotate = [&](std::uint8_t from, std::uint8_t to, int when) {
    return tokens.rotate(bytes{1}, bytes{from}, bytes{to}, at(when), at(1000));
  };
  REQUIRE(tokens.add({{1}, {10}, 1, at(1000)}, at(0)));
  REQUIRE(rotate(10, 11, 100));
  for (int i = 0; i < 3; ++i) {
    CHECK(rotate(10, 11, 101 + i).value().user == 1);
  }
  CHECK(tokens.find_owner(bytes{1}, bytes{11}, at(104)));
  SECTION("repeating does not make the moment longer") {
    CHECK(rotate(10, 11, 129));
    CHECK(error_of(rotate(10, 11, 130)).reason == "invalid_grant");
    CHECK_FALSE(rotate(11, 12, 130));
  }
  SECTION("once the successor was used, the old one is a stolen one") {
    REQUIRE(rotate(11, 12, 105));
    CHECK(error_of(rotate(10, 11, 106)).reason == "invalid_grant");
    CHECK_FALSE(rotate(12, 13, 107));
  }
  SECTION("nor does it outlive a log-out everywhere") {
    REQUIRE(store->users().end_log_ins(1, at(105)));
    CHECK_FALSE(rotate(10, 11, 106));
  }
}

TEST_CASE("token_store: ends at expiry, by log-out and by log-out everywhere", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  add_user(store, 2);
  auto& tokens = store->tokens();
  for (std::uint8_t f = 1; f <= 4; ++f) {
    REQUIRE(tokens.add({{f}, {f}, f == 4 ? 2 : 1, at(f == 1 ? 10 : 100)}, at(0)));
  }
  CHECK_FALSE(tokens.rotate(bytes{1}, bytes{1}, bytes{9}, at(10), at(110)));
  REQUIRE(tokens.revoke(bytes{2}));
  REQUIRE(tokens.revoke(bytes{77}));
  CHECK_FALSE(tokens.rotate(bytes{2}, bytes{2}, bytes{9}, at(1), at(110)));
  REQUIRE(tokens.revoke_all(1));
  CHECK_FALSE(tokens.rotate(bytes{3}, bytes{3}, bytes{9}, at(1), at(110)));
  CHECK(tokens.rotate(bytes{4}, bytes{4}, bytes{9}, at(1), at(110)));
  CHECK(tokens.remove_expired(at(109)).value() == 0);
  CHECK(tokens.remove_expired(at(110)).value() == 1);
}

TEST_CASE("token_store: a user's log-ins are bounded, the least used go", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& tokens = store->tokens();
  for (std::uint8_t f = 0; f < token_store::most_per_user + 2; ++f) {
    REQUIRE(tokens.add({{f}, {f}, 1, at(1000)}, at(f)));
  }
  CHECK_FALSE(tokens.rotate(bytes{0}, bytes{0}, bytes{200}, at(200), at(1000)));
  CHECK_FALSE(tokens.rotate(bytes{1}, bytes{1}, bytes{200}, at(200), at(1000)));
  CHECK(tokens.rotate(bytes{2}, bytes{2}, bytes{200}, at(200), at(1000)));
}

TEST_CASE("token_store: what was begun under a lower generation counts no more", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& tokens = store->tokens();
  const auto add = [&](std::uint8_t f, std::int64_t generation) {
    return tokens.add(
        {.family = {f}, .secret = {f}, .user = 1, .expires_at = at(100), .generation = generation},
        at(0));
  };
  REQUIRE(add(1, 0));
  CHECK(tokens.find_owner(bytes{1}, bytes{1}, at(1)).value() == token_owner{1, 0});
  REQUIRE(store->users().end_log_ins(1, at(1)));
  CHECK(error_of(tokens.find_owner(bytes{1}, bytes{1}, at(1))).code == errc::not_found);
  CHECK(error_of(tokens.rotate(bytes{1}, bytes{1}, bytes{2}, at(1), at(101))).reason ==
        "invalid_grant");
  // A log-in that was under way meanwhile does not slip through either.
  REQUIRE(add(2, 0));
  CHECK_FALSE(tokens.rotate(bytes{2}, bytes{2}, bytes{3}, at(1), at(101)));
  REQUIRE(add(3, 1));
  CHECK(tokens.rotate(bytes{3}, bytes{3}, bytes{4}, at(1), at(101)));
}

TEST_CASE("token_store: remembers the networks that log-ins were begun from", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  add_user(store, 2);
  auto& tokens = store->tokens();
  REQUIRE(tokens.add(
      {.family = {1}, .secret = {1}, .user = 1, .expires_at = at(100), .network = -77}, at(0)));
  CHECK(tokens.knows_network(1, -77).value());
  CHECK_FALSE(tokens.knows_network(1, 77).value());
  CHECK_FALSE(tokens.knows_network(2, -77).value());
  // Home stays home after a log-out.
  REQUIRE(tokens.revoke(bytes{1}));
  REQUIRE(tokens.revoke_all(1));
  store.reopen();
  CHECK(store->tokens().knows_network(1, -77).value());
}

TEST_CASE("token_store: of a user's networks the latest are remembered", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& tokens = store->tokens();
  const auto log_in_from = [&](std::int64_t network, int when) {
    const auto f = static_cast<std::uint8_t>(when);
    return tokens.add(
        {.family = {f}, .secret = {f}, .user = 1, .expires_at = at(1000), .network = network},
        at(when));
  };
  for (int n = 1; n <= token_store::most_networks_per_user; ++n) {
    REQUIRE(log_in_from(n, n));
  }
  REQUIRE(log_in_from(1, 50));
  REQUIRE(log_in_from(77, 51));
  CHECK(tokens.knows_network(1, 1).value());
  CHECK_FALSE(tokens.knows_network(1, 2).value());
  CHECK(tokens.knows_network(1, 3).value());
  CHECK(tokens.knows_network(1, 77).value());
}
