// SPDX-License-Identifier: GPL-3.0-or-later
// How long it takes to take over all that a dead node owned, and what a read of the cluster costs.
// Hidden, for a release build: test_storage "[.bench]". TROUPE_TEST_POSTGRES should name a server
// whose fsync is on; the one that tests start has it off.
#include <algorithm>
#include <chrono>

#include <spdlog/fmt/fmt.h>

#include "tests/unit/storage/cluster_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

namespace {

double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

std::vector<entity_claim> page_of(const std::string& owner, std::int64_t incarnation, int first) {
  std::vector<entity_claim> claims;
  for (std::size_t i = 0; i < most_claims; ++i) {
    claims.push_back(
        {fmt::format("room/{}", first + static_cast<int>(i)), owner, incarnation, 1, std::nullopt});
  }
  return claims;
}

}  // namespace

TEST_CASE("cluster_store bench: a takeover of 10,000 entities", "[.bench]") {
  cluster_fixture s(each_engine());
  constexpr int batches = 40;
  const auto per_batch = static_cast<int>(most_claims);
  const auto a = s.join_as("a", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  for (int i = 0; i < batches; ++i) {
    const auto claims = page_of("a", a, i * per_batch);
    REQUIRE(s.entities().claim_batch(claims));
    std::vector<entity_write> writes;
    for (const auto& c : claims) {
      writes.push_back({c.name, 1, 1, bytes(1000, 7), bytes(200, 8)});
    }
    REQUIRE(s.entities().commit_batch(writes));
  }
  s.set("a", a, node_state::dead);
  const auto start = std::chrono::steady_clock::now();
  std::string after;
  std::size_t taken = 0;
  for (int i = 0; i < batches; ++i) {
    const auto page = s.entities().owned_by("a", a, after, per_batch).value();
    std::vector<entity_claim> claims;
    for (const auto& e : page) {
      claims.push_back({e.name, "b", b, 1, std::nullopt});
    }
    const auto done = s.entities().claim_batch(claims).value();
    taken += static_cast<std::size_t>(
        std::ranges::count(done, claim_verdict::claimed, &claim_outcome::verdict));
    after = page.back().name;
  }
  const auto took = ms_since(start);
  CHECK(taken == static_cast<std::size_t>(batches) * most_claims);
  const auto each = std::chrono::steady_clock::now();
  constexpr int reads = 500;
  for (int i = 0; i < reads; ++i) {
    REQUIRE(s.nodes().read());
  }
  const auto read = ms_since(each) / reads;
  const auto one = std::chrono::steady_clock::now();
  constexpr int claims = 200;
  for (int i = 0; i < claims; ++i) {
    REQUIRE(s.entities().claim({fmt::format("room/{}", i), "b", b, 1, std::nullopt}));
  }
  WARN(
      fmt::format("{}: {} entities of 1.2 kB taken over in {:.0f} ms; a read {:.2f} ms; one claim "
                  "{:.2f} ms",
                  s.store->kind() == engine::sqlite ? "SQLite" : "PostgreSQL", taken, took, read,
                  ms_since(one) / claims));
}
