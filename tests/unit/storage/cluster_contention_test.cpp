// SPDX-License-Identifier: GPL-3.0-or-later
// Many who change the cluster, or claim, at once: one wins each view and each epoch.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include <spdlog/fmt/fmt.h>

#include "tests/unit/storage/cluster_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

namespace {

constexpr int threads = 8;

/// work(i) on each of `threads` threads at once.
template <class Work>
void at_once(Work work) {
  std::vector<std::jthread> all;
  all.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&work, i] { work(i); });
  }
}

/// What threads say; assertions are for the main one alone.
class notes {
 public:
  void add(const std::string& note) {
    const std::lock_guard lock(mutex_);
    ++all_[note];
  }

  int operator[](const std::string& note) const {
    const auto found = all_.find(note);
    return found == all_.end() ? 0 : found->second;
  }

  std::size_t kinds() const { return all_.size(); }

 private:
  std::mutex mutex_;
  std::map<std::string, int> all_;
};

std::vector<entity_claim> claims_of(const std::string& owner, std::int64_t incarnation, int names,
                                    unsigned seed) {
  std::vector<entity_claim> claims;
  claims.reserve(static_cast<std::size_t>(names));
  for (int i = 0; i < names; ++i) {
    claims.push_back({fmt::format("room/{}", i), owner, incarnation, 1, std::nullopt});
  }
  std::ranges::shuffle(claims, std::minstd_rand(seed));
  return claims;
}

}  // namespace

TEST_CASE("cluster contention: of many with one name one joins", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto old = GENERATE(0, 1, 2);  // nobody, one that died, one that all know to be gone
  auto wanted = s.request("a");
  if (old == 1) {
    s.join_as("a", node_state::dead);
  } else if (old == 2) {
    wanted.replaces = s.join_as("a", node_state::active);
  }
  const auto view = s.view();
  notes said;
  at_once([&](int) {
    const auto joined = s.nodes().join(wanted);
    said.add(joined ? "joined" : joined.error().reason);
  });
  CHECK(said["joined"] == 1);
  CHECK(said["node_is_live"] == threads - 1);
  CHECK(s.view() == view + 1);
}

TEST_CASE("cluster contention: many that join at once all get in, apart", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  std::mutex mutex;
  std::set<std::int64_t> incarnations;
  std::set<std::int64_t> views;
  std::set<int> numbers;
  notes said;
  constexpr int each = 4;
  at_once([&](int i) {
    for (int n = 0; n < each; ++n) {
      const auto joined = s.nodes().join(s.request(fmt::format("n{}x{}", i, n)));
      said.add(joined ? "joined" : joined.error().reason + joined.error().message);
      if (joined) {
        const std::lock_guard lock(mutex);
        incarnations.insert(joined->incarnation);
        views.insert(joined->view);
        numbers.insert(joined->id_number);
      }
    }
  });
  CHECK(said.kinds() == 1);
  CHECK(said["joined"] == threads * each);
  CHECK(incarnations.size() == threads * each);
  CHECK(numbers.size() == threads * each);
  CHECK(views.size() == threads * each);
  CHECK(s.view() == threads * each);
}

TEST_CASE("cluster contention: one change wins each view", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  std::vector<std::int64_t> incarnations;
  incarnations.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    incarnations.push_back(s.join_as(std::to_string(i), node_state::active));
  }
  const auto before = s.view();
  std::mutex mutex;
  std::set<std::int64_t> won;
  std::atomic<int> applied = 0;
  notes said;
  at_once([&](int i) {
    for (int n = 0; n < 30; ++n) {
      const auto all = s.nodes().read();
      if (!all) {
        said.add(all.error().message);
        continue;
      }
      // Votes and facts are written all the while.
      const auto voter = static_cast<std::size_t>(i);
      const auto other = (voter + 1) % incarnations.size();
      const auto vote = s.nodes().vote({std::to_string(other), incarnations[other],
                                        std::to_string(i), incarnations[voter], true});
      const auto facts = s.nodes().refresh(std::to_string(other), incarnations[other], "{}");
      const auto done =
          s.nodes().change({.expected_view = all->view,
                            .name = std::to_string(i),
                            .incarnation = incarnations[voter],
                            .from = {node_state::active, node_state::draining},
                            .to = n % 2 == 0 ? node_state::draining : node_state::active,
                            .was_refused = false});
      if (!done || !vote || !facts) {
        said.add(!done ? done.error().message
                       : (!vote ? vote.error().message : facts.error().message));
      } else if (done->applied) {
        ++applied;
        const std::lock_guard lock(mutex);
        won.insert(done->view);
      }
    }
  });
  CHECK(said.kinds() == 0);
  CHECK(applied > 0);
  CHECK(won.size() == static_cast<std::size_t>(applied.load()));
  CHECK(s.view() == before + applied);
}

TEST_CASE("cluster contention: one claimer wins each of a dead node's names",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  constexpr int names = 60;
  const auto dead = s.join_as("dead", node_state::active);
  const auto owned = claims_of("dead", dead, names, 1);
  const auto taken = s.entities().claim_batch(owned).value();
  CHECK(std::ranges::all_of(
      taken, [](const claim_outcome& o) { return o.verdict == claim_verdict::claimed; }));
  s.set("dead", dead, node_state::dead);
  std::vector<std::int64_t> incarnations;
  incarnations.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    incarnations.push_back(s.join_as(std::to_string(i), node_state::active));
  }
  notes said;
  at_once([&](int i) {
    const auto at = static_cast<std::size_t>(i);
    // All at once, each in an order of its own, some names that nobody had yet among them.
    const auto claims =
        claims_of(std::to_string(i), incarnations[at], names + 20, static_cast<unsigned>(i + 1));
    const auto done = s.entities().claim_batch(claims);
    if (!done) {
      said.add(done.error().reason + done.error().message);
      return;
    }
    for (const auto& o : *done) {
      if (o.verdict == claim_verdict::claimed) {
        said.add("claimed " + o.entity.name);
      } else if (o.verdict != claim_verdict::owned_elsewhere || o.entity.owner == "dead" ||
                 o.entity.owner == std::to_string(i)) {
        said.add("not told who owns it");
      }
    }
  });
  CHECK(said.kinds() == names + 20);
  std::int64_t all_owned = 0;
  for (int i = 0; i < names + 20; ++i) {
    const auto name = fmt::format("room/{}", i);
    CHECK(said["claimed " + name] == 1);
    CHECK(s.entities().load(name)->epoch == (i < names ? 2 : 1));
  }
  for (int i = 0; i < threads; ++i) {
    all_owned += s.entities()
                     .count_owned(std::to_string(i), incarnations[static_cast<std::size_t>(i)])
                     .value();
  }
  CHECK(all_owned == names + 20);
}

TEST_CASE("cluster contention: where nobody joined each epoch is won once", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  std::mutex mutex;
  std::set<std::int64_t> epochs;
  std::atomic<std::int64_t> claimed = 0;
  notes said;
  at_once([&](int i) {
    for (int n = 0; n < 10; ++n) {
      const auto done = s.entities().claim({"room/1", std::to_string(i), 1, 1, std::nullopt});
      if (done) {
        ++claimed;
        const std::lock_guard lock(mutex);
        epochs.insert(done->epoch);
      } else if (done.error().reason != "store_busy") {
        said.add(done.error().reason);
      }
    }
  });
  CHECK(said.kinds() == 0);
  CHECK(claimed > 0);
  CHECK(epochs.size() == static_cast<std::size_t>(claimed.load()));
  CHECK(s.entities().load("room/1")->epoch == claimed);
}

TEST_CASE("cluster contention: a planned move and its undoing: one wins", "[storage][cluster]") {
  cluster_fixture s(each_engine());
  const auto a = s.join_as("a", node_state::draining);
  const auto b = s.join_as("b", node_state::active);
  for (int i = 0; i < 10; ++i) {
    const auto name = fmt::format("room/{}", i);
    REQUIRE(s.entities().claim({name, "a", a, 1, std::nullopt}));
    notes said;
    at_once([&](int thread) {
      const bool is_old = thread % 2 == 0;
      const auto done = s.entities().claim({name, is_old ? "a" : "b", is_old ? a : b, 1, 1});
      said.add(done ? "won" : done.error().reason);
    });
    CHECK(said["won"] == 1);
    CHECK(said["moved"] == threads - 1);
    CHECK(s.entities().load(name)->epoch == 2);
  }
}

TEST_CASE("cluster contention: no commit of the old owner comes after a takeover",
          "[storage][cluster]") {
  cluster_fixture s(each_engine());
  constexpr int names = 40;
  const auto dead = s.join_as("dead", node_state::active);
  const auto b = s.join_as("b", node_state::active);
  const auto owned = claims_of("dead", dead, names, 1);
  REQUIRE(s.entities().claim_batch(owned));
  s.set("dead", dead, node_state::dead);
  // The dead one does not know: it commits on and on, while b takes its names, some at a time.
  std::mutex mutex;
  std::map<std::string, std::int64_t> committed;
  std::map<std::string, std::int64_t> taken_at;
  std::atomic<int> busy_writers = threads - 1;
  notes said;
  at_once([&](int i) {
    if (i == threads - 1) {
      const auto claims = claims_of("b", b, names, 2);
      for (std::size_t first = 0; first < claims.size(); first += 8) {
        const auto done = s.entities().claim_batch(std::span(claims).subspan(first, 8));
        if (!done) {
          said.add(done.error().message);
          continue;
        }
        for (const auto& o : *done) {
          said.add(o.verdict == claim_verdict::claimed ? "taken" : "not taken");
          const std::lock_guard lock(mutex);
          taken_at[o.entity.name] = o.entity.version;
        }
      }
      return;
    }
    auto mine = claims_of("dead", dead, names, static_cast<unsigned>(i));
    for (bool alive = true; alive;) {
      std::vector<entity_write> writes;
      for (const auto& c : mine) {
        writes.push_back({c.name, 1, 1, {1}, {}});
      }
      const auto done = s.entities().commit_batch(writes);
      if (!done) {
        said.add(done.error().message);
        break;
      }
      alive = false;
      const std::lock_guard lock(mutex);
      for (std::size_t n = 0; n < writes.size(); ++n) {
        alive = alive || (*done)[n].committed;
        auto& newest = committed[writes[n].name];
        newest = std::max(newest, (*done)[n].version);
      }
    }
    --busy_writers;
  });
  CHECK(busy_writers == 0);
  CHECK(said.kinds() == 1);
  CHECK(said["taken"] == names);
  for (const auto& [name, version] : taken_at) {
    INFO(name);
    CHECK(committed[name] == version);
    CHECK(s.entities().load(name)->version == version);
    CHECK(s.entities().load(name)->owner == "b");
  }
}
