// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/orphaned_streams.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::runtime;
using texts = std::vector<std::string>;

namespace {

const view three{
    7,
    {{"a", 1, member_state::active}, {"b", 2, member_state::active}, {"c", 3, member_state::dead}}};

storage::entity_owner owned(const std::string& name, const std::string& node, std::int64_t run) {
  return {.name = name, .owner = node, .incarnation = run, .epoch = 1};
}

}  // namespace

TEST_CASE("orphaned streams: what a live node has is nobody else's", "[app][cluster]") {
  const texts names{"stream/1", "stream/2"};
  const std::vector owners{owned("stream/1", "a", 1), owned("stream/2", "b", 2)};
  CHECK(app::orphans_of(names, owners, three, "a").empty());
  CHECK(app::orphans_of(names, owners, three, "b").empty());
}

TEST_CASE("orphaned streams: each of a dead node's is woken by exactly one", "[app][cluster]") {
  texts names;
  std::vector<storage::entity_owner> owners;
  for (int i = 0; i < 200; ++i) {
    names.push_back("stream/" + std::to_string(i));
    if (i % 2 == 0) {
      owners.push_back(owned(names.back(), "c", 3));  // the others were never claimed
    }
  }
  auto all = app::orphans_of(names, owners, three, "a");
  const auto of_b = app::orphans_of(names, owners, three, "b");
  CHECK(all.size() > 50);
  CHECK(of_b.size() > 50);
  CHECK(app::orphans_of(names, owners, three, "c").empty());
  all.insert(all.end(), of_b.begin(), of_b.end());
  std::ranges::sort(all);
  std::ranges::sort(names);
  CHECK(all == names);
}

TEST_CASE("orphaned streams: a node that starts again takes its own", "[app][cluster]") {
  texts names;
  std::vector<storage::entity_owner> owners;
  for (int i = 0; i < 50; ++i) {
    names.push_back("stream/" + std::to_string(i));
    owners.push_back(owned(names.back(), "b", 1));  // of the start before
  }
  CHECK(app::orphans_of(names, owners, three, "b") == names);
  CHECK(app::orphans_of(names, owners, three, "a").empty());
}
