// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/idempotency.hpp"

#include <catch2/catch.hpp>

namespace troupe::http {
namespace {

class store_fixture {
 public:
  manual_clock clock;
  metrics m;
  limits bounds{.idempotency_keys = 4, .idempotency_keys_per_user = 3};
  memory_idempotency_store store{bounds, clock, m};

  /// "first", "replay STATUS" or the error's reason.
  std::string begin(user_id user, const std::string& key, std::uint8_t what = 0) {
    std::string said;
    store.begin(name(user, key), fingerprint{what}, [&](const result<begun>& outcome) {
      said = !outcome ? outcome.error().reason
                      : (outcome->earlier ? "replay " + std::to_string(outcome->earlier->status)
                                          : "first");
      if (outcome && !outcome->earlier) {
        claims[std::to_string(user) + key] = outcome->claim;
      }
    });
    return said;
  }

  void finish(user_id user, const std::string& key) {
    int kept = 0;
    store.finish(name(user, key), claim_of(user, key), {.status = 201, .headers = {}, .body = {}},
                 [&] { ++kept; });
    CHECK(kept == 1);
  }

  std::int64_t claim_of(user_id user, const std::string& key) {
    return claims[std::to_string(user) + key];
  }

  /// The claim that was made last, as the API holds it.
  idempotency_claim held(user_id user, const std::string& key) {
    return {std::shared_ptr<idempotency_store>(&store, [](auto*) {}), name(user, key),
            claim_of(user, key)};
  }

  std::map<std::string, std::int64_t> claims;

  double evicted() {
    return m.make_counter("troupe_http_idempotency_keys_evicted_total", "").value();
  }

  static idempotency_key name(user_id user, const std::string& key) {
    return {.user = user, .route = "/start", .key = key};
  }
};

TEST_CASE_METHOD(store_fixture, "idempotency: gives the first answer again", "[net][http]") {
  CHECK(begin(1, "k") == "first");
  CHECK(begin(1, "k") == "idempotency_key_in_use");
  finish(1, "k");
  CHECK(begin(1, "k") == "replay 201");
  CHECK(begin(1, "k", 9) == "idempotency_key_reused");
  CHECK(begin(2, "k") == "first");
  CHECK(begin(1, "other") == "first");
}

TEST_CASE_METHOD(store_fixture, "idempotency: forgets after 24 hours", "[net][http]") {
  CHECK(begin(1, "k") == "first");
  finish(1, "k");
  clock.advance(idempotency_life - std::chrono::seconds(1));
  CHECK(begin(1, "k") == "replay 201");
  clock.advance(std::chrono::seconds(1));
  CHECK(begin(1, "k", 9) == "first");
  CHECK(evicted() == 0);
}

TEST_CASE_METHOD(store_fixture, "idempotency: bounded for a user and in all", "[net][http]") {
  for (const auto* key : {"a", "b", "c", "d"}) {
    CHECK(begin(1, key) == "first");
    finish(1, key);
  }
  CHECK(evicted() == 1);
  CHECK(begin(1, "b") == "replay 201");
  CHECK(begin(2, "x") == "first");
  CHECK(begin(3, "y") == "first");  // the fifth of four: user 1 loses "b"
  CHECK(evicted() == 2);
  CHECK(begin(1, "c") == "replay 201");
  CHECK(begin(1, "b") == "first");
  finish(1, "nobody knows this one");
}

TEST_CASE_METHOD(store_fixture, "idempotency: what is under way is never forgotten for others",
                 "[net][http]") {
  CHECK(begin(1, "a") == "first");
  CHECK(begin(2, "b") == "first");
  CHECK(begin(3, "c") == "first");
  CHECK(begin(3, "d") == "first");
  CHECK(begin(4, "e") == "overloaded");
  CHECK(begin(1, "a") == "idempotency_key_in_use");
  finish(3, "d");
  CHECK(begin(4, "e") == "first");
  CHECK(begin(1, "a") == "idempotency_key_in_use");
  CHECK(begin(3, "d") == "overloaded");
  CHECK(evicted() == 1);
}

TEST_CASE_METHOD(store_fixture, "idempotency: a claim that goes unanswered frees its key",
                 "[net][http]") {
  CHECK(begin(1, "k") == "first");
  const auto lost_one = claim_of(1, "k");
  {
    const auto lost = held(1, "k");
  }
  CHECK(begin(1, "k") == "first");
  store.abandon(name(1, "k"), lost_one);  // it is another's now
  CHECK(begin(1, "k") == "idempotency_key_in_use");
  int told = 0;
  {
    auto first = held(1, "k");
    auto moved = std::move(first);
    moved.finish({.status = 404, .headers = {}, .body = {}},
                 [&](const response& r) { told = r.status; });
  }
  CHECK(told == 404);
  CHECK(begin(1, "k") == "replay 404");
}

TEST_CASE_METHOD(store_fixture, "idempotency: \"later\" and our failures are not kept",
                 "[net][http]") {
  const int status = GENERATE(429, 500, 503, 504);
  CHECK(begin(1, "k") == "first");
  int told = 0;
  held(1, "k").finish({.status = status, .headers = {}, .body = {}},
                      [&](const response& r) { told = r.status; });
  CHECK(told == status);
  CHECK(begin(1, "k") == "first");
}

TEST_CASE("idempotency: keys are 1 to 64 visible ASCII characters", "[net][http]") {
  CHECK(is_idempotency_key("~!a-Z9"));
  CHECK(is_idempotency_key(std::string(64, 'k')));
  CHECK_FALSE(is_idempotency_key(""));
  CHECK_FALSE(is_idempotency_key(std::string(65, 'k')));
  CHECK_FALSE(is_idempotency_key("a b"));
  CHECK_FALSE(is_idempotency_key("a\x7F"));
  CHECK_FALSE(is_idempotency_key("é"));
}

TEST_CASE("idempotency: the fingerprint covers path and body", "[net][http]") {
  const auto of = [](std::string path, std::string body) {
    request r;
    r.path = std::move(path);
    r.body = std::move(body);
    return fingerprint_of(r);
  };
  CHECK(of("/a", "b") == of("/a", "b"));
  CHECK(of("/a", "b") != of("/ab", ""));
  CHECK(of("/a", "b") != of("/a", "c"));
}

}  // namespace
}  // namespace troupe::http
