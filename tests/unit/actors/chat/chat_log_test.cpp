// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/chat_log.hpp"

#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

struct log_bench : runtime::testing::entity_bench {
  explicit log_bench(world& w) : around(w) {
    node().add_kind<chat_log>(
        [&w](const runtime::entity_name&) { return std::make_unique<chat_log>(w.log_needs); },
        chat_log::options());
  }

  /// The next event of a room, from a session of its own.
  runtime::testing::pending<committed> write(user_id room, std::int64_t seq = 1,
                                             std::int64_t epoch = 0) {
    storage::room_write w;
    w.room = room;
    w.epoch = epoch;
    w.last_seq = seq;
    w.last_message_id = seq;
    w.events.emplace_back().seq = seq;
    return begin(node().open_session(), name,
                 commit{std::make_shared<const storage::room_write>(std::move(w))});
  }

  const runtime::entity_name name{"chat_log", "a"};
  world& around;
};

commit_outcome outcome(const runtime::testing::pending<committed>& p) {
  REQUIRE(p->has_value());
  REQUIRE(**p);
  return (**p)->outcome;
}

}  // namespace

TEST_CASE("chat log: what many rooms say meanwhile shares one transaction", "[actors][chat]") {
  world w;
  log_bench bench(w);
  bench.hold_jobs(true);
  std::vector<runtime::testing::pending<committed>> slots;
  for (user_id room = 100; room < 200; ++room) {
    slots.push_back(bench.write(room));
  }
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  for (const auto& s : slots) {
    CHECK(outcome(s) == commit_outcome::stored);
  }
  CHECK(w.store.appends == 2);
  CHECK(w.store.writes == 100);
}

TEST_CASE("chat log: a transaction is bounded in writes and events", "[actors][chat]") {
  world w;
  w.log_needs.settings.most_at_once = 10;
  SECTION("writes") {}
  SECTION("events") {
    w.log_needs.settings.most_at_once = 1000;
    w.log_needs.settings.most_events_at_once = 10;
  }
  log_bench bench(w);
  bench.hold_jobs(true);
  for (user_id room = 100; room < 141; ++room) {
    bench.write(room);
  }
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK(w.store.appends == 5);  // the first alone, then four of ten
}

TEST_CASE("chat log: two activations of one room never share a transaction", "[actors][chat]") {
  world w;
  log_bench bench(w);
  bench.hold_jobs(true);
  const auto first = bench.write(100);
  const auto second = bench.write(101);
  const auto again = bench.write(101, 2);
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK(outcome(first) == commit_outcome::stored);
  CHECK(outcome(second) == commit_outcome::stored);
  CHECK(outcome(again) == commit_outcome::stored);
  CHECK(w.store.appends == 3);
}

TEST_CASE("chat log: a fenced room does not fail its neighbours", "[actors][chat]") {
  world w;
  w.store.rooms[101].epoch = 5;
  log_bench bench(w);
  bench.hold_jobs(true);
  const auto first = bench.write(100);
  const auto fenced = bench.write(101);
  const auto other = bench.write(102);
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK(outcome(first) == commit_outcome::stored);
  CHECK(outcome(fenced) == commit_outcome::fenced);
  CHECK(outcome(other) == commit_outcome::stored);
}

TEST_CASE("chat log: what the store cannot take harms its room alone", "[actors][chat]") {
  world w;
  w.store.broken_room = 101;
  log_bench bench(w);
  bench.hold_jobs(true);
  const auto first = bench.write(100);
  const auto broken = bench.write(101);
  const auto other = bench.write(102);
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK(outcome(first) == commit_outcome::stored);
  CHECK(outcome(broken) == commit_outcome::broken);
  CHECK(outcome(other) == commit_outcome::stored);
  CHECK(w.store.rooms[102].events.size() == 1);
  const auto again = bench.write(101);
  bench.run();
  CHECK(outcome(again) == commit_outcome::broken);
}

TEST_CASE("chat log: says that it does not know", "[actors][chat]") {
  world w;
  log_bench bench(w);
  w.store.faults = {fault::away, fault::lost_answer};
  auto slot = bench.write(100);
  bench.run();
  CHECK(outcome(slot) == commit_outcome::unknown);
  slot = bench.write(100);
  bench.run();
  CHECK(outcome(slot) == commit_outcome::unknown);
  CHECK(w.store.rooms[100].events.size() == 1);
  bench.fill_pool(true);
  slot = bench.write(100, 2);
  bench.run();
  CHECK(outcome(slot) == commit_outcome::refused);  // no doubt: it was not tried
  CHECK(w.log_counters.refused.value() == 1);
  bench.fill_pool(false);
  slot = bench.write(100, 2);
  bench.run();
  CHECK(outcome(slot) == commit_outcome::stored);
  CHECK(w.log_counters.failures.value() == 2);
}

TEST_CASE("chat log: refuses what there is no room for", "[actors][chat]") {
  world w;
  w.log_needs.settings.most_waiting = 3;
  log_bench bench(w);
  bench.hold_jobs(true);
  std::vector<runtime::testing::pending<committed>> slots;
  for (user_id room = 100; room < 106; ++room) {
    slots.push_back(bench.write(room));
  }
  bench.run();
  CHECK(outcome(slots[4]) == commit_outcome::refused);
  CHECK(outcome(slots[5]) == commit_outcome::refused);
  CHECK_FALSE(slots[3]->has_value());
  CHECK(w.log_counters.refused.value() == 2);
  bench.hold_jobs(false);
  bench.run();
  CHECK(outcome(slots[3]) == commit_outcome::stored);
  const auto empty = bench.begin(bench.name, commit{});
  bench.run();
  CHECK(outcome(empty) == commit_outcome::broken);
}

}  // namespace troupe::chat
