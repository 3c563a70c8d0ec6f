// SPDX-License-Identifier: GPL-3.0-or-later
// Several nodes as one space of names: whom a command reaches, from wherever it was sent.
#include <catch2/catch.hpp>

#include <numeric>

#include "cluster_fixture.hpp"
#include "runtime/detail/wire.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

TEST_CASE("routing: a command sent anywhere reaches the one activation", "[runtime][routing]") {
  sample_cluster cluster;
  const auto kind = GENERATE("kept", "brief", "tabled");
  CAPTURE(kind);
  const auto name = cluster.name_on("b", kind);
  std::int64_t value = 0;
  for (const auto* from : {"a", "b", "c", "a", "b", "c"}) {
    const auto answer = cluster.ask(from, name, add{1});
    REQUIRE(answer);
    CHECK(answer->value == ++value);
    CHECK(answer->epoch == 1);
  }
  CHECK(cluster.made() == 1);
  CHECK(cluster.home_of(name) == "b");
}

TEST_CASE("routing: an entity asks and tells entities of other nodes", "[runtime][routing]") {
  sample_cluster cluster;
  const auto here = cluster.name_on("a", "kept");
  const auto there = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("c", here, pass_on{there, 5, true}));
  REQUIRE(cluster.ask("c", here, pass_on{there, 2, false}));
  cluster.run();
  CHECK(cluster.ask("a", there, sample::read{})->value == 7);
  CHECK(cluster.ask("b", here, sample::read{})->value == 5);
}

TEST_CASE("routing: errors come back as they are", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  CHECK(cluster.ask("a", {"nothing", "1"}, add{}).error().reason == "unknown_kind");
  CHECK(cluster.ask("a", {"kept", "not a name"}, add{}).error().reason == "invalid_name");
  CHECK(cluster.ask("a", name, not_understood{}).error().code == errc::unsupported);
  CHECK(cluster.ask("a", name, crash{}).error().reason == "crashed");
  CHECK(cluster.ask("a", name, grow{70'000}).error().reason == "state_too_large");
  CHECK(cluster.ask("a", name, add{3})->value == 3);
}

TEST_CASE("routing: a kind may begin where it is asked for first", "[runtime][routing]") {
  sample_cluster cluster({.idle = 1min, .placed = placement::near_sender});
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("c", name, add{1}));
  CHECK(cluster.home_of(name) == "c");
  CHECK(cluster.ask("a", name, add{1})->value == 2);
  CHECK(cluster.home_of(name) == "c");
}

TEST_CASE("routing: a kind bound to a node carries it in its name", "[runtime][routing]") {
  sample_cluster cluster({.idle = 1min, .placed = placement::on_node});
  const auto incarnation = std::to_string(cluster.incarnation("b"));
  for (const auto& id : std::vector<std::string>{"b", "b/7", "b." + incarnation + "/7"}) {
    CAPTURE(id);
    CHECK(cluster.ask("a", {"brief", id}, add{1})->value == 1);
    CHECK(cluster.ask("b", {"brief", id}, add{1})->value == 2);
    CHECK(cluster.home_of({"brief", id}) == "b");
    CHECK_FALSE(cluster.log().stored({"brief", id}));
  }
  CHECK(cluster.ask("a", {"brief", "b.99/7"}, add{1}).error().reason == "node_gone");
  CHECK(cluster.ask("a", {"brief", "x/7"}, add{1}).error().reason == "node_gone");
  cluster.crash("b");
  CHECK(cluster.ask("a", {"brief", "b/7"}, add{1}).error().reason == "node_gone");
  cluster.start("b");
  CHECK(cluster.ask("a", {"brief", "b/7"}, add{1})->value == 1);
  CHECK(cluster.ask("a", {"brief", "b." + incarnation + "/7"}, add{1}).error().reason ==
        "node_gone");
}

TEST_CASE("routing: what was passivated wakes up where it was", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{1}));
  cluster.advance(2min);
  CHECK(cluster.home_of(name).empty());
  // Another view would propose another node; the row decides.
  cluster.start("d");
  CHECK(cluster.ask("c", name, add{1})->value == 2);
  CHECK(cluster.home_of(name) == "b");
}

TEST_CASE("routing: one sender's commands stay in order", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  std::vector<testing::pending<total>> answers;
  for (int i = 1; i <= 64; ++i) {
    answers.push_back(cluster.begin("a", name, add{i}));
  }
  const auto too_many = cluster.begin("a", name, add{65});
  cluster.run();
  for (const auto& answer : answers) {
    CHECK(answer->value());
  }
  CHECK(too_many->value().error().reason == "too_many_in_flight");
  std::vector<std::int64_t> in_order(64);
  std::iota(in_order.begin(), in_order.end(), 1);
  CHECK(cluster.seen["b"].added == in_order);
}

TEST_CASE("routing: a full mailbox is said so, and the next command goes on",
          "[runtime][routing]") {
  sample_cluster cluster({.idle = 1min, .mailbox_limit = 4});
  const auto name = cluster.name_on("b", "kept");
  REQUIRE(cluster.ask("a", name, add{100}));
  cluster.log().hold(true);
  cluster.log().fail_commits(1);  // while it is started again, everything waits
  std::vector<testing::pending<total>> answers;
  for (int i = 1; i <= 10; ++i) {
    answers.push_back(cluster.begin("a", name, add{i}));
    cluster.run();
  }
  REQUIRE(cluster.log().release());
  cluster.run();
  for (int i = 11; i <= 20; ++i) {
    answers.push_back(cluster.begin("a", name, add{i}));
  }
  cluster.run();
  cluster.log().hold(false);
  while (cluster.log().release()) {
    cluster.run();
  }
  cluster.advance(5s);
  std::int64_t sum = 100;
  int refused = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]->value()) {
      sum += static_cast<std::int64_t>(i) + 1;
    } else {
      CHECK(answers[i]->value().error().reason == "mailbox_full");
      ++refused;
    }
  }
  CHECK(refused > 0);
  CHECK(cluster.ask("a", name, sample::read{})->value == sum);
}

namespace {

/// What b has sent and a has not heard yet, answers aside, is left alone; the oldest goes to look.
envelope command_from_a(sample_cluster& cluster, const entity_name& name) {
  REQUIRE(cluster.ask("a", name, add{1}));  // so that a knows the owner
  (void)cluster.begin("a", name, add{1});
  const auto* seen = cluster.network().peek("a", "b", link_stream::commands);
  REQUIRE(seen != nullptr);
  const auto copy = *seen;
  cluster.run();
  return copy;
}

}  // namespace

TEST_CASE("routing: what is malformed or for another start changes nothing", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  const auto good = command_from_a(cluster, name);
  auto& b = cluster.node("b");
  const auto send = [&](const envelope& e) {
    CHECK(b.received("a", link_stream::commands, e));
    cluster.run();
  };
  auto e = good;
  e.number = 3;
  SECTION("another start of this node") {
    e.to_incarnation += 1;
  }
  SECTION("no name") {
    e.target = "no name";
  }
  SECTION("no number") {
    e.number = 0;
  }
  SECTION("no session") {
    e.session = {};
  }
  SECTION("a body cut short") {
    e.body.pop_back();
  }
  SECTION("no body") {
    e.body.clear();
  }
  SECTION("an unknown type") {
    e.type = "sample.from_the_future";
  }
  SECTION("another version") {
    e.version = 2;
  }
  SECTION("a number again") {
    e.number = 2;
  }
  SECTION("a number from the future") {
    auto body = decode<detail::wire::command_body>(e.body).value();
    e.number = 64;
    body.closed_since = 64;
    e.body = encode(body);
  }
  SECTION("control messages of all kinds, with noise") {
    e.kind = envelope_kind::control;
    for (const auto type : {"entity.locate", "entity.owner", "entity.refused", "entity.expected",
                            "entity.session_lost", "entity.again", "entity.unknown"}) {
      e.type = type;
      send(e);
      auto broken = e;
      broken.target = "";
      send(broken);
      broken.body.assign(40, 0xFF);
      send(broken);
    }
  }
  SECTION("an answer nobody waits for") {
    e.kind = envelope_kind::answer;
  }
  send(e);
  CHECK(cluster.ask("c", name, sample::read{})->value == 2);
  CHECK(cluster.ask("a", name, add{1})->value == 3);
}

TEST_CASE("routing: each byte of a command may be wrong", "[runtime][routing]") {
  sample_cluster cluster;
  const auto name = cluster.name_on("b", "kept");
  const auto good = command_from_a(cluster, name);
  for (std::size_t i = 0; i < good.body.size(); ++i) {
    auto e = good;
    e.number = 1'000'000 + i;  // of a session that is not a's: what it does is its own business
    e.floor = e.number;
    e.session = {good.session.run, 999};
    e.body[i] ^= 0x55;
    (void)cluster.node("b").received("a", link_stream::commands, e);
  }
  cluster.run();
  CHECK(cluster.ask("a", name, sample::read{}));
  CHECK(cluster.made() == 1);
}
