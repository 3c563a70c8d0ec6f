// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/worker_pool.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

namespace troupe {

TEST_CASE("worker_pool: closed with time for it, it has run what waited and takes no more",
          "[base][worker_pool]") {
  metrics m;
  std::atomic<int> ran = 0;
  worker_pool pool("test", 1, 10, m);
  const auto count = [&ran] { ran.fetch_add(1); };
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pool.submit(count));
  }
  pool.close(std::chrono::minutes(1));
  CHECK(ran == 3);
  CHECK_FALSE(pool.submit(count));
  pool.close();
  CHECK(ran == 3);
}

TEST_CASE("worker_pool: refuses, and counts, what does not fit its queue", "[base][worker_pool]") {
  metrics m;
  auto& refused = m.make_counter("troupe_worker_refused_total",
                                 "Jobs refused because the queue was full", {{"pool", "test"}});
  std::promise<void> gate;
  std::promise<void> started;
  const auto opened = gate.get_future().share();
  std::atomic<int> ran = 0;
  {
    worker_pool pool("test", 1, 2, m);
    REQUIRE(pool.submit([&] {
      started.set_value();
      opened.wait();
    }));
    started.get_future().wait();
    CHECK(pool.submit([&] { ++ran; }));
    CHECK(pool.submit([&] { ++ran; }));
    CHECK_FALSE(pool.submit([&] { ran += 100; }));
    gate.set_value();
    pool.close(std::chrono::minutes(1));
  }
  CHECK(ran == 2);
  CHECK(refused.value() == 1);
}

TEST_CASE("worker_pool: may end as soon as its last job ran", "[base][worker_pool][threads]") {
  // Who submitted may still be inside submit() then: it woke a worker after it let go of the lock.
  for (int round = 0; round < 50; ++round) {
    metrics m;
    auto pool = std::make_unique<worker_pool>("test", 1, 1, m);
    std::promise<void> ran;
    std::thread submitter(
        [&ran, to = pool.get()] { CHECK(to->submit([&ran] { ran.set_value(); })); });
    ran.get_future().wait();
    pool.reset();
    submitter.join();
  }
}

TEST_CASE("worker_pool: outlives a job that throws", "[base][worker_pool]") {
  metrics m;
  std::atomic<int> ran = 0;
  worker_pool pool("test", 1, 10, m);
  REQUIRE(pool.submit([] { throw std::runtime_error("a bug"); }));
  REQUIRE(pool.submit([] { throw 5; }));
  REQUIRE(pool.submit([&ran] { ++ran; }));
  pool.close(std::chrono::minutes(1));
  CHECK(ran == 1);
}

TEST_CASE("worker_pool: one thread keeps the order", "[base][worker_pool]") {
  metrics m;
  std::vector<int> order;
  {
    worker_pool pool("test", 1, 100, m);
    for (int i = 0; i < 100; ++i) {
      REQUIRE(pool.submit([&order, i] { order.push_back(i); }));
    }
    pool.close(std::chrono::minutes(1));
  }
  for (int i = 0; i < 100; ++i) {
    CHECK(order.at(static_cast<std::size_t>(i)) == i);
  }
}

namespace {

/// One thread, held by a job until it is opened.
struct held_pool {
  explicit held_pool(std::size_t queue) : pool("test", 1, queue, counters) {
    auto opened = gate.get_future().share();
    auto running = std::make_shared<std::promise<void>>();
    auto has_begun = running->get_future();
    REQUIRE(pool.submit([opened, running, this] {
      running->set_value();
      opened.wait();
      ++ran;
    }));
    has_begun.wait();
  }

  ~held_pool() { open(); }

  void open() {
    if (!is_open.exchange(true)) {
      gate.set_value();
    }
  }

  metrics counters;
  metrics::counter& refused = counters.make_counter(
      "troupe_worker_refused_total", "Jobs refused because the queue was full", {{"pool", "test"}});
  std::atomic<int> ran = 0;
  std::atomic<int> dropped = 0;
  std::atomic<bool> is_open = false;
  std::promise<void> gate;
  worker_pool pool;
};

}  // namespace

TEST_CASE("worker_pool: what has not begun when it closes is refused instead of run",
          "[base][worker_pool]") {
  held_pool held(10);
  for (int i = 0; i < 3; ++i) {
    held.pool.submit([&held] { ++held.ran; }, [&held] { ++held.dropped; });
  }
  REQUIRE(held.pool.submit([&held] { ++held.ran; }));
  // The first job ends only when the three were told: close() may not wait for it before.
  held.pool.submit([&held] { ++held.ran; }, [&held] { held.open(); });
  held.pool.close();
  CHECK(held.dropped == 3);
  CHECK(held.ran == 1);
  CHECK(held.refused.value() == 5);
  held.pool.submit([&held] { ++held.ran; }, [&held] { ++held.dropped; });
  CHECK(held.dropped == 4);
}

TEST_CASE("worker_pool: what waits can be refused while the pool goes on", "[base][worker_pool]") {
  held_pool held(2);
  std::promise<void> ran_after;
  held.pool.submit([&held] { ++held.ran; }, [&held] { ++held.dropped; });
  held.pool.submit([&held] { ++held.ran; }, [&held] { ++held.dropped; });
  held.pool.refuse_waiting();
  CHECK(held.dropped == 2);
  REQUIRE(held.pool.submit([&ran_after] { ran_after.set_value(); }));  // there is room again
  held.open();
  ran_after.get_future().wait();
  CHECK(held.ran == 1);
}

TEST_CASE("worker_pool: who asks for a value is answered in any case", "[base][worker_pool]") {
  held_pool held(1);
  std::vector<result<int>> answers;
  const auto ask = [&] {
    run_on<int>(
        held.pool, []() -> result<int> { return 5; },
        [&answers](result<int> r) { answers.push_back(std::move(r)); });
  };
  ask();
  ask();
  REQUIRE(answers.size() == 1);  // no room for the second
  CHECK(answers[0].error().code == errc::unavailable);
  held.pool.refuse_waiting();
  REQUIRE(answers.size() == 2);
  CHECK(answers[1].error().reason == "queue_full");
  ask();
  held.open();
  held.pool.close(std::chrono::minutes(1));
  REQUIRE(answers.size() == 3);
  CHECK(answers[2] == 5);
}

}  // namespace troupe
