// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/token_keys.hpp"

#include <catch2/catch.hpp>

#include "actors/account/ended_log_ins.hpp"
#include "tests/unit/actors/account/account_fixture.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace troupe::account::test;
using namespace std::chrono_literals;

namespace {

constexpr auto life = 15min;

wall_time at(std::chrono::seconds t) {
  return wall_time(std::chrono::hours(500'000)) + t;
}

token_key key(std::int64_t number, std::chrono::seconds made) {
  return make_token_key(number, bytes(32, static_cast<std::uint8_t>(number)), at(made),
                        number == 1);
}

result<rotated_key> rotate(fixture& f, bool ends_older = false) {
  return answer_of<rotated_key>(
      [&](auto done) { f.service->rotate_token_key(ends_older, std::move(done)); });
}

/// A second node on the same store and folder.
std::unique_ptr<administered_accounts> other_node(fixture& f) {
  auto made = f.make();
  REQUIRE(made);
  return std::move(*made);
}

std::size_t stored_keys(fixture& f) {
  return f.store->secrets().list("access_token_key/").value().size();
}

}  // namespace

TEST_CASE("token_keys: the newest that every node knows signs", "[account]") {
  const key_ring ring({key(2, 1000s), key(1, 0s)}, life);
  CHECK(ring.signing(at(0s)).number == 1);
  CHECK(ring.signing(at(1029s)).number == 1);
  CHECK(ring.signing(at(1030s)).number == 2);
  CHECK(ring.signing(at(-99s)).number == 1);  // a clock that went back
  CHECK(ring.newest().number == 2);
}

TEST_CASE("token_keys: a key verifies until the last token it signed has expired", "[account]") {
  const key_ring ring({key(1, 0s), key(2, 1000s)}, life);
  const auto first = ring.all().front().name;
  const auto last_token_ends = at(1030s) + life;
  CHECK(ring.verifying(first, last_token_ends)->number == 1);
  CHECK(ring.verifying(first, last_token_ends + 59s)->number == 1);
  CHECK(ring.expired(last_token_ends + 59s).empty());
  CHECK(ring.verifying(first, last_token_ends + 60s) == nullptr);
  CHECK(ring.expired(last_token_ends + 60s).size() == 1);
  CHECK(ring.verifying(ring.newest().name, at(1000s))->number == 2);  // before it signs
  CHECK(ring.verifying("nobody's", at(0s)) == nullptr);
  CHECK(ring.verifying("", at(0s)) == nullptr);
}

TEST_CASE("token_keys: the only key left signs at once", "[account]") {
  const key_ring ring({key(7, 1000s)}, life);
  CHECK(ring.signing(at(1000s)).number == 7);
}

TEST_CASE("accounts: a key follows another, and no token is lost on the way", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto second_node = other_node(f);
  const auto old_token = f.log_in("ann").value().access_token;
  const auto rotated = rotate(f).value();
  CHECK(rotated.signs_from == f.time.wall() + 30s);
  REQUIRE(second_node->look_after());
  // Both know it, neither signs with it yet.
  CHECK(second_node->verify(f.log_in("ann").value().access_token));
  f.time.advance(30s);
  const auto new_token = f.log_in("ann").value().access_token;
  CHECK(new_token.substr(0, 40) != old_token.substr(0, 40));
  for (auto* node : {f.service.get(), second_node.get()}) {
    CHECK(node->verify(old_token));
    CHECK(node->verify(new_token));
  }
  f.restart();
  CHECK(f.service->verify(new_token));
  CHECK(stored_keys(f) == 2);
  f.time.advance(life + 60s);
  REQUIRE(f.service->look_after());
  CHECK(stored_keys(f) == 1);
}

TEST_CASE("accounts: a node that did not hear of a key refuses it without asking", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto second_node = other_node(f);
  REQUIRE(rotate(f));
  f.time.advance(30s);
  const auto token = f.log_in("ann").value().access_token;
  CHECK(second_node->verify(token).error().reason == "invalid_token");
  REQUIRE(second_node->look_after());
  CHECK(second_node->verify(token));
}

TEST_CASE("accounts: a key gets a successor after 30 days, one for all nodes", "[account]") {
  fixture f;
  const auto second_node = other_node(f);
  f.time.advance(std::chrono::days(30) - 1s);
  REQUIRE(f.service->look_after());
  CHECK(stored_keys(f) == 1);
  f.time.advance(1s);
  REQUIRE(f.service->look_after());
  REQUIRE(second_node->look_after());
  REQUIRE(f.service->look_after());
  CHECK(stored_keys(f) == 2);
}

TEST_CASE("accounts: after a leak older keys end at once", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto second_node = other_node(f);
  const auto old = f.log_in("ann").value();
  REQUIRE(rotate(f, true));
  CHECK(stored_keys(f) == 1);
  CHECK(f.service->verify(old.access_token).error().reason == "invalid_token");
  REQUIRE(second_node->look_after());
  CHECK(second_node->verify(old.access_token).error().reason == "invalid_token");
  const auto renewed = f.refresh(old.refresh_token).value();
  CHECK(f.service->verify(renewed.access_token));
  CHECK(second_node->verify(renewed.access_token));
}

TEST_CASE("accounts: the keys in force hold while the store is away", "[account]") {
  fixture f;
  REQUIRE(f.register_user("ann"));
  const auto token = f.log_in("ann").value().access_token;
  REQUIRE(f.store->secrets().remove("access_token_key/1"));
  REQUIRE(f.store->secrets().add("access_token_key/1", bytes(60, 1), f.time.wall()));
  CHECK(error_of(f.service->look_after()).reason == "sealed_by_other_key");
  CHECK(f.service->verify(token));
}

TEST_CASE("ended_log_ins: ends tokens of an older generation only", "[account]") {
  metrics m;
  ended_log_ins ended(life, 10, m);
  const auto who = [](user_id id, std::int64_t generation) {
    return identity{
        .id = id, .username = "x", .expires_at = at(0s) + life, .generation = generation};
  };
  ended.add(7, 2, at(0s));
  CHECK(ended.has_ended(who(7, 1)));
  CHECK_FALSE(ended.has_ended(who(7, 2)));
  CHECK_FALSE(ended.has_ended(who(8, 0)));
  ended.add(7, 1, at(5s));  // heard late
  CHECK_FALSE(ended.has_ended(who(7, 2)));
  ended.add(7, 3, at(10s));
  CHECK(ended.has_ended(who(7, 2)));
  CHECK(ended.size() == 1);
  ended.forget(at(10s) + life + 59s);
  CHECK(ended.size() == 1);
  ended.forget(at(10s) + life + 60s);
  CHECK(ended.size() == 0);
}

TEST_CASE("ended_log_ins: full, it refuses all that is as old as what it forgets", "[account]") {
  metrics m;
  ended_log_ins ended(life, 100, m);
  for (std::int64_t user = 1; user <= 1000; ++user) {
    ended.add(user, 1, at(std::chrono::seconds(user)));
  }
  CHECK(ended.size() == 100);
  CHECK(m.make_counter("troupe_ended_log_ins_evicted_total", "").value() == 900);
  const auto made_at = [](user_id id, std::chrono::seconds t) {
    return identity{.id = id, .username = "x", .expires_at = at(t) + life, .generation = 0};
  };
  // The user 5, forgotten, ended all log-ins at 5 s; what they had then stays refused.
  CHECK(ended.has_ended(made_at(5, 4s)));
  CHECK(ended.has_ended(made_at(5, 900s)));
  CHECK_FALSE(ended.has_ended(made_at(5, 901s)));
  CHECK(ended.has_ended(made_at(1000, 999s)));
}
