// SPDX-License-Identifier: GPL-3.0-or-later
// The way between nodes breaks, owners die, names change hands: nothing is applied twice, or out of
// order, and what can go on goes on.
#include <catch2/catch.hpp>

#include "cluster_fixture.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

namespace {

/// Takes the name for another node, as a move does.
void give_to(sample_cluster& cluster, const entity_name& name, const std::string& node) {
  const auto epoch = cluster.log().stored(name)->epoch;
  std::optional<result<claim_answer>> got;
  cluster.log().claim({name, node, cluster.incarnation(node), 1, epoch},
                      [&](result<claim_answer> answer) { got = std::move(answer); });
  REQUIRE(got);
  REQUIRE(std::holds_alternative<stored_entity>(got->value()));
}

}  // namespace

TEST_CASE("routing: a command waits while the way is closed, and goes when it is open",
          "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{100}));
  cluster.network().cut("a", "b");
  cluster.network().lose_contact("a", "b");
  cluster.run();
  std::vector<testing::pending<total>> answers;
  for (int i = 1; i <= 10; ++i) {
    answers.push_back(cluster.begin("a", name, add{i}));
  }
  cluster.advance(1s);
  CHECK_FALSE(answers.back()->has_value());
  CHECK(cluster.ask("c", name, sample::read{})->value == 100);
  cluster.network().mend("a", "b");
  cluster.run();
  std::int64_t value = 100;
  for (int i = 1; i <= 10; ++i) {
    const auto& answer = answers[static_cast<std::size_t>(i) - 1];
    REQUIRE(answer->has_value());
    CHECK(answer->value()->value == (value += i));
  }
}

TEST_CASE("routing: what waits too long is told so, once", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  cluster.network().split({"a"}, {"b", "c"});
  cluster.network().lose_contact("a", "b");
  const auto waits = cluster.begin("a", name, add{1});
  cluster.advance(4990ms);
  CHECK_FALSE(waits->has_value());
  cluster.advance(20ms);
  CHECK(waits->value().error().code == errc::deadline_exceeded);
  cluster.network().mend_all();
  cluster.advance(1s);
  CHECK(cluster.ask("a", name, add{1})->value == 1);
}

TEST_CASE("routing: a lost answer is given again, and the command not applied again",
          "[runtime][routing]") {
  sample_cluster cluster;
  const auto kind = GENERATE("kept", "brief", "tabled");
  CAPTURE(kind);
  const auto name = cluster.name_on("b", kind);
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto answer = cluster.begin("a", name, add{10});
  SECTION("with the connection") {
    cluster.network().cut("b", "a");
    cluster.run();
    cluster.network().lose_contact("b", "a");
    cluster.run();
    CHECK_FALSE(answer->has_value());
    cluster.network().mend("b", "a");
    cluster.run();
  }
  SECTION("in silence") {
    cluster.network().cut("b", "a");
    cluster.run();
    cluster.network().mend("b", "a");
    cluster.run();
    CHECK_FALSE(answer->has_value());
    cluster.advance(3s);
  }
  REQUIRE(answer->has_value());
  CHECK(answer->value()->value == 11);
  CHECK(cluster.added() == std::multiset<std::int64_t>{1, 10});
}

TEST_CASE("routing: of several commands the lost ones come again, in order", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{100}));
  std::vector<testing::pending<total>> answers;
  for (int i = 1; i <= 20; ++i) {
    answers.push_back(cluster.begin("a", name, add{i}));
  }
  for (int lost = 0; lost < 7; ++lost) {
    REQUIRE(cluster.network().drop("a", "b", link_stream::commands));
  }
  cluster.run();
  for (const auto& answer : answers) {
    CHECK(answer->has_value());
  }
  std::vector<std::int64_t> in_order{100};
  for (int i = 1; i <= 20; ++i) {
    in_order.push_back(i);
  }
  CHECK(cluster.seen["b"].added == in_order);
}

TEST_CASE("routing: a number that was given up on the way is skipped", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto held = cluster.begin("a", name, wait{});  // answered by the next add
  cluster.run();
  const auto given_up =
      cluster.begin("a", cluster.session_on("a"), name, add{10}, std::chrono::milliseconds(50));
  REQUIRE(cluster.network().drop("a", "b", link_stream::commands));
  cluster.advance(100ms);
  CHECK(given_up->value().error().code == errc::deadline_exceeded);
  const auto next = cluster.begin("a", name, add{100});
  cluster.run();
  REQUIRE(next->has_value());
  CHECK(next->value()->value == 101);
  CHECK(held->value()->value == 101);
}

TEST_CASE("routing: after its node's death an entity goes on elsewhere, and nothing is done twice",
          "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto applied = cluster.begin("a", name, add{10});
  cluster.network().cut("b", "a");
  cluster.run();  // b has stored it, but a does not hear
  CHECK_FALSE(applied->has_value());
  const auto never_arrived = cluster.begin("a", name, add{100});
  const auto by_another = cluster.begin("c", name, add{1000});
  cluster.kill("b");
  cluster.run();
  cluster.network().mend_all();
  CHECK_FALSE(by_another->has_value());
  cluster.declare_dead("b");
  cluster.advance(1s);
  REQUIRE(applied->has_value());
  CHECK(applied->value()->value == 11);
  REQUIRE(never_arrived->has_value());
  REQUIRE(never_arrived->value());
  REQUIRE(by_another->has_value());
  REQUIRE(by_another->value());
  CHECK(cluster.ask("c", name, sample::read{})->value == 1111);
  CHECK_FALSE(cluster.home_of(name).empty());
}

TEST_CASE("routing: without stored senders nobody claims to know", "[runtime][routing]") {
  sample_cluster cluster;
  const auto kind = GENERATE("brief", "tabled");
  CAPTURE(kind);
  const auto name = cluster.name_on("b", kind);
  REQUIRE(cluster.ask("a", name, add{1}));
  const auto applied = cluster.begin("a", name, add{10});
  cluster.network().cut("b", "a");
  cluster.run();
  cluster.crash("b");
  cluster.network().mend_all();
  cluster.advance(1s);
  REQUIRE(applied->has_value());
  CHECK(applied->value().error().reason == "session_lost");
  CHECK(cluster.added() == std::multiset<std::int64_t>{1, 10});
  CHECK(cluster.ask("a", name, add{5})->value == 5);  // it goes on, from nothing
}

TEST_CASE("routing: a name that changed hands is followed", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  REQUIRE(cluster.ask("c", name, add{1}));
  give_to(cluster, name, "c");
  // b believes itself the owner until its commit is fenced; then it sends its senders on.
  CHECK(cluster.ask("a", name, add{10})->value == 12);
  CHECK(cluster.home_of(name) == "c");
  CHECK(cluster.ask("b", name, add{10})->value == 22);
  give_to(cluster, name, "a");
  CHECK(cluster.ask("b", name, add{10})->value == 32);
  CHECK(cluster.home_of(name) == "a and c");  // c has not noticed
  CHECK(cluster.ask("c", name, add{10})->value == 42);
  CHECK(cluster.home_of(name) == "a");
}

TEST_CASE("routing: what a dead node had is not served before it has stopped",
          "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  cluster.kill("b");
  cluster.run();
  const auto waits = cluster.begin("a", name, add{1});
  cluster.declare_dead("b", 1500ms);
  cluster.advance(1490ms);
  CHECK_FALSE(waits->has_value());
  CHECK(cluster.log().stored(name)->epoch == 2);  // its writes have been shut out already
  cluster.advance(40ms);
  REQUIRE(waits->has_value());
  CHECK(waits->value()->value == 2);
}

TEST_CASE("routing: without the right to own nothing is begun, stored or answered",
          "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  SECTION("a command waits") {
    cluster.may_serve("b", false);
    const auto waits = cluster.begin("a", name, add{1});
    const auto reads = cluster.begin("c", name, sample::read{});
    cluster.advance(1s);
    CHECK_FALSE(waits->has_value());
    CHECK_FALSE(reads->has_value());
    CHECK(cluster.seen["b"].added.size() == 1);
    cluster.may_serve("b", true);
    cluster.advance(100ms);
    CHECK(waits->value()->value == 2);
    CHECK(reads->has_value());
  }
  SECTION("an answer whose commit came too late waits") {
    cluster.log().hold(true);
    const auto waits = cluster.begin("a", name, add{1});
    cluster.run();
    cluster.may_serve("b", false);
    cluster.log().hold(false);
    REQUIRE(cluster.log().release());
    cluster.advance(1s);
    CHECK_FALSE(waits->has_value());
    SECTION("until the right is back") {
      cluster.may_serve("b", true);
      cluster.advance(100ms);
      CHECK(waits->value()->value == 2);
    }
    SECTION("or is the next owner's to give") {
      cluster.declare_dead("b");
      cluster.advance(3s);
      REQUIRE(waits->has_value());
      CHECK(waits->value()->value == 2);
      CHECK(cluster.home_of(name) != "b");
    }
    CHECK(cluster.added() == std::multiset<std::int64_t>{1, 1});
  }
}

TEST_CASE("routing: a node that starts again is another", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  cluster.crash("b");
  cluster.start("b");
  cluster.run();
  CHECK(cluster.ask("a", name, add{1})->value == 2);
  CHECK(cluster.ask("b", name, add{1})->value == 3);
  CHECK(cluster.ask("c", name, add{1})->value == 4);
  CHECK_FALSE(cluster.home_of(name).empty());
}
