// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include <algorithm>

#include "cluster.hpp"
#include "seeds.hpp"

using namespace troupe;
using namespace troupe::simulation;
using namespace std::chrono_literals;

namespace {

void require_none(std::uint64_t seeds, const scenario& run) {
  const auto found = first_failure(seeds, run);
  INFO((found ? found->text : std::string()));
  CHECK_FALSE(found.has_value());
}

outcome told(const cluster& c) {
  return {c.time.broken(), c.time.trace_text()};
}

/// What the design allows a healthy network and store.
void choose_weather(cluster& c) {
  c.net.set_weather({.least = 50us, .most = c.time.between(1ms, 80ms), .loss = 0, .twice = 0.05});
  c.data.set_weather({.least = 200us, .most = c.time.between(1ms, 60ms)});
}

process& any_of(cluster& c) {
  return c.processes()[c.time.number_below(c.processes().size())];
}

process& another(cluster& c, const process& than) {
  for (;;) {
    if (auto& p = any_of(c); &p != &than) {
      return p;
    }
  }
}

/// Waits until it is so, or that long.
bool becomes(cluster& c, duration within, const std::function<bool()>& so) {
  const auto end = c.time.now() + within;
  while (!so() && c.time.now() < end) {
    c.run_for(10ms);
  }
  return so();
}

bool all_served(const cluster& c, cluster& mutable_c) {
  return std::ranges::all_of(c.entities(), [&](const std::string& e) {
    return std::ranges::any_of(mutable_c.processes(),
                               [&](const process& p) { return p.serves(e); });
  });
}

void split_in_two(cluster& c) {
  for (auto& p : c.processes()) {
    for (auto& q : c.processes()) {
      const bool other_side = (p.name() < "c") != (q.name() < "c");
      if (other_side) {
        c.net.cut(p.name(), q.name());
      }
    }
  }
}

void break_something(cluster& c) {
  auto& p = any_of(c);
  auto& q = another(c, p);
  switch (c.time.number_below(14)) {
    case 0:
      p.crash(false);
      break;
    case 1:
      p.crash(true);
      break;
    case 2:
      p.pause();
      break;
    case 3:
    case 4:
      c.net.cut(p.name(), q.name());
      break;
    case 5:
      for (auto& other : c.processes()) {
        c.net.cut(p.name(), other.name());
        c.net.cut(other.name(), p.name());
      }
      break;
    case 6:
      split_in_two(c);
      break;
    case 7:
    case 8:
      c.data.cut(p.name());
      break;
    case 9:
      c.data.stop();
      break;
    case 10:
      p.leave();
      break;
    case 11:
      c.data.set_weather({.most = c.time.between(1ms, 900ms),
                          .fails = 0.1,
                          .loses_answer = 0.1,
                          .is_carried_out_late = 0.1});
      break;
    case 12:
      c.net.set_weather({.most = c.time.between(1ms, 700ms), .loss = 0.1, .twice = 0.1});
      break;
    default:
      p.start();
      break;
  }
}

void repair_something(cluster& c) {
  switch (c.time.number_below(7)) {
    case 0:
    case 1:
      any_of(c).start();
      break;
    case 2:
    case 3:
      any_of(c).resume();
      break;
    case 4:
      c.net.mend_all();
      break;
    case 5:
      c.data.mend_all();
      break;
    default:
      c.data.start();
      break;
  }
}

void repair_all(cluster& c) {
  c.net.mend_all();
  c.net.set_weather({});
  c.data.mend_all();
  c.data.set_weather({});
  c.data.start();
  for (auto& p : c.processes()) {
    p.resume();
    p.start();
  }
}

outcome chaos(std::uint64_t seed, bool traced, const plants& planted) {
  cluster c(seed, 2, planted, traced);
  for (auto more = c.time.number_below(4); more > 0; --more) {
    c.add();
  }
  for (auto& p : c.processes()) {
    if (c.time.chance(0.8)) {
      p.start();
    }
  }
  c.run_for(3s);
  for (int i = 0; i < 25 && c.time.broken().empty(); ++i) {
    const auto faults = 1 + c.time.number_below(3);
    for (std::uint64_t f = 0; f < faults; ++f) {
      break_something(c);
    }
    c.run_for(c.time.between(50ms, c.time.chance(0.3) ? 7s : 2s));
    repair_something(c);
    repair_something(c);
  }
  repair_all(c);
  c.must_get_well(40s);
  return told(c);
}

/// Where the right by pings matters: one side of a cut is cut off from the store too, and nodes
/// change sides.
outcome halves(std::uint64_t seed, bool traced, const plants& planted) {
  cluster c(seed, 3 + seed % 3, planted, traced);
  c.start_all();
  c.run_for(5s);
  for (int i = 0; i < 12 && c.time.broken().empty(); ++i) {
    std::map<std::string, bool> far;
    for (auto& p : c.processes()) {
      far[p.name()] = c.time.chance(0.5);
      p.start();
    }
    c.net.mend_all();
    for (auto& p : c.processes()) {
      if (far[p.name()] && c.time.chance(0.9)) {
        c.data.cut(p.name());
      } else {
        c.data.mend(p.name());
      }
      for (auto& q : c.processes()) {
        if (far[p.name()] != far[q.name()] && c.time.chance(0.95)) {
          c.net.cut(p.name(), q.name());
        }
      }
    }
    c.run_for(c.time.between(200ms, c.time.chance(0.5) ? 1500ms : 6s));
    if (c.time.chance(0.2)) {
      any_of(c).crash(c.time.chance(0.5));
    }
  }
  repair_all(c);
  c.must_get_well(40s);
  return told(c);
}

/// How many seeds it takes to see that something is wrong.
void require_found(const std::string& what, const plants& planted) {
  struct kind {
    const char* name;
    outcome (*run)(std::uint64_t, bool, const plants&);
  };

  for (const auto& k : {kind{"chaos", &chaos}, kind{"halves", &halves}}) {
    const auto found = first_failure(
        3000, [&](std::uint64_t seed, bool traced) { return k.run(seed, traced, planted); });
    if (found) {
      WARN(what << ", " << k.name << ": " << found->tried << " seeds, "
                << found->text.substr(found->text.rfind("\nseed ") + 1));
      return;
    }
    WARN(what << ", " << k.name << ": not found");
  }
  FAIL(what << " was not found");
}

}  // namespace

TEST_CASE("membership: two halves, one of them without the store", "[simulation]") {
  require_none(40, [](std::uint64_t seed, bool traced) { return halves(seed, traced, {}); });
}

TEST_CASE("simulation: finds a takeover that does not wait", "[simulation]") {
  plants p;
  p.takes_at_once = true;
  require_found("no wait after the verdict", p);
}

TEST_CASE("simulation: finds what is planted", "[.plants]") {
  SECTION("answers") {
    plants p;
    p.right_from_answer = true;
    require_found("right counted from when the answer came", p);
  }
  SECTION("votes") {
    plants p;
    p.in_store.votes_never_lapse = true;
    require_found("votes never lapse", p);
  }
}

TEST_CASE("membership: chaos breaks no promise, and what is repaired gets well", "[simulation]") {
  require_none(40, [](std::uint64_t seed, bool traced) { return chaos(seed, traced, {}); });
}

TEST_CASE("membership: nobody falters in a calm cluster", "[simulation]") {
  require_none(12, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 1 + seed % 6, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.nobody_may_falter = true;
    c.run_for(30s);
    if (!c.data.verdicts().empty()) {
      c.time.violated("{} was declared dead", c.data.verdicts().front());
    }
    if (!all_served(c, c)) {
      c.time.violated("not everything is served");
    }
    return told(c);
  });
}

TEST_CASE("membership: what a dead node owned is served again in time", "[simulation]") {
  require_none(60, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 2 + seed % 4, {}, traced);
    c.net.set_weather({.least = 50us, .most = c.time.between(1ms, 20ms), .loss = 0, .twice = 0.05});
    c.data.set_weather({.least = 200us, .most = c.time.between(1ms, 10ms)});
    c.start_all();
    c.must_get_well(6s);
    c.nobody_may_falter = true;
    c.run_for(c.time.between(4s, 6s));
    auto& victim = any_of(c);
    const auto incarnation = victim.core().incarnation();
    const bool with_host = c.time.chance(0.5);
    victim.crash(with_host);
    const auto limit = with_host ? 3000ms : 1000ms;
    const bool freed = becomes(c, limit, [&] {
      return std::ranges::all_of(c.processes(), [&](const process& p) {
        return !p.is_running() || p.core().may_take_from(victim.name(), incarnation, p.local());
      });
    });
    if (!freed) {
      c.time.violated("what {} owned may not be taken after {} ms", victim.name(), limit.count());
    }
    if (!becomes(c, 400ms, [&] { return all_served(c, c); })) {
      c.time.violated("what {} owned is not served again", victim.name());
    }
    if (c.data.verdicts().size() != 1) {
      c.time.violated("{} deaths", c.data.verdicts().size());
    }
    victim.start();
    c.must_get_well(4s);
    return told(c);
  });
}

TEST_CASE("membership: the store's absence costs nobody anything", "[simulation]") {
  require_none(15, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 1 + seed % 5, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.run_for(4s);
    c.nobody_may_falter = true;
    c.data.stop();
    c.run_for(c.time.between(2s, 60s));
    // With three and more, one may die meanwhile; that is decided only afterwards.
    auto& victim = any_of(c);
    const bool one_dies = c.processes().size() > 2 && c.time.chance(0.5);
    if (one_dies) {
      victim.crash(c.time.chance(0.5));
      c.run_for(10s);
    }
    if (!all_served(c, c) && !one_dies) {
      c.time.violated("not everything is served while the store is away");
    }
    c.data.start();
    c.run_for(2900ms);
    if (!c.data.verdicts().empty()) {
      c.time.violated("{} was declared dead too early", c.data.verdicts().front());
    }
    c.run_for(4s);
    if (c.data.verdicts().size() != (one_dies ? 1U : 0U)) {
      c.time.violated("{} deaths", c.data.verdicts().size());
    }
    c.must_get_well(1s);
    return told(c);
  });
}

TEST_CASE("membership: a node that only the store cannot reach goes on, also in new views",
          "[simulation]") {
  require_none(15, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 3 + seed % 3, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.run_for(4s);
    c.nobody_may_falter = true;
    auto& alone = any_of(c);
    c.data.cut(alone.name());
    c.run_for(c.time.between(2s, 10s));
    auto& leaver = another(c, alone);
    leaver.leave();
    c.run_for(5s);
    if (leaver.is_running()) {
      c.time.violated("{} could not leave", leaver.name());
    }
    if (alone.core().view().number != c.data.table().number) {
      c.time.violated("{} was not told of the new view", alone.name());
    }
    c.data.mend_all();
    c.run_for(4s);
    if (!c.data.verdicts().empty()) {
      c.time.violated("{} was declared dead", c.data.verdicts().front());
    }
    return told(c);
  });
}

TEST_CASE("membership: a node stopped for ten seconds comes back as another incarnation",
          "[simulation]") {
  require_none(30, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 2 + seed % 4, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.run_for(4s);
    auto& stopped = any_of(c);
    const auto before = stopped.core().incarnation();
    stopped.pause();
    c.run_for(10s);
    if (c.data.verdicts() != std::vector<std::string>{stopped.name()}) {
      c.time.violated("{} deaths instead of one", c.data.verdicts().size());
    }
    if (!all_served(c, c)) {
      c.time.violated("not everything is served");
    }
    stopped.resume();
    c.must_get_well(3s);
    if (stopped.core().incarnation() == before) {
      c.time.violated("{} goes on as incarnation {}", stopped.name(), before);
    }
    return told(c);
  });
}

TEST_CASE("membership: of two nodes that lose each other one goes on", "[simulation]") {
  require_none(60, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 2, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.run_for(4s);
    c.net.cut("a", "b");
    if (c.time.chance(0.5)) {
      c.net.cut("b", "a");
    }
    c.run_for(6s);
    if (c.data.verdicts().size() != 1) {
      c.time.violated("{} deaths instead of one", c.data.verdicts().size());
    }
    if (!all_served(c, c)) {
      c.time.violated("not everything is served");
    }
    c.net.mend_all();
    c.must_get_well(4s);
    return told(c);
  });
}

TEST_CASE("membership: a node joins while another dies", "[simulation]") {
  require_none(60, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 3, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.run_for(4s);
    auto& victim = any_of(c);
    auto& joiner = c.add();
    const bool with_host = c.time.chance(0.5);
    const auto apart = c.time.between(0ms, 300ms);
    if (c.time.chance(0.5)) {
      victim.crash(with_host);
      c.run_for(apart);
      joiner.start();
    } else {
      joiner.start();
      c.run_for(apart);
      victim.crash(with_host);
    }
    c.must_get_well(5s);
    if (!joiner.is_active() || c.data.verdicts().size() != 1) {
      c.time.violated("{} deaths, and {} is {}", c.data.verdicts().size(), joiner.name(),
                      runtime::to_string(joiner.core().now_is()));
    }
    return told(c);
  });
}

TEST_CASE("membership: after a power cut the cluster comes up without the node that stays dark",
          "[simulation]") {
  require_none(40, [](std::uint64_t seed, bool traced) {
    cluster c(seed, 3, {}, traced);
    choose_weather(c);
    c.start_all();
    c.must_get_well(6s);
    c.run_for(1s);
    for (auto& p : c.processes()) {
      p.crash(true);
    }
    c.run_for(c.time.between(0s, 20s));
    auto& dark = any_of(c);
    for (auto& p : c.processes()) {
      if (&p != &dark) {
        c.run_for(c.time.between(0s, 2s));
        p.start();
      }
    }
    c.must_get_well(20s);
    dark.start();
    c.must_get_well(4s);
    return told(c);
  });
}
