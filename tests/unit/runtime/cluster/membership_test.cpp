// SPDX-License-Identifier: GPL-3.0-or-later
// Single steps; what many nodes make of them is in tests/simulation.
#include "runtime/cluster/membership.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;
namespace action = membership_action;
namespace event = membership_event;

namespace {

node_row row(std::string node, std::uint64_t incarnation, member_state state,
             std::string address = "h:2") {
  return {.who = {std::move(node), incarnation, state, std::move(address)}};
}

/// Node "a" with a table that the test writes by hand.
struct walk {
  explicit walk(membership_config c = {.node = "a", .address = "h:1"}) : core(std::move(c)) {}

  void step(const event::any& e) {
    for (auto& a : core.step(e, now)) {
      if (auto* s = std::get_if<action::ask_store>(&a)) {
        asked.push_back(*s);
      } else if (auto* d = std::get_if<action::died>(&a)) {
        died = d->why;
      } else if (auto* t = std::get_if<action::tell>(&a)) {
        told.push_back(*t);
      } else if (std::holds_alternative<action::has_left>(a)) {
        left = true;
      }
    }
  }

  void tick() {
    now += 250ms;
    step(event::tick{});
  }

  template <class T>
  const T* wanted(std::size_t i) const {
    return std::get_if<T>(&asked[i].what);
  }

  /// The next waiting call of that kind is carried out on the table and answered.
  template <class T>
  bool answer() {
    for (std::size_t i = 0; i < asked.size(); ++i) {
      const auto* what = wanted<T>(i);
      if (what == nullptr) {
        continue;
      }
      const auto call = asked[i].call;
      const auto incarnation = apply(*what);
      asked.erase(asked.begin() + static_cast<std::ptrdiff_t>(i));
      step(event::store_answered{call, table, incarnation});
      return true;
    }
    return false;
  }

  std::uint64_t apply(const action::read_nodes&) { return 0; }

  std::uint64_t apply(const join_request& r) {
    replaced = r.replaces;
    std::erase_if(table.rows, [&](const node_row& row) { return row.who.node == r.node; });
    table.rows.push_back({.who = {r.node, 10, member_state::joining, r.address}});
    ++table.number;
    return 10;
  }

  std::uint64_t apply(const state_change& c) {
    for (auto& row : table.rows) {
      if (row.who.incarnation == c.incarnation && table.number == c.expected) {
        row.who.state = c.to;
        row.ended = c.ended;
        ++table.number;
        break;
      }
    }
    return 0;
  }

  std::uint64_t apply(const vote_request& v) {
    std::erase_if(table.ballots, [&](const ballot& b) {
      return b.accuser == v.accuser && b.accused == v.accused;
    });
    if (!v.withdrawn) {
      table.ballots.push_back({v.accuser, v.accused, v.refused, 0s});
    }
    return 0;
  }

  void pong_from(const std::string& node, std::uint64_t incarnation) {
    step(event::ponged{node,
                       {.from = incarnation,
                        .to = core.incarnation(),
                        .view = core.view().number,
                        .sent = now.time_since_epoch().count(),
                        .standing = member_state::active,
                        .settling = false,
                        .accuses = {},
                        .newer = {}}});
  }

  void ping_from(const std::string& node, std::uint64_t incarnation) {
    step(event::pinged{node,
                       {.from = incarnation, .to = 10, .view = core.view().number, .sent = 5}});
  }

  void become_active() {
    tick();
    REQUIRE(answer<action::read_nodes>());
    REQUIRE(answer<join_request>());
    for (const auto& row : table.rows) {
      if (row.who.node != "a" && is_owner(row.who.state)) {
        ping_from(row.who.node, row.who.incarnation);
        pong_from(row.who.node, row.who.incarnation);
      }
    }
    REQUIRE(answer<state_change>());
    REQUIRE(core.now_is() == membership::standing::active);
  }

  /// In ticks, with a store that answers at once and others who answer pings.
  void live_for(duration length, const std::vector<std::uint64_t>& who_answers) {
    for (const auto end = now + length; now < end;) {
      tick();
      while (answer<action::read_nodes>()) {
      }
      for (const auto& row : std::vector(table.rows)) {
        if (std::ranges::find(who_answers, row.who.incarnation) != who_answers.end()) {
          pong_from(row.who.node, row.who.incarnation);
        }
      }
    }
  }

  membership core;
  steady_time now{1h};
  node_table table;
  std::vector<action::ask_store> asked;
  std::vector<action::tell> told;
  std::optional<std::string> died;
  std::optional<std::uint64_t> replaced;
  bool left = false;
};

}  // namespace

TEST_CASE("membership: a node alone is active after three calls, and pings nobody",
          "[runtime][cluster]") {
  walk w({.node = "a", .address = "h:1", .alone = true});
  w.become_active();
  CHECK(w.told.empty());
  CHECK(w.core.may_serve(w.now));
  CHECK(w.core.may_take_from("a", 3, w.now));
  SECTION("and goes on without its store") {
    for (int i = 0; i < 100; ++i) {
      w.tick();
      CHECK(w.core.may_serve(w.now));
    }
    CHECK(w.asked.size() < 100);  // bounded
  }
}

TEST_CASE("membership: in a store of its own it ends what others left there",
          "[runtime][cluster]") {
  walk w({.node = "a", .address = "h:1", .alone = true});
  w.table.rows = {row("z", 3, member_state::active), row("y", 4, member_state::draining)};
  w.tick();
  w.answer<action::read_nodes>();
  w.answer<join_request>();
  CHECK(w.answer<state_change>());
  CHECK(w.answer<state_change>());
  CHECK(w.answer<state_change>());
  CHECK(w.core.now_is() == membership::standing::active);
  CHECK(w.core.view().members.size() == 1);
  CHECK(w.core.may_take_from("z", 3, w.now));
  CHECK(w.told.empty());
}

TEST_CASE("membership: it takes over its own row where it holds the port", "[runtime][cluster]") {
  walk w;
  w.table.number = 5;
  SECTION("at once, and may take what that owned") {
    w.table.rows = {row("a", 3, member_state::active, "h:1"), row("b", 2, member_state::active)};
    w.become_active();
    CHECK(w.replaced == 3);
    CHECK(w.core.may_take_from("a", 3, w.now));
    CHECK_FALSE(w.core.may_take_from("b", 2, w.now));
  }
  SECTION("not from another host, while others can judge") {
    w.table.rows = {row("a", 3, member_state::active, "h:9"), row("b", 2, member_state::active)};
    w.tick();
    w.answer<action::read_nodes>();
    CHECK_FALSE(w.answer<join_request>());
    CHECK(w.core.now_is() == membership::standing::outside);
  }
  SECTION("from another host when nobody else is there, and waits") {
    w.table.rows = {row("a", 3, member_state::active, "h:9")};
    w.become_active();
    CHECK(w.replaced == 3);
    CHECK_FALSE(w.core.may_take_from("a", 3, w.now));
    CHECK(w.core.may_take_from("a", 3, w.now + 1515ms));
  }
}

TEST_CASE("membership: becomes active only by pings both ways with every owner",
          "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5,
             .rows = {row("b", 2, member_state::active), row("c", 3, member_state::draining)},
             .ballots = {}};
  w.tick();
  w.answer<action::read_nodes>();
  w.answer<join_request>();
  w.pong_from("b", 2);
  w.ping_from("b", 2);
  w.pong_from("c", 3);
  CHECK_FALSE(w.answer<state_change>());
  CHECK(w.core.report(w.now).sentence.find("waits for a ping of node c") != std::string::npos);
  w.ping_from("c", 3);
  w.tick();
  CHECK(w.answer<state_change>());
  CHECK(w.core.may_serve(w.now));
}

TEST_CASE("membership: the right is counted from when the store was asked", "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5, .rows = {row("b", 2, member_state::active)}, .ballots = {}};
  w.become_active();
  w.live_for(2s, {});
  w.tick();
  w.tick();
  const auto asked_at = w.now;  // the newest read went out here or one tick before
  w.now += 1s;
  w.answer<action::read_nodes>();
  CHECK(w.core.serves_until() <= asked_at + 1500ms);
  CHECK(w.core.serves_until() >= asked_at + 1250ms);
  w.now += 500ms;
  CHECK_FALSE(w.core.may_serve(w.now));
}

TEST_CASE("membership: three silent pings, a vote, a verdict, and a wait", "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5,
             .rows = {row("b", 2, member_state::active), row("c", 3, member_state::active)},
             .ballots = {}};
  w.become_active();
  w.live_for(4s, {2, 3});
  CHECK_FALSE(w.answer<vote_request>());
  w.live_for(1s, {2});
  REQUIRE(w.answer<vote_request>());
  CHECK_FALSE(w.answer<state_change>());  // one of two

  SECTION("the accused is told so, and nobody else is") {
    w.told.clear();
    w.ping_from("c", 3);
    REQUIRE(w.told.size() == 1);
    CHECK(std::get<pong>(w.told[0].what).accuses == std::vector<std::uint64_t>{3});
  }
  SECTION("the other's vote makes it a verdict") {
    w.table.ballots.push_back({2, 3, false, 0s});
    w.live_for(500ms, {2});
    const auto change = std::ranges::find_if(w.asked, [](const action::ask_store& a) {
      return std::holds_alternative<state_change>(a.what);
    });
    REQUIRE(change != w.asked.end());
    CHECK(std::get<state_change>(change->what).accusers.size() == 2);
    REQUIRE(w.answer<state_change>());
    CHECK_FALSE(w.core.may_take_from("c", 3, w.now));
    CHECK(w.core.free_from("c", 3) == w.now + 1515ms);
    CHECK(w.core.counted().verdicts == 1);
  }
  SECTION("an old vote counts no more") {
    w.table.ballots.push_back({2, 3, false, 5s});
    w.live_for(500ms, {2});
    CHECK_FALSE(w.answer<state_change>());
  }
  SECTION("the vote of a node that is no owner does not count") {
    w.table.ballots.push_back({77, 3, false, 0s});
    w.live_for(500ms, {2});
    CHECK_FALSE(w.answer<state_change>());
  }
  SECTION("it answers again: the vote is taken back, and owned up to for as long as it may count") {
    w.live_for(1s, {2, 3});
    REQUIRE(w.answer<vote_request>());
    CHECK(w.table.ballots.empty());
    w.live_for(4s, {2, 3});
    w.told.clear();
    w.ping_from("c", 3);
    CHECK(std::get<pong>(w.told[0].what).accuses.size() == 1);
    w.live_for(2s, {2, 3});
    w.told.clear();
    w.ping_from("c", 3);
    CHECK(std::get<pong>(w.told[0].what).accuses.empty());
  }
}

TEST_CASE("membership: no verdicts while the store is away, nor for three seconds after",
          "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5, .rows = {row("b", 2, member_state::active)}, .ballots = {}};
  w.become_active();
  w.live_for(4250ms, {2});
  for (int i = 0; i < 20; ++i) {
    w.tick();  // no answers at all
  }
  CHECK_FALSE(w.answer<vote_request>());
  w.asked.clear();
  w.live_for(2900ms, {});
  CHECK_FALSE(w.answer<vote_request>());
  w.live_for(750ms, {});
  CHECK(w.answer<vote_request>());
}

TEST_CASE("membership: reading of its own death ends the incarnation", "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5, .rows = {row("b", 2, member_state::active)}, .ballots = {}};
  w.become_active();
  auto& own = w.table.rows.back().who;
  SECTION("dead: it joins again") {
    own.state = member_state::dead;
    ++w.table.number;
    w.live_for(500ms, {2});
    CHECK(w.died);
    CHECK_FALSE(w.core.may_serve(w.now));
    w.live_for(500ms, {});
    CHECK(w.answer<join_request>());
    CHECK_FALSE(w.replaced);
  }
  SECTION("another process has its name: it waits") {
    own.incarnation = 11;
    own.address = "h:9";
    ++w.table.number;
    w.live_for(500ms, {2});
    CHECK(w.died == "another process has taken this node's name");
    w.live_for(5s, {});
    CHECK_FALSE(w.answer<join_request>());
  }
  SECTION("a peer hands over the view that says so") {
    own.state = member_state::dead;
    w.step(event::ponged{"b",
                         {.from = 2,
                          .to = 10,
                          .view = w.table.number + 1,
                          .sent = w.now.time_since_epoch().count(),
                          .standing = member_state::active,
                          .settling = false,
                          .accuses = {},
                          .newer = w.table.rows}});
    CHECK(w.died);
  }
}

TEST_CASE("membership: drains, leaves, and serves nothing from before it says so",
          "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5, .rows = {row("b", 2, member_state::active)}, .ballots = {}};
  w.become_active();
  w.step(event::drain_wanted{});
  REQUIRE(w.answer<state_change>());
  CHECK(w.core.now_is() == membership::standing::draining);
  CHECK(w.core.may_serve(w.now));
  w.step(event::leave_wanted{});
  CHECK_FALSE(w.core.may_serve(w.now));
  w.told.clear();
  w.ping_from("b", 2);
  CHECK(w.told.empty());
  CHECK_FALSE(w.left);
  REQUIRE(w.answer<state_change>());
  CHECK(w.left);
}

TEST_CASE("membership: of entities of an unknown incarnation", "[runtime][cluster]") {
  walk w;
  w.table = {.number = 5,
             .rows = {row("b", 2, member_state::active), row("c", 3, member_state::left),
                      row("d", 4, member_state::dead)},
             .ballots = {}};
  w.table.rows.back().ended = true;
  CHECK_FALSE(w.core.may_take_from("z", 1, w.now));  // it knows nothing yet
  w.become_active();
  CHECK(w.core.may_take_from("c", 3, w.now));
  CHECK(w.core.may_take_from("d", 4, w.now));
  CHECK_FALSE(w.core.may_take_from("b", 2, w.now));
  CHECK_FALSE(w.core.may_take_from("b", 1, w.now));  // may have died a moment ago
  CHECK(w.core.may_take_from("b", 1, w.now + 1515ms));
}
