// SPDX-License-Identifier: GPL-3.0-or-later
// Behaviours that crash, jobs, timers, and what is behind them (R7 for entities).
#include <catch2/catch.hpp>

#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

TEST_CASE("failure: a crash answers internal and starts again from what is stored (R7)",
          "[runtime][failure]") {
  const int how = GENERATE(0, 1, 2);
  sample_bench bench;
  for (const auto& name : {a_kept, a_brief, a_tabled}) {
    CAPTURE(how, to_string(name));
    REQUIRE(bench.ask(name, add{5})->value == 5);
    const auto before = bench.begin(name, add{1});
    const auto poison = bench.begin(name, crash{how});
    const auto after = bench.begin(name, add{1});
    bench.run();
    CHECK((*before)->value().value == 6);
    CHECK((*poison)->error().code == errc::internal);
    CHECK((*poison)->error().reason == "crashed");
    CHECK((*after)->value().value == (name == a_kept ? 7 : 1));
  }
  CHECK(bench.seen.alive == 3);
  CHECK(bench.figures().text().find("troupe_entity_restarts_total{kind=\"kept\"} 1") !=
        std::string::npos);
}

TEST_CASE("failure: a name that keeps crashing rests, its siblings do not notice (R7)",
          "[runtime][failure]") {
  sample_bench bench;
  REQUIRE(bench.ask(b_brief, add{1}));
  for (int i = 0; i < 6; ++i) {
    CHECK(bench.ask(a_brief, crash{}).error().reason == "crashed");
  }
  const auto resting = bench.ask(a_brief, add{1});
  CHECK(resting.error().code == errc::unavailable);
  CHECK(resting.error().reason == "backing_off");
  CHECK(bench.node().where(a_brief)->state == "backing_off");
  CHECK(bench.ask(b_brief, add{1})->value == 2);
  bench.advance(1s);  // the first rest is at most a second
  CHECK(bench.ask(a_brief, add{1})->value == 1);
  CHECK(bench.ask(a_brief, crash{}).error().reason == "crashed");
  CHECK(bench.ask(a_brief, add{1}).error().reason == "backing_off");  // at once, and longer
  bench.advance(2s);
  CHECK(bench.ask(a_brief, add{1})->value == 1);
}

TEST_CASE("failure: what a crashed name remembers is forgotten in time", "[runtime][failure]") {
  sample_bench bench;
  CHECK_FALSE(bench.ask(a_brief, crash{}));
  CHECK(bench.node().tree().children[0].children.size() == 1);
  bench.advance(21s);
  CHECK(bench.node().tree().children[0].children.empty());
}

TEST_CASE("failure: an uncommitted neighbour of a crash is handled again, once",
          "[runtime][failure]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  bench.log().hold(true);
  const auto one = bench.begin(a_kept, add{10});
  const auto two = bench.begin(a_kept, add{100});
  const auto poison = bench.begin(a_kept, crash{});
  bench.run();
  CHECK((*poison)->error().reason == "crashed");
  CHECK_FALSE(one->has_value());
  bench.log().hold(false);
  while (bench.log().release()) {
    bench.run();
  }
  CHECK((*one)->value().value == 11);
  CHECK((*two)->value().value == 111);
  CHECK(bench.ask(a_kept, sample::read{})->value == 111);
}

TEST_CASE("failure: activate() that fails refuses what waits; later it works",
          "[runtime][failure]") {
  sample_bench bench;
  bench.seen.on_activate = []() -> result<void> { return fail(errc::unavailable, "not yet"); };
  bench.seen.activate_by_job = GENERATE(false, true);
  for (const auto& name : {a_kept, a_brief}) {
    const auto one = bench.begin(name, add{1});
    const auto two = bench.begin(name, add{1});
    bench.run();
    CHECK((*one)->error().reason == "activation_failed");
    CHECK((*two)->error().reason == "activation_failed");
  }
  bench.seen.on_activate = {};
  CHECK(bench.ask(a_kept, add{1})->value == 1);
}

TEST_CASE("failure: messages wait for activate()", "[runtime][failure]") {
  sample_bench bench;
  bench.seen.activate_by_job = true;
  bench.hold_jobs(true);
  const auto one = bench.begin(a_brief, add{1});
  bench.run();
  CHECK(bench.node().where(a_brief)->state == "activating");
  CHECK(bench.seen.added.empty());
  bench.run_job();
  bench.run();
  CHECK((*one)->value().value == 1);
}

TEST_CASE("job: its continuation answers, on the entity", "[runtime][job]") {
  sample_bench bench;
  for (const auto& name : {a_brief, a_kept}) {
    bench.hold_jobs(true);
    const auto slow = bench.begin(name, work{5});
    const auto quick = bench.begin(name, add{1});
    bench.run();
    CHECK_FALSE(slow->has_value());
    CHECK((*quick)->value().value == 1);  // a job does not block the entity
    bench.run_job();
    bench.run();
    CHECK((*slow)->value().value == 6);
    bench.hold_jobs(false);
  }
}

TEST_CASE("job: a full pool, and a job that throws, are errors for its continuation",
          "[runtime][job]") {
  sample_bench bench;
  bench.fill_pool(true);
  CHECK(bench.ask(a_brief, work{1}).error().reason == "queue_full");
  bench.fill_pool(false);
  CHECK(bench.ask(a_brief, work{1, 1}).error().code == errc::internal);
  CHECK(bench.ask(a_brief, add{1})->value == 1);
  CHECK(bench.seen.made == 1);
}

TEST_CASE("job: one that its pool took and never runs is an error for its continuation",
          "[runtime][job]") {
  sample_bench bench;
  bench.hold_jobs(true);
  const auto lost = bench.begin(a_brief, work{1});
  bench.run();
  REQUIRE_FALSE(lost->has_value());
  bench.drop_jobs();
  bench.run();
  REQUIRE(lost->has_value());
  CHECK((*lost)->error().reason == "queue_full");
  CHECK(bench.ask(a_brief, add{1})->value == 1);
}

TEST_CASE("job: a continuation that throws is a crash", "[runtime][job]") {
  sample_bench bench;
  for (const auto& name : {a_brief, a_kept}) {
    CHECK(bench.ask(name, work{1, 2}).error().reason == "crashed");
    CHECK(bench.ask(name, add{1})->value == 1);
  }
  CHECK(bench.seen.made == 4);
}

TEST_CASE("job: a continuation never outlives its activation", "[runtime][job]") {
  sample_bench bench;
  bench.hold_jobs(true);
  const auto lost = bench.begin(a_brief, work{5});
  bench.run();
  CHECK_FALSE(bench.ask(a_brief, crash{}));
  CHECK((*lost)->error().reason == "activation_lost");
  bench.run_job();
  bench.run();
  CHECK(bench.ask(a_brief, sample::read{})->value == 0);
  CHECK(bench.seen.added.empty());
}

TEST_CASE("defer: an answer given by another message", "[runtime][defer]") {
  sample_bench bench;
  for (const auto& name : {a_brief, a_kept}) {
    const auto one = bench.begin(name, wait{});
    const auto two = bench.begin(name, wait{});
    bench.run();
    CHECK_FALSE(one->has_value());
    CHECK(bench.ask(name, add{4})->value == 4);
    CHECK((*one)->value().value == 4);
    CHECK((*two)->value().value == 4);
  }
}

TEST_CASE("defer: who waits for a lost activation is answered", "[runtime][defer]") {
  sample_bench bench;
  const auto waiting = bench.begin(a_brief, wait{});
  bench.run();
  CHECK_FALSE(bench.ask(a_brief, crash{}));
  CHECK((*waiting)->error().reason == "activation_lost");
}

TEST_CASE("timer: fires once, keeps its entity from idling, and can be cancelled",
          "[runtime][timer]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_brief, add_later{5, 90s}));
  bench.advance(89s);
  CHECK(bench.seen.added.empty());
  bench.advance(1s);
  CHECK(bench.seen.added == std::vector<std::int64_t>{5});
  REQUIRE(bench.ask(a_brief, add_later{5, 10s}));
  REQUIRE(bench.ask(a_brief, cancel_adds{}));
  bench.advance(20s);
  CHECK(bench.seen.added.size() == 1);
  bench.advance(2min);
  CHECK(bench.seen.alive == 0);
}

TEST_CASE("timer: goes with its activation", "[runtime][timer]") {
  sample_bench bench;
  for (const auto& name : {a_brief, a_kept}) {
    REQUIRE(bench.ask(name, add_later{5, 10s}));
    CHECK_FALSE(bench.ask(name, crash{}));
    REQUIRE(bench.ask(name, sample::read{}));
    REQUIRE(bench.ask(name, add_later{5, 10s}));
    REQUIRE(bench.ask(name, go_away{}));
    bench.advance(20s);
  }
  CHECK(bench.seen.added.empty());
}

TEST_CASE("timer: what it changes is stored", "[runtime][timer]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add_later{5, 10s}));
  bench.advance(10s);
  CHECK(decode<kept::state>(bench.log().stored(a_kept)->state)->value == 5);
}

TEST_CASE("send and ask: between entities, also to itself", "[runtime][send]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_brief, pass_on{b_brief, 3, false}));
  CHECK(bench.ask(b_brief, sample::read{})->value == 3);
  REQUIRE(bench.ask(a_brief, pass_on{b_brief, 4, true}));
  CHECK(bench.ask(a_brief, sample::read{})->value == 7);  // the answer came back
  REQUIRE(bench.ask(a_brief, pass_on{a_brief, 1, true}));
  CHECK(bench.ask(a_brief, sample::read{})->value == 16);  // 7 + 1, and the answer 8 on top
  REQUIRE(bench.ask(a_brief, pass_on{{"nobody", "1"}, 1, true}));
  CHECK(bench.ask(a_brief, sample::read{})->value == 15);  // an error: minus one
}
