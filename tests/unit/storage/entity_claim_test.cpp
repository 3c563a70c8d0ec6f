// SPDX-License-Identifier: GPL-3.0-or-later
// Whose an entity is, and who may take it from whom.
#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include "tests/unit/storage/cluster_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

namespace {

entity_claim claim_of(const std::string& name, const std::string& owner, std::int64_t incarnation,
                      std::optional<std::int64_t> expected = std::nullopt) {
  return {name, owner, incarnation, 1, expected};
}

}  // namespace

TEST_CASE("entity claims: a live owner keeps its names", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto state = GENERATE(node_state::joining, node_state::active, node_state::draining);
  const auto a = s.join_as("a", state);
  const auto b = s.join_as("b", node_state::active);
  REQUIRE(s.entities().claim(claim_of("room/1", "a", a)));
  const auto refused = error_of(s.entities().claim(claim_of("room/1", "b", b)));
  CHECK(refused.code == errc::conflict);
  CHECK(refused.reason == "owned_elsewhere");
  CHECK(refused.message == "room/1 is owned by a since epoch 1");
  const auto wanted = claim_of("room/1", "b", b);
  const auto told = s.entities().claim_batch({&wanted, 1}).value().at(0);
  CHECK(told.verdict == claim_verdict::owned_elsewhere);
  CHECK(told.entity.owner == "a");
  CHECK(told.entity.incarnation == a);
  CHECK(told.entity.epoch == 1);
  CHECK(s.entities().load("room/1")->owner == "a");
  // To itself it is always given, and a new epoch ends the activation before.
  CHECK(s.entities().claim(claim_of("room/1", "a", a))->epoch == 2);
}

TEST_CASE("entity claims: what an owner held that lives no more is free", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  REQUIRE(s.entities().claim(claim_of("room/1", "a", a)));
  const entity_write w{"room/1", 1, 1, {1, 2}, {3}};
  REQUIRE(s.entities().commit_batch({&w, 1}).value()[0].committed);
  std::int64_t renewed = 0;
  SECTION("it left") {
    s.set("a", a, node_state::left);
  }
  SECTION("it died") {
    s.set("a", a, node_state::dead);
  }
  SECTION("it came back as another incarnation") {
    renewed = s.rejoin("a", a);
  }
  SECTION("it is long forgotten") {
    s.set("a", a, node_state::left);
    REQUIRE(s.nodes().remove_gone(std::chrono::hours(-1), 10).value() == 1);
  }
  const auto taken = s.entities().claim(claim_of("room/1", "b", b)).value();
  CHECK(taken.owner == "b");
  CHECK(taken.incarnation == b);
  CHECK(taken.epoch == 2);
  CHECK(taken.version == 1);
  CHECK(taken.state == bytes{1, 2});
  CHECK(taken.answers == bytes{3});
  if (renewed != 0) {
    CHECK(error_of(s.entities().claim(claim_of("room/1", "a", renewed))).reason ==
          "owned_elsewhere");
  }
}

TEST_CASE("entity claims: a planned move names the epoch and asks for no death",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  REQUIRE(s.entities().claim(claim_of("room/1", "a", a)));
  CHECK(error_of(s.entities().claim(claim_of("room/1", "b", b, 2))).reason == "moved");
  CHECK(error_of(s.entities().claim(claim_of("room/1", "b", b, 0))).reason == "moved");
  CHECK(s.entities().claim(claim_of("room/1", "b", b, 1))->epoch == 2);
  // The old owner, which takes it back too late, is told.
  CHECK(error_of(s.entities().claim(claim_of("room/1", "a", a, 1))).reason == "moved");
  // Nor is an epoch swapped from that never was.
  const auto never = error_of(s.entities().claim(claim_of("room/2", "b", b, 3)));
  CHECK(never.reason == "moved");
  CHECK(never.message == "room/2 is owned by nobody");
  CHECK(error_of(s.entities().load("room/2")).code == errc::not_found);
  CHECK(s.entities().claim(claim_of("room/2", "b", b, 0))->epoch == 1);
}

TEST_CASE("entity claims: the dead own nothing new", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  REQUIRE(s.entities().claim(claim_of("room/1", "a", a)));
  SECTION("dead") {
    s.set("a", a, node_state::dead);
  }
  SECTION("left") {
    s.set("a", a, node_state::left);
  }
  SECTION("replaced") {
    s.rejoin("a", a);
  }
  for (const auto expected : {std::optional<std::int64_t>(), std::optional<std::int64_t>(1)}) {
    CHECK(error_of(s.entities().claim(claim_of("room/1", "a", a, expected))).reason ==
          "not_a_member");
  }
  CHECK(error_of(s.entities().claim(claim_of("room/2", "a", a))).reason == "not_a_member");
  CHECK(s.entities().load("room/1")->epoch == 1);
  CHECK(error_of(s.entities().load("room/2")).code == errc::not_found);
}

TEST_CASE("entity claims: a batch tells for each name what became of it", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  const auto c = s.join_as("c", node_state::active);
  for (const auto* name : {"of/dead", "moving", "newer", "at/other\"epoch\\"}) {
    REQUIRE(s.entities().claim({name, "a", a, 3, std::nullopt}));
  }
  REQUIRE(s.entities().claim(claim_of("of/live", "c", c)));
  REQUIRE(s.entities().claim(claim_of("own", "b", b)));
  const std::vector<entity_write> writes = {{"newer", 1, 3, {1}, {}}, {"own", 1, 1, {7}, {8}}};
  REQUIRE(s.entities().commit_batch(writes));
  s.set("a", a, node_state::dead);
  const std::vector<entity_claim> claims = {claim_of("of/live", "b", b),
                                            claim_of("of/dead", "b", b),
                                            claim_of("unheard/of", "b", b),
                                            claim_of("own", "b", b),
                                            claim_of("at/other\"epoch\\", "b", b, 5),
                                            claim_of("newer", "b", b),
                                            claim_of("moving", "b", b, 1),
                                            claim_of("nowhere", "a", a)};
  const auto told = s.entities().claim_batch(claims).value();
  REQUIRE(told.size() == claims.size());
  const std::vector<claim_verdict> expected = {
      claim_verdict::owned_elsewhere, claim_verdict::claimed,     claim_verdict::claimed,
      claim_verdict::claimed,         claim_verdict::moved,       claim_verdict::newer_version,
      claim_verdict::claimed,         claim_verdict::not_a_member};
  for (std::size_t i = 0; i < told.size(); ++i) {
    INFO(claims[i].name);
    CHECK(told[i].verdict == expected[i]);
    CHECK(told[i].entity.name == claims[i].name);
  }
  CHECK(told[0].entity.owner == "c");
  CHECK(told[0].entity.incarnation == c);
  CHECK(told[1].entity.epoch == 2);
  CHECK(told[1].before.owner == "a");
  CHECK(told[1].before.incarnation == a);
  CHECK(told[1].before.epoch == 1);
  CHECK(told[2].entity.epoch == 1);
  CHECK(told[2].entity.state.empty());
  CHECK(told[2].before.owner.empty());
  CHECK(told[2].before.epoch == 0);
  CHECK(told[3].entity.epoch == 2);
  CHECK(told[3].before.owner == "b");
  CHECK(told[3].entity.state == bytes{7});
  CHECK(told[3].entity.answers == bytes{8});
  CHECK(told[4].entity.owner == "a");
  CHECK(told[4].entity.epoch == 1);
  CHECK(told[5].entity.kind_version == 3);
  CHECK(told[5].entity.state.empty());
  CHECK(told[7].entity.epoch == 0);
  CHECK(error_of(s.entities().load("nowhere")).code == errc::not_found);
  CHECK(s.entities().load("newer")->owner == "a");
}

TEST_CASE("entity claims: a batch is bounded and one statement", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  CHECK(s.entities().claim_batch({}).value().empty());
  const std::vector<entity_claim> twice(2, claim_of("a/1", "a", 1));
  CHECK(error_of(s.entities().claim_batch(twice)).code == errc::invalid_argument);
  std::vector<entity_claim> many;
  for (std::size_t i = 0; i <= most_claims; ++i) {
    many.push_back(claim_of(fmt::format("a/{}", i), "a", 1));
  }
  CHECK(error_of(s.entities().claim_batch(many)).code == errc::invalid_argument);
  many.pop_back();
  std::ignore = s.entities().claim(many.front());  // makes the connection
  s.store.statements.clear();
  const auto told = s.entities().claim_batch(many).value();
  CHECK(std::ranges::all_of(
      told, [](const claim_outcome& o) { return o.verdict == claim_verdict::claimed; }));
  CHECK(s.store.statements.size() == (s.store->kind() == engine::postgresql ? 1 : 4));
  CHECK(s.entities().count_owned("a", 1).value() == static_cast<std::int64_t>(most_claims));
  const auto no_text = claim_of("a/\xff", "a", 1);
  CHECK(error_of(s.entities().claim_batch({&no_text, 1})).reason == "invalid_text");
}

TEST_CASE("entity claims: after a takeover the old owner's commits are refused alone",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  for (const auto* name : {"room/1", "room/2"}) {
    REQUIRE(s.entities().claim(claim_of(name, "a", a)));
  }
  s.set("a", a, node_state::dead);
  REQUIRE(s.entities().claim(claim_of("room/1", "b", b)));
  const std::vector<entity_write> writes = {{"room/1", 1, 1, {1}, {}}, {"room/2", 1, 1, {2}, {}}};
  const auto done = s.entities().commit_batch(writes).value();
  CHECK_FALSE(done[0].committed);
  CHECK(done[1].committed);
  CHECK(s.entities().load("room/1")->version == 0);
  CHECK(s.entities().load("room/2")->state == bytes{2});
  const entity_write fresh{"room/1", 2, 1, {9}, {}};
  CHECK(s.entities().commit_batch({&fresh, 1}).value()[0].committed);
  CHECK(s.entities().claim(claim_of("room/2", "b", b))->state == bytes{2});
}

TEST_CASE("entity claims: what a node owns is listed page by page", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  for (const auto* name : {"room/3", "room/1", "poll/2", "room/2"}) {
    REQUIRE(s.entities().claim(claim_of(name, "a", 1)));
  }
  REQUIRE(s.entities().claim(claim_of("room/4", "a", 2)));
  REQUIRE(s.entities().claim(claim_of("room/5", "b", 1)));
  REQUIRE(s.entities().claim(claim_of("room/2", "a", 1)));
  const auto page = [&](const std::string& after, int limit) {
    std::string names;
    const auto found = s.entities().owned_by("a", 1, after, limit).value();
    for (const auto& e : found) {
      CHECK(e.owner == "a");
      CHECK(e.incarnation == 1);
      CHECK(e.epoch == (e.name == "room/2" ? 2 : 1));
      names += e.name + " ";
    }
    return names;
  };
  CHECK(page("", 3) == "poll/2 room/1 room/2 ");
  CHECK(page("room/2", 3) == "room/3 ");
  CHECK(page("room/3", 3).empty());
  CHECK(s.entities().count_owned("a", 1).value() == 4);
  CHECK(s.entities().count_owned("a", 2).value() == 1);
  CHECK(s.entities().count_owned("c", 1).value() == 0);
}

TEST_CASE("entity claims: routers ask for many owners at once", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  REQUIRE(s.entities().claim(claim_of("room/1", "a", 1)));
  REQUIRE(s.entities().claim(claim_of("room/\"2\"", "b", 2)));
  REQUIRE(s.entities().claim(claim_of("room/\"2\"", "b", 2)));
  const std::vector<std::string> names = {"room/\"2\"", "room/1", "room/3"};
  auto owners = s.entities().owner_of(names).value();
  std::ranges::sort(owners, {}, &entity_owner::owner);
  REQUIRE(owners.size() == 2);
  CHECK(owners[0].name == "room/1");
  CHECK(owners[0].owner == "a");
  CHECK(owners[0].incarnation == 1);
  CHECK(owners[0].epoch == 1);
  CHECK(owners[1].name == "room/\"2\"");
  CHECK(owners[1].epoch == 2);
  CHECK(s.entities().owner_of({}).value().empty());
  const std::vector<std::string> too_many(most_names + 1, "room/1");
  CHECK(error_of(s.entities().owner_of(too_many)).code == errc::invalid_argument);
}
