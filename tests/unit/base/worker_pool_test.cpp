// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/worker_pool.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include <catch2/catch.hpp>

namespace troupe {

TEST_CASE("worker_pool: closed, it has run what waited and takes no more", "[base]") {
  metrics m;
  worker_pool pool("test", 1, 10, m);
  std::atomic<int> ran = 0;
  const auto count = [&ran] { ran.fetch_add(1); };
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pool.submit(count));
  }
  pool.close();
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
  const auto open = gate.get_future().share();
  std::atomic<int> ran = 0;
  {
    worker_pool pool("test", 1, 2, m);
    REQUIRE(pool.submit([&] {
      started.set_value();
      open.wait();
    }));
    started.get_future().wait();
    CHECK(pool.submit([&] { ++ran; }));
    CHECK(pool.submit([&] { ++ran; }));
    CHECK_FALSE(pool.submit([&] { ran += 100; }));
    gate.set_value();
  }  // closing runs what was accepted
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

TEST_CASE("worker_pool: one thread keeps the order", "[base][worker_pool]") {
  metrics m;
  std::vector<int> order;
  {
    worker_pool pool("test", 1, 100, m);
    for (int i = 0; i < 100; ++i) {
      REQUIRE(pool.submit([&order, i] { order.push_back(i); }));
    }
  }
  for (int i = 0; i < 100; ++i) {
    CHECK(order.at(static_cast<std::size_t>(i)) == i);
  }
}

}  // namespace troupe
