// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/fair_pool.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::account;

namespace {

/// One thread that is held until released: what is submitted meanwhile waits, in the pool's order.
class held_pool {
 public:
  explicit held_pool(fair_pool::options o = {.threads = 1, .queue = 16, .per_network = 4})
      : pool("test", o, counters) {
    pool.submit({}, {.run =
                         [this] {
                           started_.set_value();
                           gate_.get_future().wait();
                         },
                     .dropped = [] {}});
    started_.get_future().wait();
  }

  void submit(const std::string& name, std::uint64_t network, bool known = false) {
    pool.submit({.network = network, .is_known = known}, {.run =
                                                              [this, name] {
                                                                const std::lock_guard lock(mutex_);
                                                                ran_.push_back(name);
                                                                settled_.notify_all();
                                                              },
                                                          .dropped =
                                                              [this, name] {
                                                                const std::lock_guard lock(mutex_);
                                                                dropped.push_back(name);
                                                              }});
  }

  /// The names in the order they ran, once all that was submitted ran or was dropped.
  std::vector<std::string> release() {
    gate_.set_value();
    std::unique_lock lock(mutex_);
    REQUIRE(settled_.wait_for(lock, std::chrono::seconds(60),
                              [this] { return ran_.size() + dropped.size() >= expected; }));
    return ran_;
  }

  metrics counters;
  std::size_t expected = 0;
  std::vector<std::string> dropped;

 private:
  std::mutex mutex_;
  std::condition_variable settled_;
  std::vector<std::string> ran_;
  std::promise<void> started_;
  std::promise<void> gate_;

 public:
  fair_pool pool;  // last: its threads use all of the above
};

std::uint64_t network(std::uint64_t block, std::uint64_t host) {
  return (0xffffULL << 32) | (block << 16) | host;
}

std::size_t position(const std::vector<std::string>& order, const std::string& name) {
  return static_cast<std::size_t>(std::ranges::find(order, name) - order.begin());
}

}  // namespace

TEST_CASE("fair_pool: networks take turns", "[account]") {
  held_pool p;
  for (const char* name : {"a1", "a2", "a3", "a4"}) {
    p.submit(name, network(1, 1));
  }
  p.submit("b1", network(2, 1));
  p.submit("c1", network(3, 1));
  p.submit("b2", network(2, 1));
  p.expected = 7;
  CHECK(p.release() == std::vector<std::string>{"a1", "b1", "c1", "a2", "b2", "a3", "a4"});
}

TEST_CASE("fair_pool: a block of networks has the share of four", "[account]") {
  held_pool p;
  for (std::uint64_t host = 0; host < 12; ++host) {
    p.submit("flood" + std::to_string(host), network(1, host));
  }
  p.submit("other", network(2, 1));
  p.submit("other2", network(2, 1));
  p.expected = 14;
  const auto order = p.release();
  CHECK(position(order, "other") <= 1);
  CHECK(position(order, "other2") <= 6);
}

TEST_CASE("fair_pool: one network cannot fill the line", "[account]") {
  held_pool p;
  for (int i = 0; i < 100; ++i) {
    p.submit("flood", network(1, 1));
  }
  CHECK(p.dropped.size() == 96);
  p.submit("other", network(2, 1));
  p.expected = 101;
  CHECK(position(p.release(), "other") == 1);
  CHECK(p.counters.make_counter("troupe_worker_refused_total", "", {{"pool", "test"}}).value() ==
        96);
}

TEST_CASE("fair_pool: a full line makes room for who waits for less", "[account]") {
  held_pool p;
  for (std::uint64_t i = 0; i < 16; ++i) {
    p.submit("f" + std::to_string(i), network(1, i / 4));
  }
  CHECK(p.dropped.empty());
  p.submit("other", network(2, 1));
  CHECK(p.dropped.size() == 1);
  CHECK(p.dropped.front() != "other");
  p.expected = 17;
  CHECK(position(p.release(), "other") <= 1);
}

TEST_CASE("fair_pool: who came first does not keep a full line", "[account]") {
  held_pool p;
  for (std::uint64_t i = 0; i < 16; ++i) {
    p.submit("first", network(i + 10, 1));
  }
  p.submit("late", network(99, 1));
  CHECK(p.dropped == std::vector<std::string>{"first"});
  p.expected = 17;
  const auto order = p.release();
  CHECK(position(order, "late") < order.size());
}

TEST_CASE("fair_pool: a flood from everywhere leaves known networks half of the turns",
          "[account]") {
  held_pool p;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    p.submit("stranger", network(i + 10, 1));
  }
  CHECK(p.dropped.size() == 1000 - 16);
  for (int i = 0; i < 4; ++i) {
    p.submit("known" + std::to_string(i), network(2, 1), true);
  }
  CHECK(p.dropped.size() == 1000 - 16);
  p.expected = 1004;
  const auto order = p.release();
  CHECK(position(order, "known3") <= 8);
}

TEST_CASE("fair_pool: the line of the known is bounded too", "[account]") {
  held_pool p;
  for (int i = 0; i < 100; ++i) {
    p.submit("known", network(1, 1), true);
  }
  CHECK(p.dropped.size() == 84);
  p.expected = 100;
  CHECK(p.release().size() == 16);
}

TEST_CASE("fair_pool: closing tells everyone who waits", "[account]") {
  held_pool p;
  for (std::uint64_t i = 0; i < 10; ++i) {
    p.submit("waiting", network(i, 1), i % 2 == 0);
  }
  p.pool.close();
  CHECK(p.dropped.size() == 10);
  p.submit("late", 1);
  CHECK(p.dropped.size() == 11);
  p.expected = 11;
  CHECK(p.release().empty());
}
