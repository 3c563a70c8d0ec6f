// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/placement_core.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;

namespace {

const entity_name name{"room", "7"};
const view alone{1, {{"a", 1, member_state::active}}};
const error boom = make_error(errc::internal, "boom");

using texts = std::vector<std::string>;

struct walk {
  explicit walk(
      placement_core::config c = {.node = "a", .intensity = {}, .backoff = {1s, 60s}, .seed = 3})
      : core(name, std::move(c)) {}

  /// The actions by name, and what a refusal said.
  std::vector<std::string> step(const placement_event& e) {
    std::vector<std::string> names;
    for (const auto& a : core.step(e, now, v)) {
      static constexpr const char* of_index[] = {
          "claim", "start", "serve", "discard", "refuse", "seal", "release", "redirect", "prepare"};
      names.emplace_back(of_index[a.index()]);
      if (const auto* r = std::get_if<refuse>(&a)) {
        names.back() += ":" + r->why.reason;
      }
    }
    return names;
  }

  void activate() {
    REQUIRE(step(wanted{}) == texts{"claim"});
    REQUIRE(step(claimed{++epoch}) == texts{"start"});
    REQUIRE(step(activated{}) == texts{"serve"});
  }

  placement_core core;
  view v = alone;
  steady_time now{std::chrono::hours(1)};
  std::uint64_t epoch = 0;
};

}  // namespace

TEST_CASE("placement_core: claims, serves, passivates, claims again with a higher epoch",
          "[runtime][placement]") {
  walk w;
  w.activate();
  CHECK(w.core.phase() == phase::active);
  CHECK(w.step(wanted{}).empty());
  CHECK(w.step(quiet{}) == texts{"seal"});
  CHECK(w.step(wanted{}).empty());  // waits for the end
  CHECK(w.step(passivated{}) == texts{"release"});
  w.activate();
  CHECK(w.core.epoch() == 2);
}

TEST_CASE("placement_core: late events change nothing", "[runtime][placement]") {
  walk w;
  for (const placement_event& e : std::vector<placement_event>{
           claimed{9}, claim_failed{boom}, activated{}, died{boom}, quiet{}, passivated{}}) {
    CHECK(w.step(e).empty());
    CHECK(w.core.phase() == phase::idle);
  }
  w.activate();
  CHECK(w.step(claimed{9}).empty());
  CHECK(w.step(passivated{}).empty());
  CHECK(w.core.epoch() == 1);
}

TEST_CASE("placement_core: a store that is away is no fault of the entity",
          "[runtime][placement]") {
  walk w;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(w.step(wanted{}) == texts{"claim"});
    REQUIRE(w.step(claim_failed{make_error(errc::unavailable, "store_unavailable", "away")}) ==
            texts{"refuse:store_unavailable"});
  }
  w.activate();
}

TEST_CASE("placement_core: five restarts in ten seconds, then it rests (R7)",
          "[runtime][placement]") {
  walk w;
  for (int i = 0; i < 5; ++i) {
    w.activate();
    REQUIRE(w.step(died{boom}) == texts{"discard"});
  }
  w.activate();
  CHECK(w.step(died{boom}) == texts{"discard", "refuse:backing_off"});
  CHECK(w.core.phase() == phase::backing_off);
  CHECK(w.step(wanted{}) == texts{"refuse:backing_off"});
  CHECK_FALSE(w.core.is_forgettable(w.now));

  SECTION("each failure after a rest makes the next one longer, up to a minute") {
    duration longest{};
    for (int i = 1; i < 10; ++i) {
      const auto rest = w.core.refuses_until() - w.now;
      const auto nominal = std::min<duration>(std::chrono::seconds(1 << (i - 1)), 60s);
      CHECK(rest <= nominal);
      CHECK(rest >= nominal / 2);
      longest = std::max(longest, duration(rest));
      w.now = w.core.refuses_until();
      w.activate();
      REQUIRE(w.step(died{boom}) == texts{"discard", "refuse:backing_off"});
    }
    CHECK(longest > 30s);
  }
  SECTION("ten good seconds make it as new") {
    w.now = w.core.refuses_until();
    w.activate();
    w.now += 10s;
    CHECK(w.core.is_forgettable(w.now));
    CHECK(w.step(died{boom}) == texts{"discard"});
    CHECK(w.core.phase() == phase::idle);
  }
}

TEST_CASE("placement_core: slow failures never add up", "[runtime][placement]") {
  walk w;
  for (int i = 0; i < 50; ++i) {
    w.activate();
    REQUIRE(w.step(died{boom}) == texts{"discard"});
    w.now += 2500ms;
  }
}

TEST_CASE("placement_core: an activation that fails to start refuses what waits",
          "[runtime][placement]") {
  walk w;
  REQUIRE(w.step(wanted{}) == texts{"claim"});
  REQUIRE(w.step(claimed{1}) == texts{"start"});
  CHECK(w.step(died{boom}) == texts{"discard", "refuse:activation_failed"});
}

TEST_CASE("placement_core: a node that is not a member owns nothing", "[runtime][placement]") {
  walk w;
  for (const auto s : {member_state::joining, member_state::left, member_state::dead}) {
    w.v = {2, {{"a", 1, s}, {"b", 1, member_state::active}}};
    CHECK(w.step(wanted{}) == texts{"refuse:not_a_member"});
  }
}

TEST_CASE("placement_core: a view proposes owners evenly, and keeps them when others leave",
          "[runtime][placement]") {
  view three{1,
             {{"a", 1, member_state::active},
              {"b", 1, member_state::active},
              {"c", 1, member_state::active},
              {"d", 1, member_state::draining}}};
  view two = three;
  two.members[1].state = member_state::dead;
  std::map<std::string, int> count;
  for (int i = 0; i < 3000; ++i) {
    const entity_name n{"room", std::to_string(i)};
    const auto before = *propose_owner(three, n);
    const auto after = *propose_owner(two, n);
    ++count[before];
    CHECK((before == "b" ? after != "b" : after == before));
  }
  CHECK(count.size() == 3);
  for (const auto& [node, n] : count) {
    CHECK(n > 850);
  }
  CHECK_FALSE(propose_owner({1, {{"a", 1, member_state::joining}}}, name));
}

TEST_CASE("placement_core: nodes with the role are proposed, while there are any",
          "[runtime][placement]") {
  view v{1,
         {{"a", 1, member_state::active, "", {"edge"}},
          {"b", 1, member_state::active, "", {"edge", "rooms"}},
          {"c", 1, member_state::active, "", {"rooms"}}}};
  std::map<std::string, int> count;
  for (int i = 0; i < 300; ++i) {
    ++count[*propose_owner(v, {"room", std::to_string(i)}, "rooms")];
  }
  CHECK(count.size() == 2);
  CHECK(count["a"] == 0);
  v.members[1].state = member_state::dead;
  CHECK(*propose_owner(v, {"room", "1"}, "rooms") == "c");
  v.members[2].state = member_state::draining;
  CHECK(*propose_owner(v, {"room", "1"}, "rooms") == "a");
}

TEST_CASE("placement_core: gives the name to another node, or keeps it", "[runtime][placement]") {
  walk w;
  w.activate();
  CHECK(w.step(leaving{}) == texts{"prepare"});
  CHECK(w.core.phase() == phase::handing_over);
  CHECK(w.step(wanted{}).empty());  // until it is known who has it
  CHECK(w.step(leaving{}).empty());

  SECTION("given") {
    CHECK(w.step(taken{}) == texts{"discard", "redirect"});
    CHECK(w.core.phase() == phase::idle);
    CHECK(w.step(kept_here{2}).empty());
    CHECK(w.core.epoch() == 1);
  }
  SECTION("not taken: goes on under the next epoch") {
    CHECK(w.step(kept_here{2}) == texts{"discard", "start"});
    CHECK(w.core.epoch() == 2);
    CHECK(w.step(taken{}).empty());
    CHECK(w.step(activated{}) == texts{"serve"});
  }
  SECTION("not ready: goes on as it was") {
    CHECK(w.step(stayed{}) == texts{"serve"});
    CHECK(w.core.phase() == phase::active);
    CHECK(w.core.epoch() == 1);
  }
  SECTION("died while it was readied") {
    CHECK(w.step(died{boom}) == texts{"discard"});
    CHECK(w.step(wanted{}) == texts{"claim"});
  }
}

TEST_CASE("placement_core: takes a name that is given to it", "[runtime][placement]") {
  walk w;
  CHECK(w.step(offered{}).empty());
  CHECK(w.core.phase() == phase::taking_over);
  CHECK(w.step(wanted{}).empty());
  CHECK(w.step(offered{}).empty());
  SECTION("swapped") {
    CHECK(w.step(claimed{7}) == texts{"start"});
    CHECK(w.core.epoch() == 7);
  }
  SECTION("the owner kept it") {
    CHECK(w.step(owned_elsewhere{}) == texts{"redirect"});
    CHECK(w.core.phase() == phase::idle);
  }
}

TEST_CASE("placement_core: a claim that finds a living owner leaves it to that one",
          "[runtime][placement]") {
  walk w;
  CHECK(w.step(wanted{}) == texts{"claim"});
  CHECK(w.step(owned_elsewhere{}) == texts{"redirect"});
  CHECK(w.core.phase() == phase::idle);
  CHECK(w.step(wanted{}) == texts{"claim"});
}
