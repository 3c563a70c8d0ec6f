// SPDX-License-Identifier: GPL-3.0-or-later
// What keep::snapshot promises: nothing leaves before it is stored, nothing is applied twice, an
// older epoch changes nothing (R1 to R3 on one node).
#include <catch2/catch.hpp>

#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

namespace {

std::int64_t stored_value(const memory_entity_log& log, const entity_name& name) {
  const auto row = log.stored(name);
  REQUIRE(row);
  REQUIRE(row->committed);
  return decode<kept::state>(row->state)->value;
}

}  // namespace

TEST_CASE("durable: an answer leaves after its commit only", "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  bench.log().hold(true);
  const auto answer = bench.begin(a_kept, add{1});
  bench.run();
  CHECK(bench.seen.added.size() == 2);  // handled
  CHECK_FALSE(answer->has_value());     // not said
  CHECK(stored_value(bench.log(), a_kept) == 1);
  REQUIRE(bench.log().release());
  bench.run();
  CHECK((*answer)->value().value == 2);
  CHECK(stored_value(bench.log(), a_kept) == 2);
}

TEST_CASE("durable: a sent message leaves after the commit only", "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  bench.log().hold(true);
  (void)bench.begin(a_kept, pass_on{b_brief, 9, false});
  (void)bench.begin(a_kept, pass_on{b_brief, 9, true});
  bench.run();
  CHECK(bench.seen.added.size() == 1);
  while (bench.log().release()) {
    bench.run();
  }
  CHECK(bench.seen.added == std::vector<std::int64_t>{1, 9, 9});
}

TEST_CASE("durable: a read causes no commit but never shows what is not stored",
          "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  const auto commits = bench.log().commits();
  CHECK(bench.ask(a_kept, sample::read{})->value == 1);
  CHECK(bench.log().commits() == commits);
  bench.log().hold(true);
  (void)bench.begin(a_kept, add{1});
  const auto seen = bench.begin(a_kept, sample::read{});
  bench.run();
  CHECK_FALSE(seen->has_value());
  bench.log().release();
  bench.run();
  CHECK((*seen)->value().value == 2);
  CHECK(bench.log().commits() == commits + 1);
}

TEST_CASE("durable: commits gather, one entry per entity and batch", "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  REQUIRE(bench.ask(b_kept, add{1}));
  REQUIRE(bench.ask({"kept", "c"}, add{1}));
  bench.log().hold(true);
  std::vector<testing::pending<total>> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(bench.begin(a_kept, add{1}));
    answers.push_back(bench.begin(b_kept, add{1}));
    answers.push_back(bench.begin({"kept", "c"}, add{1}));
  }
  bench.run();
  const auto before = bench.log().commits();
  bench.log().hold(false);
  while (bench.log().release()) {
    bench.run();
  }
  for (const auto& a : answers) {
    CHECK((*a)->has_value());
  }
  CHECK(stored_value(bench.log(), a_kept) == 21);
  // One is on its way alone, the other two gather behind it; then what each handled meanwhile.
  CHECK(bench.log().commits() - before <= 5);
  CHECK(bench.log().largest_batch() == 2);
  CHECK(bench.figures().text().find("troupe_entity_commit_seconds_count") != std::string::npos);
  CHECK(bench.figures().text().find("troupe_entity_commit_entries_count") != std::string::npos);
}

TEST_CASE("durable: an acknowledged command survives the node (R2)", "[runtime][durable]") {
  memory_entity_log log;
  std::int64_t acknowledged = 0;
  {
    sample_bench first(&log, 1);
    for (int i = 0; i < 10; ++i) {
      acknowledged = first.ask(a_kept, add{1})->value;
    }
    log.hold(true);
    (void)first.begin(a_kept, add{1});
    first.run();
  }
  log.hold(false);
  sample_bench second(&log, 2);
  const auto found = second.ask(a_kept, sample::read{});
  CHECK(found->value == acknowledged);
  CHECK(found->epoch == 2);
}

TEST_CASE("durable: an older epoch changes nothing (R1)", "[runtime][durable]") {
  memory_entity_log log;
  sample_bench first(&log, 1);
  sample_bench second(&log, 2);
  REQUIRE(first.ask(a_kept, add{1}));
  REQUIRE(first.ask(b_kept, add{1}));
  REQUIRE(second.ask(a_kept, add{10})->value == 11);  // takes the name over

  log.hold(true);
  const auto fenced = first.begin(a_kept, add{100});
  first.run();
  const auto neighbour = first.begin(b_kept, add{1});
  first.run();
  while (log.release()) {  // the fenced commit, the neighbour's, the new claim
    CHECK(stored_value(log, a_kept) < 200);
    first.run();
  }
  log.hold(false);
  while (log.release()) {
    first.run();
  }
  // Its command was handled again on what the other node had stored, once.
  CHECK((*fenced)->value().value == 111);
  CHECK((*neighbour)->value().value == 2);
  CHECK(stored_value(log, a_kept) == 111);
  CHECK(first.figures().text().find("troupe_entity_commits_fenced_total 1") != std::string::npos);
  // The other node's activation is the old one now.
  CHECK(second.ask(a_kept, add{1000})->value == 1111);
}

TEST_CASE("durable: a commit that fails is handled again from what is stored, once (R3)",
          "[runtime][durable]") {
  const bool after_write = GENERATE(false, true);
  CAPTURE(after_write);
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  bench.log().fail_commits(1, after_write);
  std::vector<testing::pending<total>> answers;
  for (int i = 0; i < 5; ++i) {
    answers.push_back(bench.begin(a_kept, add{10}));
  }
  bench.run();
  std::int64_t expected = 1;
  for (const auto& a : answers) {
    REQUIRE(a->has_value());
    CHECK((*a)->value().value == (expected += 10));
  }
  CHECK(stored_value(bench.log(), a_kept) == 51);
  CHECK(bench.node().where(a_kept)->epoch == 2);
}

TEST_CASE("durable: a new session's first command survives a failed commit", "[runtime][durable]") {
  sample_bench bench;
  bench.log().fail_commits(1, true);
  const auto s = bench.node().open_session();
  const auto one = bench.begin(s, a_kept, add{1});
  const auto two = bench.begin(s, a_kept, add{1});
  bench.run();
  CHECK((*one)->value().value == 1);
  CHECK((*two)->value().value == 2);
  CHECK(stored_value(bench.log(), a_kept) == 2);
}

TEST_CASE("durable: a store that stays away answers, and harms nothing", "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  bench.log().fail_commits(100);
  bench.log().fail_claims(1);
  const auto lost = bench.ask(a_kept, add{1});
  CHECK(lost.error().reason == "outcome_unknown");  // it may have been stored
  bench.log().fail_claims(1);
  CHECK(bench.ask(a_kept, add{1}).error().reason == "store_unavailable");
  bench.log().fail_commits(0);
  CHECK(bench.ask(a_kept, add{1})->value == 2);
}

TEST_CASE("durable: a silent store is given up", "[runtime][durable]") {
  sample_bench bench;
  SECTION("at the commit") {
    REQUIRE(bench.ask(a_kept, add{1}));
    bench.log().hold(true);
    const auto answer = bench.begin(bench.default_session(), a_kept, add{1}, 1h);
    bench.advance(10s);
    CHECK(bench.node().where(a_kept)->state == "claiming");
    bench.advance(10s);
    REQUIRE(answer->has_value());
    CHECK((*answer)->error().reason == "outcome_unknown");
  }
  SECTION("at the claim") {
    bench.log().hold(true);
    const auto answer = bench.begin(bench.default_session(), a_kept, add{1}, 1h);
    bench.advance(10s);
    REQUIRE(answer->has_value());
    CHECK((*answer)->error().code == errc::unavailable);
  }
}

TEST_CASE("durable: the state survives a passivation, and its last change is stored",
          "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{7}));
  bench.advance(2min);
  CHECK(bench.seen.alive == 0);
  CHECK(bench.ask(a_kept, add{1})->value == 8);
  CHECK(bench.seen.made == 2);
}

TEST_CASE("durable: a state beyond 64 KiB is refused and not kept", "[runtime][durable]") {
  sample_bench bench;
  REQUIRE(bench.ask(a_kept, add{1}));
  REQUIRE(bench.ask(a_kept, grow{60'000}));
  CHECK(bench.ask(a_kept, grow{70'000}).error().reason == "state_too_large");
  CHECK(bench.ask(a_kept, add{1})->value == 2);
  CHECK(decode<kept::state>(bench.log().stored(a_kept)->state)->ballast.size() == 60'000);
}

TEST_CASE("durable: a state that does not parse refuses, and touches nothing",
          "[runtime][durable]") {
  memory_entity_log log;
  std::optional<result<std::vector<commit_outcome>>> wrote;
  log.claim({a_kept, "x", 9, 1, {}}, [](const result<claim_answer>&) {});
  log.commit({{a_kept, 1, 1, bytes{1, 2, 3}, {}}}, [&](auto r) { wrote = std::move(r); });
  REQUIRE(wrote->value()[0] == commit_outcome::ok);
  sample_bench bench(&log);
  CHECK(bench.ask(a_kept, add{1}).error().reason == "activation_failed");
  CHECK(log.stored(a_kept)->state == bytes{1, 2, 3});
}

TEST_CASE("durable: a table-keeping kind claims its epoch and stores nothing here",
          "[runtime][durable]") {
  memory_entity_log log;
  sample_bench bench(&log);
  CHECK(bench.ask(a_tabled, add{1}) == total{1, 1});
  bench.advance(2min);
  CHECK(bench.ask(a_tabled, add{1}) == total{1, 2});
  CHECK(log.commits() == 0);
}
