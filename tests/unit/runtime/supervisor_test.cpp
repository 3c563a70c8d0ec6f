// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/supervisor.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;

namespace {

/// Services that write down what happens to them, and a time that is moved by hand.
struct stage {
  child_spec child(const std::string& name, runtime::restart policy = restart::permanent) {
    return {name,
            [this, name](end_callback on_end) -> result<std::unique_ptr<service>> {
              if (refuse[name] > 0) {
                --refuse[name];
                return fail(errc::unavailable, "no start of " + name);
              }
              happened.push_back("+" + name);
              ends[name] = std::move(on_end);
              return std::make_unique<actor>(*this, name);
            },
            policy};
  }

  supervisor make(supervisor_spec spec) {
    return {std::move(spec),
            {clock,
             [this](duration delay, std::function<void()> f) {
               due.emplace(clock.now() + delay, std::move(f));
             },
             5},
            [this](const error& e) { gave_up.push_back(e.message); }};
  }

  void run_for(duration by) {
    const auto until = clock.now() + by;
    while (!due.empty() && due.begin()->first <= until) {
      auto next = due.extract(due.begin());
      clock.advance(std::max(next.key() - clock.now(), duration::zero()));
      next.mapped()();
    }
    clock.advance(until - clock.now());
  }

  void crash(const std::string& name) {
    ends[name](fail(errc::internal, name + " broke"));
    run_for(0s);
  }

  std::vector<std::string> taken() { return std::exchange(happened, {}); }

  struct actor final : service {
    actor(stage& s, std::string n) : on(s), name(std::move(n)) {}

    ~actor() override { on.happened.push_back("-" + name); }

    void stop() override { on.happened.push_back("stop " + name); }

    stage& on;
    std::string name;
  };

  manual_clock clock;
  std::multimap<steady_time, std::function<void()>> due;
  std::map<std::string, int> refuse;
  std::map<std::string, end_callback> ends;
  std::vector<std::string> happened;
  std::vector<std::string> gave_up;
};

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("supervisor: starts in order and stops in reverse", "[runtime][supervisor]") {
  stage s;
  {
    auto top = s.make({.name = "top", .children = {s.child("a"), s.child("b")}});
    REQUIRE(top.start());
    CHECK(s.taken() == texts{"+a", "+b"});
    CHECK(to_text(top.tree()) ==
          "top  supervisor  running\n  a  service  running\n  b  service  running\n");
    top.stop();
    CHECK(s.taken() == texts{"stop b", "-b", "stop a", "-a"});
  }
  CHECK(s.taken().empty());
}

TEST_CASE("supervisor: a child that cannot start at first takes the start back",
          "[runtime][supervisor]") {
  stage s;
  s.refuse["b"] = 1;
  auto top = s.make({.name = "top", .children = {s.child("a"), s.child("b"), s.child("c")}});
  const auto how = top.start();
  REQUIRE_FALSE(how);
  CHECK(how.error().message == "starting b: no start of b");
  CHECK(s.taken() == texts{"+a", "stop a", "-a"});
}

TEST_CASE("supervisor: each strategy restarts what OTP would (R7)", "[runtime][supervisor]") {
  stage s;
  const auto with = [&](strategy how) {
    return s.make(
        {.name = "top", .strategy = how, .children = {s.child("a"), s.child("b"), s.child("c")}});
  };
  SECTION("one_for_one") {
    auto top = with(strategy::one_for_one);
    REQUIRE(top.start());
    s.taken();
    s.crash("b");
    CHECK(s.taken() == texts{"-b"});
    s.run_for(100ms);
    CHECK(s.taken() == texts{"+b"});
    CHECK(top.tree().children[1].restarts == 1);
    top.stop();
  }
  SECTION("rest_for_one") {
    auto top = with(strategy::rest_for_one);
    REQUIRE(top.start());
    s.taken();
    s.crash("b");
    CHECK(s.taken() == texts{"-b", "stop c", "-c"});
    s.run_for(100ms);
    CHECK(s.taken() == texts{"+b", "+c"});
    top.stop();
  }
  SECTION("one_for_all") {
    auto top = with(strategy::one_for_all);
    REQUIRE(top.start());
    s.taken();
    s.crash("b");
    CHECK(s.taken() == texts{"-b", "stop c", "-c", "stop a", "-a"});
    s.run_for(100ms);
    CHECK(s.taken() == texts{"+a", "+b", "+c"});
    top.stop();
  }
  SECTION("rest_for_one: an earlier failure meanwhile restarts all, once") {
    auto top = with(strategy::rest_for_one);
    REQUIRE(top.start());
    s.taken();
    s.crash("c");
    s.crash("a");
    CHECK(s.taken() == texts{"-c", "-a", "stop b", "-b"});
    s.run_for(1s);
    CHECK(s.taken() == texts{"+a", "+b", "+c"});
    top.stop();
  }
}

TEST_CASE("supervisor: permanent, transient and temporary children", "[runtime][supervisor]") {
  stage s;
  auto top = s.make({.name = "top",
                     .children = {s.child("p"), s.child("t", restart::transient),
                                  s.child("x", restart::temporary)}});
  REQUIRE(top.start());
  s.taken();
  s.ends["p"]({});
  s.ends["t"]({});
  s.crash("x");
  s.run_for(1s);
  CHECK(s.taken() == texts{"-p", "-t", "-x", "+p"});
  const auto tree = top.tree();
  CHECK(tree.children[1].state == "ended");
  CHECK(tree.children[2].state == "failed");
}

TEST_CASE("supervisor: the wait doubles, with jitter", "[runtime][supervisor]") {
  std::minstd_rand random(1);
  const backoff b{100ms, 60s};
  std::set<duration> seen;
  for (int i = 1; i <= 20; ++i) {
    const auto nominal = std::min<duration>(100ms * (1 << std::min(i - 1, 12)), 60s);
    for (int n = 0; n < 20; ++n) {
      const auto d = b.after(i, random);
      CHECK(d <= nominal);
      CHECK(d >= nominal / 2);
      seen.insert(d);
    }
  }
  CHECK(seen.size() > 300);
}

TEST_CASE("supervisor: a child that keeps failing takes its tree down, siblings of it run on (R7)",
          "[runtime][supervisor]") {
  stage s;
  supervisor_spec bad{.name = "bad",
                      .intensity = {2, 10s},
                      .backoff = {10ms, 20ms},
                      .children = {s.child("steady"), s.child("broken")}};
  auto top = s.make({.name = "top",
                     .intensity = {1, 60s},
                     .backoff = {10ms, 20ms},
                     .children = {std::move(bad), s.child("other")}});
  REQUIRE(top.start());
  s.taken();
  for (int i = 0; i < 2; ++i) {
    s.crash("broken");
    s.run_for(20ms);
  }
  CHECK(s.taken() == texts{"-broken", "+broken", "-broken", "+broken"});
  s.crash("broken");  // spent: the inner supervisor gives up and is restarted as a whole
  CHECK(s.taken() == texts{"-broken", "stop steady", "-steady"});
  s.run_for(20ms);
  CHECK(s.taken() == texts{"+steady", "+broken"});
  CHECK(s.gave_up.empty());
  for (int i = 0; i < 3; ++i) {
    s.crash("broken");
    s.run_for(20ms);
  }
  // The outer intensity is spent too: everything below is stopped in order, and said once.
  CHECK(s.gave_up.size() == 1);
  CHECK(top.tree().state == "failed");
  const auto end = s.taken();
  CHECK(std::ranges::count(end, "stop other") == 1);
  s.run_for(60s);
  CHECK(s.taken().empty());
}

TEST_CASE("supervisor: a restart that fails counts, what an old start says does not",
          "[runtime][supervisor]") {
  stage s;
  auto top = s.make(
      {.name = "top", .intensity = {3, 10s}, .backoff = {10ms, 10ms}, .children = {s.child("a")}});
  REQUIRE(top.start());
  const auto old = s.ends["a"];
  s.refuse["a"] = 2;
  s.crash("a");
  s.run_for(100ms);
  CHECK(s.taken() == texts{"+a", "-a", "+a"});
  old(fail(errc::internal, "late"));
  s.run_for(1s);
  CHECK(s.taken().empty());
  s.crash("a");
  CHECK(s.gave_up.size() == 1);
}

TEST_CASE("entities: services are supervised on the node, and seen in its tree",
          "[runtime][supervisor]") {
  sample::sample_bench bench;
  stage s;
  REQUIRE(bench.node().supervise({.name = "edges", .children = {s.child("rtmp")}}));
  CHECK_FALSE(bench.node().supervise({.name = "edges"}));
  s.ends["rtmp"](fail(errc::unavailable, "port lost"));
  bench.advance(200ms);
  CHECK(s.taken() == texts{"+rtmp", "-rtmp", "+rtmp"});
  REQUIRE(bench.ask(sample::a_kept, sample::add{}));
  const auto tree = bench.node().tree();
  CHECK(tree.children[0].name == "edges");
  CHECK(tree.children[0].children[0].restarts == 1);
  CHECK(to_text(tree).find("kept/a  entity  active") != std::string::npos);
  bool stopped = false;
  bench.node().stop(1s, [&](result<void> how) { stopped = how.has_value(); });
  bench.advance(1s);
  CHECK(stopped);
  CHECK(s.taken() == texts{"stop rtmp", "-rtmp"});
}
