// SPDX-License-Identifier: GPL-3.0-or-later
// Entities that move while they are used: what was sent is applied once and in order, whatever is
// lost, and whoever dies, in whatever step.
#include <catch2/catch.hpp>

#include "cluster_fixture.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

namespace {

/// One thing that can happen; false when there is nothing.
bool one_step(cluster_bench& cluster, std::mt19937& chance) {
  return cluster.run_one(chance);
}

}  // namespace

TEST_CASE("move: an entity goes on elsewhere with its state and its senders", "[runtime][move]") {
  sample_cluster cluster;
  const auto kind = GENERATE("kept", "brief", "tabled");
  CAPTURE(kind);
  const auto name = cluster.name_on("b", kind);
  REQUIRE(cluster.ask("a", name, add{1}));
  REQUIRE(cluster.ask("b", name, add{2}));
  const auto away = cluster.move(name, "c");
  REQUIRE(away);
  CHECK(*away < 50ms);
  CHECK(cluster.home_of(name) == "c");
  CHECK(cluster.seen["b"].passivated == 1);
  CHECK(cluster.seen["b"].alive == 0);
  for (const auto* from : {"a", "b", "c"}) {
    REQUIRE(cluster.ask(from, name, add{10}));
  }
  CHECK(cluster.ask("a", name, sample::read{}) == total{33, 2});
  REQUIRE(cluster.move(name, "b"));
  CHECK(cluster.ask("a", name, sample::read{}) == total{33, 3});
  CHECK(cluster.home_of(name) == "b");
}

TEST_CASE("move: a large state travels in chunks", "[runtime][move]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "brief");
  REQUIRE(cluster.ask("a", name, grow{300'000}));
  REQUIRE(cluster.ask("a", name, add{5}));
  SECTION("calm") {}
  SECTION("with a way that breaks between two chunks") {
    const auto moves = cluster.begin_move(name, "c");
    for (int i = 0; i < 6; ++i) {
      cluster.network().deliver_next();
      cluster.pass(0ms);
    }
    cluster.network().drop("b", "c", link_stream::commands);
    cluster.network().drop("c", "b", link_stream::commands);
    cluster.advance(1s);
    REQUIRE(moves->has_value());
    CHECK(moves->value());
  }
  if (cluster.home_of(name) == "b") {
    REQUIRE(cluster.move(name, "c"));
  }
  CHECK(cluster.ask("a", name, add{1})->value == 6);
  CHECK(cluster.home_of(name) == "c");
}

TEST_CASE("move: what is sent meanwhile is applied once and in order", "[runtime][move]") {
  const auto seed = GENERATE(range(1U, 31U));
  CAPTURE(seed);
  std::mt19937 chance(seed);
  sample_cluster cluster;
  const auto kind = seed % 3 == 0 ? "kept" : seed % 3 == 1 ? "brief" : "tabled";
  const auto name = cluster.name_on("b", kind);
  REQUIRE(cluster.ask("a", name, add{1000}));
  std::vector<testing::pending<total>> answers;
  testing::pending<duration> moves;
  for (int i = 1; i <= 60; ++i) {
    const std::string from(1, static_cast<char>('a' + i % 3));
    answers.push_back(cluster.begin(from, name, add{i}));
    if (i == 15 || i == 40) {
      moves = cluster.begin_move(name, i == 15 ? "c" : "a");
    }
    for (auto steps = chance() % 4; steps > 0; --steps) {
      (void)one_step(cluster, chance);
    }
  }
  cluster.advance(3s);
  REQUIRE(moves->has_value());
  std::int64_t sum = 1000;
  for (int i = 1; i <= 60; ++i) {
    CAPTURE(i);
    const auto& answer = *answers[static_cast<std::size_t>(i) - 1];
    REQUIRE(answer.has_value());
    REQUIRE(answer.value());
    sum += i;
  }
  CHECK(cluster.ask("b", name, sample::read{})->value == sum);
  CHECK(cluster.added().size() == 61);
  for (const auto& [node, seen] : cluster.seen) {
    for (int from = 0; from < 3; ++from) {
      auto of_sender = seen.added;
      std::erase_if(of_sender, [&](std::int64_t by) { return by == 1000 || by % 3 != from; });
      CHECK(std::ranges::is_sorted(of_sender));
    }
  }
}

TEST_CASE("move: either node may die in any step", "[runtime][move]") {
  const auto step = GENERATE(range(0, 24));
  const auto* victim = GENERATE("b", "c");
  CAPTURE(step, victim);
  std::mt19937 chance(static_cast<std::uint32_t>(step));
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto moves = cluster.begin_move(name, "c");
  const auto during = cluster.begin("a", name, add{10});
  for (int i = 0; i < step; ++i) {
    (void)one_step(cluster, chance);
  }
  cluster.crash(victim);
  cluster.advance(4s);
  REQUIRE(during->has_value());
  REQUIRE(during->value());
  CHECK(during->value()->value == 11);
  CHECK(moves->has_value());
  CHECK(cluster.ask("a", name, add{100})->value == 111);
  CHECK_FALSE(cluster.home_of(name).empty());
  CHECK(cluster.home_of(name).size() == 1);
}

TEST_CASE("move: what is lost on the way is asked for again, or the owner stays",
          "[runtime][move]") {
  const auto lost = GENERATE(range(0, 6));
  const bool of_owner = GENERATE(true, false);
  CAPTURE(lost, of_owner);
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "brief");
  REQUIRE(cluster.ask("a", name, grow{100'000}));
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto moves = cluster.begin_move(name, "c");
  int seen = 0;
  std::mt19937 chance(7);
  for (int i = 0; i < 200; ++i) {
    const auto* from = of_owner ? "b" : "c";
    const auto* to = of_owner ? "c" : "b";
    if (cluster.network().peek(from, to, link_stream::commands) != nullptr && seen++ == lost) {
      REQUIRE(cluster.network().drop(from, to, link_stream::commands));
    }
    (void)one_step(cluster, chance);
  }
  cluster.advance(4s);
  REQUIRE(moves->has_value());
  const auto home = cluster.home_of(name);
  CHECK((home == "b" || home == "c"));
  CHECK(cluster.ask("a", name, add{1})->value == 2);
  CHECK(cluster.ask("b", name, add{1})->value == 3);
  CHECK(cluster.ask("c", name, add{1})->value == 4);
}

TEST_CASE("move: a store that is away lets exactly one of the two go on", "[runtime][move]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto moves = cluster.begin_move(name, "c");
  std::mt19937 chance(1);
  while (cluster.network().peek("b", "c", link_stream::commands) == nullptr) {
    REQUIRE(one_step(cluster, chance));
  }
  cluster.log().hold(true);  // the state is on its way
  cluster.run();
  const auto waits = cluster.begin("a", name, add{1});
  cluster.advance(3s);  // by now the old one wants it back as well
  CHECK_FALSE(waits->has_value());
  CHECK(cluster.log().held() == 2);
  cluster.log().hold(false);
  while (cluster.log().release()) {
  }
  cluster.advance(2s);
  REQUIRE(waits->has_value());
  CHECK(waits->value()->value == 2);
  CHECK(moves->value());
  CHECK(cluster.home_of(name) == "c");
}

TEST_CASE("move: who has work that does not end stays", "[runtime][move]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto held = cluster.begin("a", name, wait{});
  cluster.run();
  const auto next = cluster.begin("c", name, add{10});
  const auto moves = cluster.begin_move(name, "c");
  cluster.advance(2s);
  CHECK(moves->value().error().reason == "busy");
  CHECK(next->value()->value == 11);
  CHECK(held->value()->value == 11);
  CHECK(cluster.home_of(name) == "b");
  CHECK(cluster.seen["b"].passivated == 0);
  CHECK(cluster.move(name, "c"));
}

TEST_CASE("move: refused where it cannot be", "[runtime][move]") {
  sample_cluster cluster({.idle = 1min, .activation_limit = 1});
  const auto name = cluster.name_on("b", "kept");
  const auto other = cluster.name_on("c", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  CHECK(cluster.move(name, "x").error().reason == "no_such_node");
  CHECK(cluster.move(name, "b").error().reason == "no_such_node");
  CHECK(cluster.move({"kept", "nobody"}, "c").error().reason == "not_active");
  REQUIRE(cluster.ask("a", other, add{1}));  // c is full
  CHECK(cluster.move(name, "c").error().reason == "not_taken");
  cluster.set_state("a", member_state::draining);
  CHECK(cluster.move(name, "a").error().reason == "no_such_node");
  CHECK(cluster.ask("a", name, add{1})->value == 2);
  CHECK(cluster.home_of(name) == "b");
}

TEST_CASE("move: a node that joins gets its share, and nothing else moves", "[runtime][move]") {
  sample_cluster cluster;
  std::map<entity_name, std::string> homes;
  for (int i = 0; i < 120; ++i) {
    const entity_name name{i % 2 == 0 ? "kept" : "brief", std::to_string(i)};
    REQUIRE(cluster.ask("a", name, add{1}));
    homes[name] = cluster.home_of(name);
  }
  cluster.start("d");
  cluster.run();
  int ended = 0;
  for (const auto* node : {"a", "b", "c"}) {
    cluster.node(node).share("d", [&](const result<std::size_t>& stayed) {
      CHECK(stayed.value_or(99) == 0);
      ++ended;
    });
  }
  for (int i = 0; i < 50 && ended < 3; ++i) {
    cluster.advance(100ms);
  }
  CHECK(ended == 3);
  const view four{1,
                  {{"a", 1, member_state::active},
                   {"b", 1, member_state::active},
                   {"c", 1, member_state::active},
                   {"d", 1, member_state::active}}};
  int on_d = 0;
  for (const auto& [name, before] : homes) {
    const auto home = cluster.home_of(name);
    CHECK(home == (propose_owner(four, name) == "d" ? "d" : before));
    on_d += home == "d" ? 1 : 0;
    CHECK(cluster.ask("b", name, add{1})->value == 2);
  }
  CHECK(on_d > 10);
}

TEST_CASE("move: a drained node has nothing left", "[runtime][move]") {
  sample_cluster cluster;
  std::vector<entity_name> names;
  for (int i = 0; i < 120; ++i) {
    names.push_back({i % 2 == 0 ? "kept" : "brief", std::to_string(i)});
    REQUIRE(cluster.ask("a", names.back(), add{1}));
  }
  const auto on_b =
      std::ranges::count_if(names, [&](const entity_name& n) { return cluster.home_of(n) == "b"; });
  CHECK(on_b > 20);
  CHECK(cluster.drain("b") == 0);
  for (const auto& name : names) {
    const auto home = cluster.home_of(name);
    CHECK((home == "a" || home == "c"));
    CHECK(cluster.ask("b", name, add{1})->value == 2);
  }
  CHECK(cluster.seen["b"].alive == 0);
}
