// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/cluster_store.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/storage/cluster_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

TEST_CASE("cluster_store: nobody is there at first", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto all = s.nodes().read().value();
  CHECK(all.view == 0);
  CHECK(all.nodes.empty());
  CHECK(s.nodes().refresh("a", 1, "{}").value() == std::nullopt);
  CHECK(s.nodes().remove_gone(0ms, 10).value() == 0);
  CHECK(s.view() == 0);
}

TEST_CASE("cluster_store: a node joins and is read as it said", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto b = s.nodes()
                     .join({.name = "b",
                            .address = "b.example:4040",
                            .roles = {"edge", "transcode"},
                            .version = "1.2",
                            .facts = R"({"load":0.5})",
                            .replaces = std::nullopt})
                     .value();
  CHECK(b.view == 1);
  CHECK(b.id_number == 0);
  const auto a = s.nodes().join({.name = "a"}).value();
  CHECK(a.view == 2);
  CHECK(a.id_number == 1);
  CHECK(a.incarnation > b.incarnation);
  s.store.reopen();
  const auto all = s.nodes().read().value();
  CHECK(all.view == 2);
  REQUIRE(all.nodes.size() == 2);
  CHECK(all.nodes[0].name == "a");
  CHECK(all.nodes[0].roles.empty());
  const auto& n = all.nodes[1];
  CHECK(n.name == "b");
  CHECK(n.incarnation == b.incarnation);
  CHECK(n.state == node_state::joining);
  CHECK(n.address == "b.example:4040");
  CHECK(n.roles == std::vector<std::string>{"edge", "transcode"});
  CHECK(n.version == "1.2");
  CHECK(n.id_number == 0);
  CHECK(n.facts == R"({"load":0.5})");
  CHECK_FALSE(n.was_refused);
  CHECK(n.since_join >= 0ms);
  CHECK(n.since_join < 1h);
  CHECK(n.votes.empty());
}

TEST_CASE("cluster_store: what cannot join is refused", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  CHECK(error_of(s.nodes().join({.name = ""})).code == errc::invalid_argument);
  CHECK(error_of(s.nodes().join({.name = "a", .roles = {"x,y"}})).code == errc::invalid_argument);
  CHECK(error_of(s.nodes().join({.name = "a", .roles = {""}})).code == errc::invalid_argument);
  CHECK(error_of(s.nodes().join({.name = "a", .facts = std::string(most_facts + 1, 'x')})).code ==
        errc::too_large);
  CHECK(s.view() == 0);
}

TEST_CASE("cluster_store: a live incarnation is replaced by who names it alone",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto state = GENERATE(node_state::joining, node_state::active, node_state::draining);
  const auto first = s.join_as("a", state);
  const auto view = s.view();
  auto wanted = s.request("a");
  for (const auto wrong : {std::optional<std::int64_t>(), std::optional(first - 1)}) {
    wanted.replaces = wrong;
    const auto refused = error_of(s.nodes().join(wanted));
    CHECK(refused.code == errc::conflict);
    CHECK(refused.reason == "node_is_live");
    CHECK(refused.message.find("a.example:4040") != std::string::npos);
  }
  CHECK(s.view() == view);
  CHECK(s.node("a").incarnation == first);

  const auto second = s.rejoin("a", first);
  CHECK(second > first);
  CHECK(s.view() == view + 1);
  CHECK(s.node("a").incarnation == second);
  CHECK(s.node("a").state == node_state::joining);
  // The first one is gone for good.
  CHECK_FALSE(s.change(s.view(), "a", first, node_state::active).applied);
  CHECK(s.nodes().refresh("a", first, "{}").value() == std::nullopt);
  wanted.replaces = first;
  CHECK(error_of(s.nodes().join(wanted)).reason == "node_is_live");
}

TEST_CASE("cluster_store: who left or died is replaced without a word", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto state = GENERATE(node_state::left, node_state::dead);
  const auto first = s.join_as("a", state);
  const auto second = s.join("a");
  CHECK(second > first);
  CHECK(s.node("a").state == node_state::joining);
}

TEST_CASE("cluster_store: no incarnation is ever given again", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto first = s.join_as("a", node_state::left);
  CHECK(s.nodes().remove_gone(-1h, 10).value() == 1);
  CHECK(s.nodes().read().value().nodes.empty());
  const auto second = s.join("a");
  CHECK(second > first);
  // Nor one that a node gave itself before there was a cluster, by a clock of its own.
  REQUIRE(s.entities().claim({"poll/1", "b", second + 1'000'000'000, 1, std::nullopt}));
  const auto b = s.join("b");
  CHECK(b > second + 1'000'000'000);
  CHECK(s.join("c") > b);
}

TEST_CASE("cluster_store: a change is applied in the view it was made for", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join("a");
  CHECK(s.change(1, "a", a, node_state::active).applied);
  CHECK(s.node("a").state == node_state::active);
  const auto late = s.change(1, "a", a, node_state::draining);
  CHECK_FALSE(late.applied);
  CHECK(late.view == 2);
  CHECK_FALSE(s.change(3, "a", a, node_state::draining).applied);
  CHECK_FALSE(s.change(2, "a", a + 1, node_state::draining).applied);
  CHECK_FALSE(s.change(2, "b", a, node_state::draining).applied);
  CHECK(s.node("a").state == node_state::active);
  const auto next = s.change(2, "a", a, node_state::draining);
  CHECK(next.applied);
  CHECK(next.view == 3);
  CHECK(s.view() == 3);
}

TEST_CASE("cluster_store: a change starts from the states it names", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join("a");
  const auto from = [&](std::vector<node_state> states, node_state to) {
    return s.nodes().change({.expected_view = s.view(),
                             .name = "a",
                             .incarnation = a,
                             .from = std::move(states),
                             .to = to,
                             .was_refused = false});
  };
  CHECK_FALSE(from({node_state::active, node_state::draining}, node_state::left)->applied);
  CHECK(from({node_state::draining, node_state::joining}, node_state::active)->applied);
  CHECK_FALSE(from({node_state::joining}, node_state::active)->applied);
  CHECK(error_of(from({}, node_state::active)).code == errc::invalid_argument);
  CHECK(error_of(from({node_state::active}, node_state::joining)).code == errc::invalid_argument);
  CHECK(error_of(from({node_state::dead}, node_state::active)).code == errc::invalid_argument);
  CHECK(from({node_state::active}, node_state::left)->applied);
  for (const auto to : {node_state::active, node_state::draining, node_state::dead}) {
    CHECK_FALSE(from({node_state::joining, node_state::active, node_state::draining}, to)->applied);
  }
  CHECK(s.node("a").state == node_state::left);
  CHECK(s.view() == 3);
}

TEST_CASE("cluster_store: the dead are remembered with what was seen of their port",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto end = [&](const std::string& name, node_state to, bool was_refused) {
    const auto incarnation = s.join_as(name, node_state::active);
    REQUIRE(s.nodes()
                .change({.expected_view = s.view(),
                         .name = name,
                         .incarnation = incarnation,
                         .from = {node_state::active},
                         .to = to,
                         .was_refused = was_refused})
                ->applied);
    return s.node(name).was_refused;
  };
  CHECK(end("a", node_state::dead, true));
  CHECK_FALSE(end("b", node_state::dead, false));
  CHECK_FALSE(end("c", node_state::left, true));
  s.join("a");
  CHECK_FALSE(s.node("a").was_refused);
}

TEST_CASE("cluster_store: an id number is held by one live node", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  std::map<int, std::int64_t> holders;
  for (int i = 0; i < most_nodes; ++i) {
    const auto joined = s.nodes().join(s.request("n" + std::to_string(i))).value();
    CHECK(joined.id_number == i);
    holders[joined.id_number] = joined.incarnation;
  }
  const auto full = error_of(s.nodes().join(s.request("more")));
  CHECK(full.reason == "too_many_nodes");
  // Who replaces itself has a number still.
  auto again = s.request("n7");
  again.replaces = holders[7];
  const auto renewed = s.nodes().join(again).value();
  CHECK(renewed.id_number == 7);
  // The one given back first is the next: its ids are the longest ago.
  s.set("n90", holders[90], node_state::left);
  s.run("UPDATE node_number SET used_at = used_at - 1000000");
  s.set("n20", holders[20], node_state::dead);
  CHECK(s.nodes().join(s.request("x"))->id_number == 90);
  CHECK(s.nodes().join(s.request("y"))->id_number == 20);
  CHECK(error_of(s.nodes().join(s.request("z"))).reason == "too_many_nodes");
}

TEST_CASE("cluster_store: a number that was just in use is the last to be given",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  auto wanted = s.request("a");
  std::set<int> numbers;
  for (int i = 0; i < most_nodes; ++i) {
    const auto joined = s.nodes().join(wanted).value();
    CHECK(numbers.insert(joined.id_number).second);
    wanted.replaces = joined.incarnation;
    s.run("UPDATE node_number SET used_at = used_at - 1000000 WHERE used_at > 0");
  }
  CHECK(s.nodes().join(wanted)->id_number == 0);
}

TEST_CASE("cluster_store: votes are read with their age and change no view", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  const auto c = s.join_as("c", node_state::draining);
  const auto view = s.view();
  CHECK(s.nodes().vote({"a", a, "c", c, true}).value());
  s.run("UPDATE death_vote SET cast_at = cast_at - 5000000");
  CHECK(s.nodes().vote({"a", a, "b", b, false}).value());
  auto votes = s.node("a").votes;
  REQUIRE(votes.size() == 2);
  CHECK(votes[0].voter == "b");
  CHECK(votes[0].voter_incarnation == b);
  CHECK_FALSE(votes[0].saw_refused);
  CHECK(votes[1].voter == "c");
  CHECK(votes[1].saw_refused);
  CHECK(votes[1].age >= 5s);
  CHECK(votes[1].age - votes[0].age >= 4900ms);
  CHECK(s.node("b").votes.empty());
  // Said again, it is young again.
  CHECK(s.nodes().vote({"a", a, "c", c, false}).value());
  votes = s.node("a").votes;
  REQUIRE(votes.size() == 2);
  CHECK_FALSE(votes[1].saw_refused);
  CHECK(votes[1].age - votes[0].age < 4900ms);
  REQUIRE(s.nodes().withdraw_vote("a", a, "c", c + 1));
  CHECK(s.node("a").votes.size() == 2);
  REQUIRE(s.nodes().withdraw_vote("a", a, "c", c));
  REQUIRE(s.nodes().withdraw_vote("a", a, "c", c));
  CHECK(s.node("a").votes.size() == 1);
  CHECK(s.view() == view);
  // A clock that stepped back makes nothing younger than now.
  s.run("UPDATE death_vote SET cast_at = cast_at + 3600000000");
  CHECK(s.node("a").votes[0].age == 0ms);
}

TEST_CASE("cluster_store: a verdict needs the votes it names, in its own transaction",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  const auto c = s.join_as("c", node_state::active);
  const auto verdict = [&](bool was_refused) {
    return s.nodes()
        .change({.expected_view = s.view(),
                 .name = "a",
                 .incarnation = a,
                 .from = {node_state::active},
                 .to = node_state::dead,
                 .was_refused = was_refused,
                 .accusers = {b, c}})
        .value()
        .applied;
  };
  REQUIRE(s.nodes().vote({"a", a, "b", b, true}).value());
  CHECK_FALSE(verdict(false));  // c has none
  REQUIRE(s.nodes().vote({"a", a, "c", c, false}).value());
  CHECK_FALSE(verdict(true));  // c's host did not refuse
  s.run("UPDATE death_vote SET cast_at = cast_at - 5000000 WHERE voter = 'b'");
  CHECK_FALSE(verdict(false));  // b's has lapsed
  REQUIRE(s.nodes().vote({"a", a, "b", b, true}).value());
  REQUIRE(s.nodes().withdraw_vote("a", a, "c", c));
  CHECK_FALSE(verdict(false));
  CHECK(s.node("a").state == node_state::active);
  REQUIRE(s.nodes().vote({"a", a, "c", c, true}).value());
  CHECK(verdict(true));
  CHECK(s.node("a").state == node_state::dead);
  CHECK(s.node("a").was_refused);
}

TEST_CASE("cluster_store: votes count between live incarnations", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join("a");
  const auto b = s.join("b");
  const auto c = s.join_as("c", node_state::dead);
  CHECK_FALSE(s.nodes().vote({"a", a - 1, "b", b, true}).value());
  CHECK_FALSE(s.nodes().vote({"a", a, "b", b - 1, true}).value());
  CHECK_FALSE(s.nodes().vote({"a", a, "c", c, true}).value());
  CHECK_FALSE(s.nodes().vote({"c", c, "a", a, true}).value());
  CHECK_FALSE(s.nodes().vote({"x", a, "b", b, true}).value());
  CHECK(s.node("a").votes.empty());

  REQUIRE(s.nodes().vote({"a", a, "b", b, true}).value());
  const auto renewed = s.rejoin("a", a);
  CHECK(s.node("a").votes.empty());
  // One that arrived late is not about the new incarnation.
  s.run("INSERT INTO death_vote VALUES ('a', " + std::to_string(a) + ", 'b', 1, 1, 1)");
  CHECK(s.node("a").votes.empty());
  REQUIRE(s.nodes().vote({"a", renewed, "b", b, true}).value());
  CHECK(s.node("a").votes.size() == 1);
  s.set("a", renewed, node_state::dead);
  CHECK(s.node("a").votes.empty());
}

TEST_CASE("cluster_store: facts are refreshed without a change of the view", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  s.run("UPDATE node SET changed_at = changed_at - 60000000");
  const auto refreshed = s.nodes().refresh("a", a, R"({"x":"é"})").value();
  REQUIRE(refreshed);
  CHECK(refreshed->state == node_state::active);
  CHECK(refreshed->view == 2);
  CHECK(s.node("a").facts == R"({"x":"é"})");
  CHECK(s.node("a").since_change >= 60s);
  CHECK(s.node("a").since_join < 60s);
  CHECK(s.view() == 2);
  CHECK(error_of(s.nodes().refresh("a", a, std::string(most_facts + 1, 'x'))).code ==
        errc::too_large);
  s.set("a", a, node_state::dead);
  CHECK(s.nodes().refresh("a", a, "{}").value()->state == node_state::dead);
  CHECK(s.node("a").since_change < 60s);
}

TEST_CASE("cluster_store: who is long gone is forgotten, some at a time", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  for (const char* name : {"a", "b", "c"}) {
    s.join_as(name, node_state::dead);
  }
  s.run("UPDATE node SET changed_at = changed_at - 7200000000 WHERE name <> 'c'");
  s.run("UPDATE node SET changed_at = changed_at - 7200000000 WHERE name = 'b'");
  s.run("INSERT INTO death_vote VALUES ('b', 1, 'a', 1, 1, 1)");
  s.join_as("d", node_state::active);
  s.run("UPDATE node SET changed_at = changed_at - 7200000000 WHERE name = 'd'");
  const auto view = s.view();
  CHECK(s.nodes().remove_gone(1h, 1).value() == 1);
  CHECK(s.view() == view + 1);
  const auto names = [&] {
    std::string all;
    const auto present = s.nodes().read().value();
    for (const auto& n : present.nodes) {
      all += n.name;
    }
    return all;
  };
  CHECK(names() == "acd");
  CHECK(s.nodes().remove_gone(1h, 10).value() == 1);
  CHECK(s.nodes().remove_gone(1h, 10).value() == 0);
  CHECK(names() == "cd");
  CHECK(s.view() == view + 2);
}

TEST_CASE("cluster_store: a write is one statement, a read too", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join("a");
  const auto b = s.join("b");
  const auto count = [&](auto&& call) {
    s.store.statements.clear();
    call();
    return s.store.statements.size();
  };
  CHECK(count([&] { std::ignore = s.nodes().read(); }) == 1);
  CHECK(count([&] { std::ignore = s.nodes().vote({"a", a, "b", b, true}); }) == 1);
  CHECK(count([&] { std::ignore = s.nodes().refresh("a", a, "{}"); }) == 1);
  if (s.store->kind() == engine::postgresql) {
    CHECK(count([&] { s.change(2, "a", a, node_state::dead); }) == 1);
    CHECK(count([&] { s.join("c"); }) == 2);
    // Nothing of a change is left in a transaction that would hold its locks.
    CHECK_FALSE(s.store.statements.contains("BEGIN"));
  }
}
