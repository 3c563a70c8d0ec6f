// SPDX-License-Identifier: GPL-3.0-or-later
// Names, activations, mailboxes, callers: what does not depend on storage.
#include <catch2/catch.hpp>

#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

TEST_CASE("entities: the first message activates, one activation per name", "[runtime][entities]") {
  sample_bench bench;
  CHECK_FALSE(bench.node().where(a_brief));
  std::vector<testing::pending<total>> answers;
  for (int i = 0; i < 50; ++i) {
    answers.push_back(bench.begin(a_brief, add{1}));
  }
  bench.run();
  CHECK(**answers.back() == total{50, 1});
  CHECK(bench.seen.made == 1);
  const auto at = bench.node().where(a_brief);
  REQUIRE(at);
  CHECK(at->node == "a");
  CHECK(at->epoch == 1);
  CHECK(at->state == "active");
  CHECK(bench.ask(b_brief, add{5})->value == 5);
  CHECK(bench.seen.made == 2);
}

TEST_CASE("entities: an idle activation ends, and the next message starts another",
          "[runtime][entities]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_brief, add{1}));
  bench.advance(59s);
  CHECK(bench.seen.alive == 1);
  REQUIRE(bench.ask(a_brief, add{1}));
  bench.advance(59s);
  CHECK(bench.seen.alive == 1);  // used since
  bench.advance(2s);
  CHECK(bench.seen.alive == 0);
  CHECK(bench.seen.passivated == 1);
  CHECK_FALSE(bench.node().where(a_brief));
  CHECK(bench.ask(a_brief, add{1})->value == 1);  // keep::none: as new
  CHECK(bench.seen.most_alive == 1);
}

TEST_CASE("entities: no message is lost to a passivation", "[runtime][entities]") {
  // Between any two steps of the scheduler one more command arrives while the entity goes away.
  for (const auto& name : {a_brief, a_kept, a_tabled}) {
    sample_bench bench;
    std::vector<testing::pending<total>> answers;
    for (int i = 0; i < 20; ++i) {
      (void)bench.begin(name, go_away{});
      answers.push_back(bench.begin(name, add{1}));
      for (int steps = 0; steps < i; ++steps) {
        bench.run_one();
      }
      answers.push_back(bench.begin(name, add{1}));
    }
    bench.run();
    for (const auto& a : answers) {
      REQUIRE(a->has_value());
      CHECK((*a)->has_value());
    }
    CHECK(bench.seen.added.size() == 40);
    CHECK(bench.seen.passivated > 1);
    CHECK(bench.seen.most_alive == 1);
  }
}

TEST_CASE("entities: refuses names, kinds and messages it does not know", "[runtime][entities]") {
  sample_bench bench;
  CHECK(bench.ask({"nobody", "1"}, add{}).error().reason == "unknown_kind");
  CHECK(bench.ask({"brief", ""}, add{}).error().reason == "invalid_name");
  CHECK(bench.ask({"Bad", "1"}, add{}).error().reason == "invalid_name");
  CHECK(bench.seen.made == 0);
  CHECK(bench.ask(a_brief, not_understood{}).error().reason == "unknown_message");
  CHECK(bench.ask(a_brief, add{})->value == 1);  // and lives on
}

TEST_CASE("entities: a full mailbox refuses, counts, and recovers", "[runtime][entities]") {
  sample_bench bench(nullptr, 1, {.mailbox_limit = 10});
  std::vector<session> sessions;
  std::vector<testing::pending<total>> answers;
  for (int i = 0; i < 15; ++i) {
    sessions.push_back(bench.node().open_session());
    answers.push_back(bench.begin(sessions.back(), a_brief, add{1}));
  }
  CHECK(bench.node().status().kinds[0].waiting == 10);
  bench.run();
  int refused = 0;
  for (const auto& a : answers) {
    REQUIRE(a->has_value());
    refused += !(*a)->has_value() && (*a)->error().reason == "mailbox_full" ? 1 : 0;
  }
  CHECK(refused == 5);
  CHECK(bench.seen.added.size() == 10);
  CHECK(bench.figures().text().find("troupe_entity_refused_total{kind=\"brief\"} 5") !=
        std::string::npos);
  CHECK(bench.ask(sessions.back(), a_brief, add{1})->value == 11);
  CHECK(bench.node().status().kinds[0].waiting == 0);
}

TEST_CASE("entities: at most 64 commands of one session wait for one entity",
          "[runtime][entities]") {
  sample_bench bench;
  std::vector<testing::pending<total>> answers;
  for (int i = 0; i < 65; ++i) {
    answers.push_back(bench.begin(a_brief, add{1}));
  }
  const auto other = bench.begin(b_brief, add{1});
  bench.run();
  CHECK((*answers[63])->value().value == 64);
  CHECK((*answers[64])->error().reason == "too_many_in_flight");
  CHECK((*other)->has_value());
}

TEST_CASE("entities: there is room for so many names only", "[runtime][entities]") {
  sample_bench bench(nullptr, 1, {.idle = 1min, .activation_limit = 2});
  REQUIRE(bench.ask(a_brief, add{}));
  REQUIRE(bench.ask(b_brief, add{}));
  CHECK(bench.ask({"brief", "c"}, add{}).error().reason == "too_many_entities");
  bench.advance(2min);
  CHECK(bench.ask({"brief", "c"}, add{}));
}

TEST_CASE("entities: a deadline answers, and what was not begun by then is not applied",
          "[runtime][entities]") {
  sample_bench bench;
  const auto slow = bench.begin(bench.default_session(), a_brief, wait{}, 1s);
  bench.advance(1s);
  REQUIRE(slow->has_value());
  CHECK((*slow)->error().code == errc::deadline_exceeded);
  CHECK(bench.ask(a_brief, add{1})->value == 1);  // its late answer goes nowhere

  bench.seen.activate_by_job = true;
  bench.hold_jobs(true);
  const auto never = bench.begin(bench.default_session(), b_brief, add{1}, 1s);
  const auto patient = bench.begin(bench.default_session(), b_brief, add{2}, 9s);
  bench.advance(1s);
  REQUIRE(never->has_value());
  CHECK_FALSE(patient->has_value());
  bench.hold_jobs(false);
  bench.run();
  CHECK((*patient)->value().value == 2);
}

TEST_CASE("entities: commands of one sender are applied in the order sent (R4)",
          "[runtime][entities]") {
  sample_bench bench;
  const auto one = bench.node().open_session();
  const auto two = bench.node().open_session();
  for (int i = 1; i <= 30; ++i) {
    (void)bench.begin(one, a_kept, add{i});
    (void)bench.begin(two, a_kept, add{-i});
    if (i % 7 == 0) {
      (void)bench.begin(one, a_kept, go_away{});
      bench.run_one();
    }
  }
  bench.run();
  std::vector<std::int64_t> of_one;
  std::vector<std::int64_t> of_two;
  for (const auto by : bench.seen.added) {
    (by > 0 ? of_one : of_two).push_back(by > 0 ? by : -by);
  }
  CHECK(of_one.size() == 30);
  CHECK(std::ranges::is_sorted(of_one));
  CHECK(of_two.size() == 30);
  CHECK(std::ranges::is_sorted(of_two));
}

TEST_CASE("entities: tell needs no answer, and what cannot be delivered is counted",
          "[runtime][entities]") {
  sample_bench bench;
  const auto s = bench.node().open_session();
  bench.node().tell(s, a_brief, add{3});
  bench.node().tell(s, {"nobody", "1"}, add{3});
  bench.run();
  CHECK(bench.seen.added == std::vector<std::int64_t>{3});
  CHECK(bench.figures().text().find("troupe_entity_undelivered_total 1") != std::string::npos);
}

TEST_CASE("entities: status and tree say what is where", "[runtime][entities]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{}));
  REQUIRE(bench.ask(b_kept, add{}));
  REQUIRE(bench.ask(a_brief, add{}));
  const auto status = bench.node().status();
  CHECK(status.state == "active");
  REQUIRE(status.kinds.size() == 3);
  CHECK(status.kinds[0].active == 1);
  CHECK(status.kinds[1].active == 2);
  CHECK(to_text(bench.node().tree()) ==
        "a  node  running\n"
        "  brief  kind  running\n"
        "    brief/a  entity  active\n"
        "  kept  kind  running\n"
        "    kept/a  entity  active\n"
        "    kept/b  entity  active\n"
        "  tabled  kind  running\n");
}

TEST_CASE("entities: stop finishes what waits, passivates all and refuses the rest",
          "[runtime][entities]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_brief, add_later{1, 1h}));
  const auto last = bench.begin(a_kept, add{1});
  const auto working = bench.begin(b_brief, work{2});
  bench.hold_jobs(true);
  bench.run();
  std::optional<result<void>> how;
  bench.node().stop(5s, [&](result<void> r) { how = std::move(r); });
  bench.run();
  CHECK(bench.ask(b_kept, add{}).error().reason == "node_stopping");
  CHECK_FALSE(how);
  CHECK(bench.seen.alive == 1);
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(how);
  CHECK(how->has_value());
  CHECK((*last)->has_value());
  CHECK((*working)->value().value == 2);
  CHECK(bench.seen.alive == 0);
  CHECK(bench.node().status().state == "draining");

  SECTION("only once") {
    std::optional<result<void>> again;
    bench.node().stop(5s, [&](result<void> r) { again = std::move(r); });
    bench.run();
    CHECK_FALSE(again->has_value());
  }
}

TEST_CASE("entities: stop ends at its deadline whatever hangs", "[runtime][entities]") {
  sample_bench bench;
  bench.hold_jobs(true);
  const auto stuck = bench.begin(bench.default_session(), a_brief, work{1}, 1h);
  bench.run();
  std::optional<result<void>> how;
  bench.node().stop(5s, [&](result<void> r) { how = std::move(r); });
  bench.advance(5s);
  REQUIRE(how);
  CHECK(how->error().code == errc::deadline_exceeded);
  CHECK_FALSE(stuck->has_value());
}

TEST_CASE("entities: a node that goes answers everyone", "[runtime][entities]") {
  testing::pending<total> asked;
  {
    sample_bench bench;
    asked = bench.begin(a_brief, wait{});
    bench.run();
  }
  REQUIRE(asked->has_value());
  CHECK((*asked)->error().reason == "node_stopping");
}
