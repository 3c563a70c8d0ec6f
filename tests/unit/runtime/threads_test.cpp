// SPDX-License-Identifier: GPL-3.0-or-later
// The runtime on real threads: what the deterministic tests cannot see is left to ThreadSanitizer.
// And, hidden, what a message costs: test_runtime "[.cost]".
#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <ctime>
#include <functional>
#include <iostream>
#include <thread>

#include "base/worker_pool.hpp"
#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

namespace {

/// Counts down from any thread; waited for with a deadline.
class countdown {
 public:
  explicit countdown(int from) : left_(from) {}

  void tick() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) {
      done_.notify_all();
    }
  }

  bool wait() {
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, 60s, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int left_;
};

/// A behaviour without anything a test looks into: its handlers run on several threads.
class tally {
 public:
  static constexpr std::string_view kind = "tally";
  static constexpr auto keep = runtime::keep::snapshot;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<add, sample::read, go_away, work>;
  using state = kept::state;
  state data;

  result<total> on(context&, const add& m) {
    data.value += m.by;
    return total{data.value, 0};
  }

  result<total> on(context&, const sample::read&) const { return total{data.value, 0}; }

  result<accepted> on(context& ctx, const go_away&) {
    ctx.passivate();
    return accepted{};
  }

  later<total> on(context& ctx, const work& m) {
    return ctx.run([m]() -> result<std::int64_t> { return m.by; },
                   [this](context& c, result<std::int64_t> by) { return on(c, add{*by}); });
  }
};

class brief_tally : public tally {
 public:
  static constexpr std::string_view kind = "brief_tally";
  static constexpr auto keep = runtime::keep::none;
};

struct real_node {
  explicit real_node(std::size_t threads)
      : pool("test", 2, 10'000, figures),
        node(
            {.node = "a", .incarnation = 1, .threads = threads, .seed = 1}, system_clock(), figures,
            [this](worker_pool::job j) { return pool.submit(std::move(j)); }, log) {
    node.add_kind<tally>([](const entity_name&) { return std::make_unique<tally>(); });
    node.add_kind<brief_tally>([](const entity_name&) { return std::make_unique<brief_tally>(); });
  }

  metrics figures;
  memory_entity_log log;
  worker_pool pool;
  entities node;
};

}  // namespace

TEST_CASE("threads: every command of every thread is applied once, while entities come and go",
          "[runtime][threads]") {
  constexpr int senders = 4;
  constexpr int rounds = 400;
  real_node real(3);
  countdown left(senders * rounds);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < senders; ++t) {
    threads.emplace_back([&] {
      const auto s = real.node.open_session();
      for (int i = 0; i < rounds; ++i) {
        countdown one(1);
        const entity_name to{"tally", std::to_string(i % 3)};
        const auto note = [&](const result<total>& r) {
          failed += r ? 0 : 1;
          left.tick();
          one.tick();
        };
        if (i % 5 == 0) {
          real.node.ask<work>(s, to, work{1}, 30s, note);
        } else {
          real.node.ask<add>(s, to, add{1}, 30s, note);
        }
        if (i % 7 == 0) {
          real.node.tell(s, to, go_away{});
        }
        one.wait();
      }
    });
  }
  CHECK(left.wait());
  for (auto& t : threads) {
    t.join();
  }
  CHECK(failed == 0);
  std::int64_t sum = 0;
  for (const auto* id : {"0", "1", "2"}) {
    countdown one(1);
    real.node.ask<sample::read>(real.node.open_session(), {"tally", id}, {}, 30s,
                                [&](const result<total>& r) {
                                  sum += r ? r->value : 0;
                                  one.tick();
                                });
    REQUIRE(one.wait());
  }
  CHECK(sum == senders * rounds);
  countdown stopped(1);
  real.node.stop(30s, [&](result<void> how) {
    failed += how ? 0 : 1;
    stopped.tick();
  });
  CHECK(stopped.wait());
  CHECK(failed == 0);
}

TEST_CASE("cost: what a message costs", "[.cost]") {
  constexpr int count = 300'000;
  for (const auto* kind : {"brief_tally", "tally"}) {
    for (const int window : {1, 32}) {
      real_node real(1);
      const auto s = real.node.open_session();
      const int total_asks = window == 1 ? count / 10 : count;
      countdown left(total_asks);
      const auto began = std::chrono::steady_clock::now();
      const auto cpu = std::clock();
      // window asks are always on their way: each answer sends the next.
      std::atomic<int> to_send = total_asks - window;
      std::function<void(const result<total>&)> answered = [&](const result<total>&) {
        if (to_send.fetch_sub(1) > 0) {
          real.node.ask<add>(s, {kind, "1"}, add{1}, 30s, answered);
        }
        left.tick();
      };
      for (int i = 0; i < window; ++i) {
        real.node.ask<add>(s, {kind, "1"}, add{1}, 30s, answered);
      }
      REQUIRE(left.wait());
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      const auto cpu_us = 1e6 * static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
      std::cout << kind << " window " << window << ": " << total_asks / took.count() << " asks/s, "
                << cpu_us / total_asks << " us CPU each\n";
    }
  }
}
