// SPDX-License-Identifier: GPL-3.0-or-later
// A room that goes to another node: who followed it there, and how many watch.
#include "runtime/testing/cluster_bench.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

struct two_nodes {
  two_nodes() {
    runtime::kind_options bound;
    bound.placed = runtime::placement::on_node;
    for (const std::string node : {"a", "b"}) {
      auto own = w.needs;
      own.node = node;
      needs.emplace(node, own);
    }
    cluster.add_kind<chat_log>(
        [this](const runtime::entity_name&) { return std::make_unique<chat_log>(w.log_needs); },
        bound);
    cluster.add_kind<recording_relay>(
        [this](const runtime::entity_name& n) {
          return std::make_unique<recording_relay>(n.id, w.news);
        },
        bound);
    cluster.add_kind_by_node<room>(
        [this](const std::string& node) {
          return [this, node](const runtime::entity_name& n) {
            return std::make_unique<room>(n, needs.at(node));
          };
        },
        room::options());
  }

  result<posted> say(const std::string& on, const std::string& text) {
    return cluster.ask(on, name, post{who(bob), "s8", text, text, 0});
  }

  world w;
  std::map<std::string, room_dependencies> needs;
  runtime::testing::cluster_bench cluster{{"a", "b"}};
  const runtime::entity_name name{"room", std::to_string(ada)};
};

}  // namespace

TEST_CASE("room: tells the same relays after a move, and the same number of viewers",
          "[actors][chat]") {
  two_nodes n;
  REQUIRE(n.cluster.ask("a", n.name, subscribe{"a/7", {}}));
  REQUIRE(n.cluster.ask("b", n.name, subscribe{"b/7", {}}));
  REQUIRE(n.say("a", "one"));
  n.cluster.node("b").tell(n.cluster.session_on("b"), n.name, audience_report{"b", 3});
  n.cluster.run();
  REQUIRE(n.cluster.ask("a", n.name, subscribe{"a/7", {}})->viewers == 3);

  const auto home = n.cluster.home_of(n.name);
  const std::string other = home == "a" ? "b" : "a";
  REQUIRE(n.cluster.move(n.name, other));
  CHECK(n.cluster.home_of(n.name) == other);
  n.w.news.clear();
  const auto second = n.say("a", "two");
  REQUIRE(second);
  CHECK(second->seq == 2);
  n.cluster.run();
  for (const auto* relay : {"a/7", "b/7"}) {
    CAPTURE(relay);
    REQUIRE_FALSE(n.w.news[relay].empty());
    REQUIRE_FALSE(n.w.news[relay].back().events.empty());
    CHECK(n.w.news[relay].back().events.back().seq == 2);
  }
  CHECK(n.cluster.ask("b", n.name, subscribe{"b/7", {}})->viewers == 3);
}

}  // namespace troupe::chat
