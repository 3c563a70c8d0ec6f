// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/cluster/peer_watch.hpp"

#include <catch2/catch.hpp>

#include "runtime/testing/round_trip.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t own = 1;
constexpr std::uint64_t number = 7;
const steady_time begin{1h};

/// Node "a", incarnation 1, with as many others: "b" is 2, and so on.
struct watch {
  explicit watch(const std::vector<member_state>& others) {
    rows.push_back({.who = {"a", own, member_state::active}});
    for (const auto state : others) {
      const auto i = rows.size();
      rows.push_back({.who = {std::string(1, static_cast<char>('a' + i)), i + 1, state, "host:1"}});
    }
    peers.follow(rows, begin);
  }

  watched& of(std::uint64_t incarnation) {
    return *peers.find(rows[incarnation - 1].who.node, incarnation);
  }

  void answers(std::uint64_t from, steady_time sent, std::vector<std::uint64_t> accuses = {},
               std::uint64_t in_view = number, bool settling = false) {
    auto& w = of(from);
    peers.ponged(w,
                 {.from = from,
                  .to = own,
                  .view = in_view,
                  .sent = 0,
                  .standing = w.who.state,
                  .settling = settling,
                  .accuses = std::move(accuses),
                  .newer = {}},
                 own, number, sent, sent + 1ms);
  }

  std::optional<steady_time> proof(const std::vector<std::uint64_t>& accuses = {}) const {
    return peers.proof(own, accuses, begin + 1h);
  }

  std::vector<node_row> rows;
  peer_watch peers{{.node = "a"}};
};

constexpr auto active = member_state::active;
constexpr auto joining = member_state::joining;

}  // namespace

TEST_CASE("peer_watch: a node alone needs nobody", "[runtime][cluster]") {
  CHECK(watch({}).proof() == begin + 1h);
}

TEST_CASE("peer_watch: the proof is as old as the answer that makes the majority",
          "[runtime][cluster]") {
  watch w({active, active, member_state::draining, active});
  CHECK_FALSE(w.proof());
  w.answers(2, begin + 3s);
  CHECK_FALSE(w.proof());  // two of five
  w.answers(4, begin + 1s);
  CHECK(w.proof() == begin + 1s);
  w.answers(3, begin + 2s);
  CHECK(w.proof() == begin + 2s);
  w.answers(2, begin + 1s);  // overtaken on its way
  CHECK(w.proof() == begin + 2s);
}

TEST_CASE("peer_watch: two of four are no majority", "[runtime][cluster]") {
  watch w({active, active, active});
  w.answers(2, begin + 1s);
  CHECK_FALSE(w.proof());
}

TEST_CASE("peer_watch: answers count in one view, and not from who accuses the asker",
          "[runtime][cluster]") {
  watch w({active, active});
  w.answers(2, begin + 1s, {}, number - 1);
  w.answers(3, begin + 1s, {}, number + 1);
  CHECK_FALSE(w.proof());
  w.answers(2, begin + 2s, {own});
  CHECK_FALSE(w.proof());
  CHECK(w.of(2).misses == 0);  // but it lives
  w.answers(2, begin + 3s);
  CHECK(w.proof() == begin + 3s);
  w.answers(2, begin + 4s, {own});
  CHECK_FALSE(w.proof());
  w.answers(2, begin + 5s);
  w.peers.follow(w.rows, begin + 6s);
  CHECK_FALSE(w.proof());  // another view
}

TEST_CASE("peer_watch: who is accused by one who counts must be made up for",
          "[runtime][cluster]") {
  watch w({active, active, active, active});
  w.answers(4, begin + 1s, {3});
  w.answers(3, begin + 1s);
  CHECK_FALSE(w.proof());  // 3 may have died, and 4 have voted on with the others
  w.answers(2, begin + 2s);
  CHECK(w.proof() == begin + 1s);
}

TEST_CASE("peer_watch: its own votes are no different", "[runtime][cluster]") {
  watch w({active, active});
  w.answers(2, begin + 1s);
  CHECK(w.proof() == begin + 1s);
  CHECK_FALSE(w.proof({2}));
}

TEST_CASE("peer_watch: the accused that is silent does no harm", "[runtime][cluster]") {
  watch w({active, active});
  w.answers(2, begin + 1s, {3});
  CHECK(w.proof({3}) == begin + 1s);
}

TEST_CASE("peer_watch: a joining node counts against the asker until it says that it still joins",
          "[runtime][cluster]") {
  watch w({active, active, joining});
  w.answers(2, begin + 2s);
  CHECK_FALSE(w.proof());
  w.answers(4, begin + 1s, {}, number, true);  // it does not know
  CHECK_FALSE(w.proof());
  w.answers(4, begin + 1s);
  CHECK(w.proof() == begin + 1s);
  w.answers(3, begin + 2s);
  CHECK(w.proof() == begin + 2s);  // three of four
}

TEST_CASE("peer_watch: three misses are a suspicion, unless this node was held up itself",
          "[runtime][cluster]") {
  watch w({active});
  auto& b = w.of(2);
  for (int i = 0; i < 20; ++i) {
    w.peers.tick(false);
  }
  CHECK_FALSE(w.peers.suspects(b, begin + 5s));  // it may be connecting
  CHECK(w.peers.suspects(b, begin + 10s));
  w.answers(2, begin + 11s);
  w.peers.tick(false);
  w.peers.tick(false);
  w.peers.tick(false);
  CHECK_FALSE(w.peers.suspects(b, begin + 12s));
  SECTION("the third") {
    w.peers.tick(false);
    CHECK(w.peers.suspects(b, begin + 12s));
  }
  SECTION("late") {
    w.peers.tick(true);
    w.peers.tick(false);
    w.peers.tick(false);
    CHECK_FALSE(w.peers.suspects(b, begin + 12s));
  }
}

TEST_CASE("peer_watch: a refused port is a suspicion at once, until it answers later",
          "[runtime][cluster]") {
  watch w({active});
  auto& b = w.of(2);
  w.peers.link_changed("b", peer_state::refused, begin + 50ms);
  CHECK_FALSE(w.peers.suspects(b, begin + 60ms));  // tried before its port was open
  CHECK(w.peers.suspects(b, begin + 1s));          // and again since
  w.answers(2, begin + 60ms);
  CHECK_FALSE(w.peers.suspects(b, begin + 1s));
  w.peers.link_changed("b", peer_state::refused, begin + 1s);
  CHECK(w.peers.suspects(b, begin + 1s));
  w.peers.ponged(
      b, {.from = 2, .to = own, .view = number, .standing = active, .accuses = {}, .newer = {}},
      own, number, begin + 900ms, begin + 1001ms);  // was on its way
  CHECK(w.peers.found_refused(b, begin + 1001ms));
  w.answers(2, begin + 1100ms);
  CHECK_FALSE(w.peers.suspects(b, begin + 2s));
}

TEST_CASE("peer_watch: another incarnation of a name is watched anew", "[runtime][cluster]") {
  watch w({active});
  w.answers(2, begin + 1s);
  w.peers.link_changed("b", peer_state::refused, begin + 2s);
  w.rows[1].who.incarnation = 9;
  w.rows[1].who.state = joining;
  w.peers.follow(w.rows, begin + 3s);
  CHECK(w.peers.find("b", 2) == nullptr);
  auto* b = w.peers.find("b", 9);
  REQUIRE(b != nullptr);
  CHECK_FALSE(b->heard);
  CHECK_FALSE(w.peers.suspects(*b, begin + 3s));
  CHECK(w.peers.suspects(*b, begin + 4s));  // still refused, and the link tells of changes only
  w.rows[1].who.state = member_state::dead;
  w.peers.follow(w.rows, begin + 5s);
  CHECK(w.peers.peers().empty());
}

TEST_CASE("membership messages: come out as they went in", "[runtime][cluster]") {
  CHECK(testing::round_trip(ping{.from = 1, .to = 2, .view = 3, .sent = -4}));
  CHECK(testing::round_trip(pong{
      .from = 1,
      .to = 2,
      .view = 3,
      .sent = 4,
      .standing = member_state::draining,
      .settling = true,
      .accuses = {7, 8},
      .newer = {{.who = {"b", 9, member_state::dead, "h:1", {"edge", "rooms"}}, .ended = true}}}));
}
