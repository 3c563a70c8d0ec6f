// SPDX-License-Identifier: GPL-3.0-or-later
// The threads that own sockets: each runs one single-threaded event loop, so what lives on a thread
// needs no lock. Asio stays out of this header.
// Thread: post(), call_after() and is_current() from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.hpp"

namespace troupe::net {

class io_thread;

/// A pending call. Destroying or cancelling it on its own thread means that the call will not
/// happen; on another thread it may be happening just now.
class timer {
 public:
  timer() = default;
  timer(timer&&) noexcept = default;
  timer& operator=(timer&& other) noexcept;

  ~timer() { cancel(); }

  void cancel();

 private:
  friend class io_thread;
  struct state;

  explicit timer(std::shared_ptr<state> s) : state_(std::move(s)) {}

  std::shared_ptr<state> state_;
};

/// One event loop. Jobs must not block or throw.
class io_thread {
 public:
  using job = std::move_only_function<void()>;

  explicit io_thread(std::size_t number);
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  /// Jobs run in the order posted; after the stop they are destroyed uncalled.
  void post(job j);
  bool is_current() const;
  [[nodiscard]] timer call_after(duration delay, job j);
  /// Calls j again and again, until the handle is destroyed. The first time after one period.
  [[nodiscard]] timer call_every(duration period, job j);

  /// Asio's side, for net/asio/ alone (io_context.hpp).
  struct impl;

  impl& native() { return *impl_; }

 private:
  friend class io_threads;
  void start();
  void stop();
  timer arm(duration delay, duration period, job j);

  std::unique_ptr<impl> impl_;
};

/// Must outlive every server, connection and timer on it.
class io_threads {
 public:
  /// count 0: as many as the machine has cores.
  explicit io_threads(std::size_t count = 0);
  ~io_threads();
  io_threads(const io_threads&) = delete;
  io_threads& operator=(const io_threads&) = delete;

  std::size_t size() const { return threads_.size(); }

  io_thread& at(std::size_t index) { return *threads_[index]; }

  /// Runs what was posted before, but no longer than the deadline, then ends the loops. Servers are
  /// stopped before. Called from a thread that is not one of these.
  void stop(duration deadline);

 private:
  std::vector<std::unique_ptr<io_thread>> threads_;
  bool stopped_ = false;
};

}  // namespace troupe::net
