// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/io_threads.hpp"

#include <atomic>
#include <future>
#include <optional>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "tests/unit/net/asio/loopback.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::eventually;

TEST_CASE("io_threads: jobs run in order on their thread", "[net][io_threads]") {
  net::io_threads threads(2);
  auto& first = threads.at(0);
  std::promise<std::vector<int>> done;
  auto order = std::make_shared<std::vector<int>>();
  std::atomic<int> elsewhere = 0;
  for (int i = 0; i < 3; ++i) {
    first.post([&, i] {
      order->push_back(i);
      elsewhere += first.is_current() && !threads.at(1).is_current() ? 0 : 1;
    });
  }
  first.post([&] { done.set_value(*order); });
  CHECK(done.get_future().get() == std::vector{0, 1, 2});
  CHECK(elsewhere == 0);
  CHECK_FALSE(first.is_current());
}

TEST_CASE("io_threads: a repeated job that throws is called again", "[net][io_threads]") {
  std::atomic<int> calls = 0;
  net::io_threads threads(1);
  const auto often = threads.at(0).call_every(1ms, [&calls] {
    if (++calls < 3) {
      throw std::runtime_error("a bug");
    }
  });
  CHECK(eventually([&] { return calls >= 5; }));
}

TEST_CASE("io_threads: timers fire, repeat and stop when their handle goes", "[net][io_threads]") {
  net::io_threads threads(1);
  auto& thread = threads.at(0);
  std::atomic<int> calls = 0;
  {
    const auto once = thread.call_after(1ms, [&] { ++calls; });
    CHECK(eventually([&] { return calls == 1; }));
  }
  {
    const auto often = thread.call_every(1ms, [&] { ++calls; });
    CHECK(eventually([&] { return calls >= 5; }));
  }
  // A cancel from another thread is complete when that thread has come round to it.
  std::promise<int> settled;
  thread.post([&] { settled.set_value(calls); });
  const int after_cancel = settled.get_future().get();
  std::promise<void> later;
  const auto wait = thread.call_after(20ms, [&] { later.set_value(); });
  later.get_future().get();
  CHECK(calls == after_cancel);
}

TEST_CASE("io_threads: a timer cancelled on its own thread does not fire", "[net][io_threads]") {
  net::io_threads threads(1);
  auto& thread = threads.at(0);
  std::atomic<bool> fired = false;
  std::promise<void> done;
  std::optional<net::timer> last;
  thread.post([&] {
    auto doomed = thread.call_after(0ms, [&] { fired = true; });
    doomed.cancel();
    last = thread.call_after(5ms, [&] { done.set_value(); });
  });
  done.get_future().get();
  CHECK_FALSE(fired);
}

TEST_CASE("io_threads: a timer's call may destroy its own handle", "[net][io_threads]") {
  net::io_threads threads(1);
  auto handle = std::make_shared<net::timer>();
  std::promise<void> done;
  threads.at(0).post([&] {
    *handle = threads.at(0).call_every(1ms, [&, handle] {
      *handle = {};
      done.set_value();  // a second call would throw
    });
  });
  done.get_future().get();
}

TEST_CASE("io_threads: a handle may outlive the loop", "[net][io_threads]") {
  net::timer late;
  {
    net::io_threads threads(1);
    late = threads.at(0).call_after(1h, [] {});
  }
  late.cancel();
}

TEST_CASE("io_threads: the stop runs what was posted, until its deadline", "[net][io_threads]") {
  net::io_threads threads(2);
  std::atomic<int> ran = 0;
  for (int i = 0; i < 100; ++i) {
    threads.at(static_cast<std::size_t>(i % 2)).post([&] { ++ran; });
  }
  threads.stop(10s);
  CHECK(ran == 100);
  threads.at(0).post([&] { ++ran; });
  CHECK(ran == 100);
}
