// SPDX-License-Identifier: GPL-3.0-or-later
#include <atomic>
#include <thread>
#include <vector>

#include "tests/unit/storage/store_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

const answer_bounds usual{.life = 24h, .lease = 2min, .most_of_user = 3};

struct answers_fixture {
  fresh_store store{each_engine()};
  wall_time now = from_unix_ms(1'768'000'000'000);

  answers_fixture() {
    add_user(store, 1);
    add_user(store, 2);
  }

  static answer_key key(const std::string& text, user_id user = 1) {
    return {.user = user, .route = "/start", .key = text};
  }

  result<claimed_answer> claim(const std::string& text, user_id user = 1, std::uint8_t what = 0) {
    return store->answers().claim(key(text, user), bytes{what, 7}, usual, now);
  }

  /// "first", "in_use", "reused", "answered:BYTES" or the error's reason.
  std::string said(const result<claimed_answer>& c) {
    if (!c) {
      return c.error().reason;
    }
    switch (c->what) {
      case answer_claim::first:
        return "first";
      case answer_claim::in_use:
        return "in_use";
      case answer_claim::reused:
        return "reused";
      case answer_claim::answered:
        break;
    }
    return "answered:" + std::string(as_text(c->answer));
  }

  std::string begin(const std::string& text, user_id user = 1, std::uint8_t what = 0) {
    return said(claim(text, user, what));
  }

  void keep(const std::string& text, const std::string& answer, user_id user = 1) {
    REQUIRE(store->answers().keep(key(text, user), now, as_bytes(answer)));
  }
};

}  // namespace

TEST_CASE("answer_store: the first answer is given again, also after a restart", "[storage]") {
  answers_fixture f;
  CHECK(f.begin("k") == "first");
  CHECK(f.begin("k") == "in_use");
  f.keep("k", "done");
  CHECK(f.begin("k") == "answered:done");
  f.store.reopen();
  CHECK(f.begin("k") == "answered:done");
  CHECK(f.begin("k", 1, 9) == "reused");
  CHECK(f.begin("k", 2) == "first");
  CHECK(f.begin("other") == "first");
  CHECK(f.said(f.store->answers().claim({1, "/end", "k"}, bytes{0, 7}, usual, f.now)) == "first");
}

TEST_CASE("answer_store: a claim that is let go, or lost, is free again", "[storage]") {
  answers_fixture f;
  CHECK(f.begin("k") == "first");
  REQUIRE(f.store->answers().release(f.key("k"), f.now));
  CHECK(f.begin("k", 1, 9) == "first");
  const auto lost = f.now;
  f.now += 119s;
  CHECK(f.begin("k", 1, 9) == "in_use");
  f.now += 1s;
  CHECK(f.begin("k", 1, 8) == "reused");
  CHECK(f.begin("k", 1, 9) == "first");  // the process that had it is gone
  // If it was not: what it says now changes nothing.
  REQUIRE(f.store->answers().keep(f.key("k"), lost, as_bytes("late")));
  REQUIRE(f.store->answers().release(f.key("k"), lost));
  CHECK(f.begin("k", 1, 9) == "in_use");
  f.keep("k", "mine");
  CHECK(f.begin("k", 1, 9) == "answered:mine");
}

TEST_CASE("answer_store: forgets after its time, and sweeps", "[storage]") {
  answers_fixture f;
  CHECK(f.begin("k") == "first");
  f.keep("k", "done");
  CHECK(f.begin("left") == "first");
  const auto then = f.now;
  f.now += 24h - 1s;
  CHECK(f.begin("k") == "answered:done");
  f.now += 1s;
  CHECK(f.begin("k", 1, 9) == "first");
  CHECK(f.store->answers().remove_old(then, 10).value() == 0);
  CHECK(f.store->answers().remove_old(f.now, 10).value() == 1);
  CHECK(f.begin("left", 1, 9) == "first");
}

TEST_CASE("answer_store: a user has so many and no more, the oldest answered go", "[storage]") {
  answers_fixture f;
  for (const auto* text : {"a", "b", "c"}) {
    CHECK(f.begin(text) == "first");
    f.now += 1s;
  }
  CHECK(f.begin("d") == "overloaded");  // all are under way
  CHECK(f.begin("d", 2) == "first");    // others have their own
  f.now -= 2s;
  f.keep("b", "two");
  f.now += 2s;
  const auto made = f.claim("d");
  CHECK(f.said(made) == "first");
  CHECK(made->dropped == 1);
  CHECK(f.begin("a") == "in_use");
  CHECK(f.begin("b") == "overloaded");
}

TEST_CASE("answer_store: however many bring one key, one claims it", "[storage]") {
  answers_fixture f;
  std::atomic<int> first = 0;
  std::atomic<int> others = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        const auto got = f.claim("k");
        (got && got->what == answer_claim::first ? first : others) += 1;
      });
    }
  }
  CHECK(first == 1);
  CHECK(others == 5);
}

TEST_CASE("answer_store: keeps no more rows than its bound, however many come", "[storage]") {
  answers_fixture f;
  for (int i = 0; i < 200; ++i) {
    const auto text = std::to_string(i);
    REQUIRE(f.begin(text) == "first");
    f.keep(text, std::string(1000, 'x'));
    f.now += 1s;
  }
  CHECK(f.store->answers().remove_old(f.now, 1000).value() == 3);
}
