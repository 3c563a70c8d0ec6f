// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/testing/memory_network.hpp"

#include <random>

#include <catch2/catch.hpp>

namespace troupe::runtime::testing {
namespace {

envelope numbered(std::uint64_t n) {
  envelope e;
  e.number = n;
  return e;
}

struct node {
  node(memory_network& net, const std::string& name) : way(net.make_link(name)) {
    way->start({[this](std::string_view from, link_stream on, const envelope& what) {
                  got.push_back(std::string(from) + " " + std::to_string(static_cast<int>(on)) +
                                " " + std::to_string(what.number));
                },
                [this](std::string_view peer, peer_state now) { states.emplace_back(peer, now); }});
  }

  std::unique_ptr<link> way;
  std::vector<std::string> got;
  std::vector<std::pair<std::string, peer_state>> states;
};

using states = std::vector<std::pair<std::string, peer_state>>;
using lines = std::vector<std::string>;

/// Two nodes that are up for each other.
struct pair_of_nodes {
  pair_of_nodes() {
    a.way->set_peers({{"b", "b:1"}});
    b.way->set_peers({{"a", "a:1"}});
    REQUIRE(net.run());
    REQUIRE(net.state("a", "b") == peer_state::up);
    REQUIRE(net.state("b", "a") == peer_state::up);
    a.states.clear();
    b.states.clear();
  }

  memory_network net;
  node a{net, "a"};
  node b{net, "b"};
};

}  // namespace

TEST_CASE("memory_network: nothing happens until it is delivered", "[runtime][link]") {
  memory_network net;
  node a(net, "a");
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
  a.way->set_peers({{"a", "a:1"}, {"b", "b:1"}});
  CHECK(net.state("a", "b") == peer_state::connecting);
  CHECK_FALSE(net.state("a", "a"));
  CHECK(a.states.empty());
  REQUIRE(net.run());
  CHECK(a.states == states{{"b", peer_state::refused}});  // nobody listens there yet
  node b(net, "b");
  REQUIRE(net.run());
  CHECK(a.states == states{{"b", peer_state::refused}, {"b", peer_state::up}});
  CHECK(a.way->send("b", link_stream::control, numbered(1)));
  CHECK(b.got.empty());
  CHECK(net.peek("a", "b", link_stream::control)->number == 1);
  CHECK(net.deliver_next());
  CHECK(b.got == lines{"a 0 1"});  // b hears a without having it as a peer
  CHECK_FALSE(net.deliver_next());
}

TEST_CASE_METHOD(pair_of_nodes, "memory_network: order per stream, choice between streams",
                 "[runtime][link]") {
  a.way->send("b", link_stream::media, numbered(1));
  a.way->send("b", link_stream::media, numbered(2));
  a.way->send("b", link_stream::control, numbered(3));
  b.way->send("a", link_stream::commands, numbered(4));
  using choice = memory_network::choice;
  CHECK(net.choices() == std::vector<choice>{{"a", "b", link_stream::media},
                                             {"a", "b", link_stream::control},
                                             {"b", "a", link_stream::commands}});
  CHECK(net.deliver({"a", "b", link_stream::control}));
  CHECK_FALSE(net.deliver({"a", "b", link_stream::control}));
  CHECK(net.drop("a", "b", link_stream::media));
  CHECK_FALSE(net.drop("a", "b", link_stream::commands));
  CHECK(net.run());
  CHECK(b.got == lines{"a 0 3", "a 2 2"});
  CHECK(a.got == lines{"b 1 4"});
}

TEST_CASE_METHOD(pair_of_nodes, "memory_network: holds, cuts one way and mends",
                 "[runtime][link]") {
  net.hold("a", "b");
  a.way->send("b", link_stream::control, numbered(1));
  b.way->send("a", link_stream::control, numbered(2));
  CHECK(net.run());
  CHECK(b.got.empty());
  CHECK(a.got == lines{"b 0 2"});
  CHECK(net.on_the_way() == 1);
  net.release("a", "b");
  CHECK(net.run());
  CHECK(b.got == lines{"a 0 1"});

  net.cut("a", "b");
  CHECK(a.way->send("b", link_stream::control, numbered(3)));  // nobody is told
  CHECK(b.way->send("a", link_stream::control, numbered(4)));
  CHECK(net.run());
  CHECK(b.got.size() == 1);
  CHECK(a.got.size() == 2);
  net.lose_contact("a", "b");
  CHECK(net.run());
  CHECK(a.states == states{{"b", peer_state::down}});
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(5)));
  net.mend("a", "b");
  CHECK(net.run());
  CHECK(a.states == states{{"b", peer_state::down}, {"b", peer_state::up}});
  CHECK(b.states.empty());
}

TEST_CASE_METHOD(pair_of_nodes, "memory_network: a crash refuses, a restart is heard of",
                 "[runtime][link]") {
  a.way->send("b", link_stream::control, numbered(1));
  b.way->send("a", link_stream::control, numbered(2));
  net.crash("b");
  CHECK_FALSE(b.way->send("a", link_stream::control, numbered(3)));
  CHECK(a.way->send("b", link_stream::control, numbered(4)));  // a does not know yet
  node again(net, "b");
  CHECK(net.run());
  CHECK(b.got.empty());
  CHECK(again.got.empty());
  CHECK(a.got == lines{"b 0 2"});  // had left the dead process
  CHECK(a.states == states{{"b", peer_state::refused}, {"b", peer_state::up}});
  again.way->stop();
  CHECK(net.run());
  CHECK(net.state("a", "b") == peer_state::refused);
}

TEST_CASE_METHOD(pair_of_nodes, "memory_network: refuses what is too much or no peer's",
                 "[runtime][link]") {
  net.fill("a", "b", link_stream::media, true);
  CHECK_FALSE(a.way->send("b", link_stream::media, numbered(1)));
  CHECK(a.way->send("b", link_stream::control, numbered(1)));
  net.fill("a", "b", link_stream::media, false);
  CHECK(a.way->send("b", link_stream::media, numbered(1)));
  envelope big;
  big.body.resize(largest_envelope + 1);
  CHECK_FALSE(a.way->send("b", link_stream::media, std::move(big)));
  a.way->set_peers({});
  CHECK_FALSE(a.way->send("b", link_stream::media, numbered(1)));
  CHECK_FALSE(net.state("a", "b"));
  CHECK(net.run());
  CHECK(b.got.empty());
}

TEST_CASE("memory_network: the same seed makes the same history", "[runtime][link]") {
  const auto history = [](unsigned seed) {
    pair_of_nodes nodes;
    std::minstd_rand random(seed);
    for (std::uint64_t n = 0; n < 30; ++n) {
      nodes.a.way->send("b", static_cast<link_stream>(n % 3), numbered(n));
    }
    for (auto possible = nodes.net.choices(); !possible.empty(); possible = nodes.net.choices()) {
      nodes.net.deliver(possible.at(random() % possible.size()));
    }
    return nodes.b.got;
  };
  CHECK(history(1) == history(1));
  CHECK(history(1) != history(2));
  CHECK(history(1).size() == 30);
}

}  // namespace troupe::runtime::testing
