// SPDX-License-Identifier: GPL-3.0-or-later
// A few threads for work that blocks (SQL, files, password hashes), with a bounded queue.
// Thread: submit() and refuse_waiting() from any thread. Jobs run on the pool's threads, in the
// order submitted when there is one thread; what was not run is told on the thread that caused it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace troupe {

class worker_pool {
 public:
  using job = std::move_only_function<void()>;

  /// name: a metric label and the threads' name (at most 15 characters).
  worker_pool(std::string name, std::size_t threads, std::size_t queue_limit, metrics& m);
  /// Closes, with no time for what waits.
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Nothing is taken from now on. What waits is run for as long as that and then dropped; ends
  /// the threads once what runs has ended. Not from two threads at once, nor from a job.
  void close(duration time_for_what_waits = duration::zero());

  /// Drops what waits; what runs goes on, and what comes is taken.
  void refuse_waiting();

  /// False, and counted, when the queue is full or the pool is closing; the job is destroyed then,
  /// as it is, and counted, when it is dropped.
  [[nodiscard]] bool submit(job j);
  /// Exactly one of the two is called: dropped, perhaps before this returns, where the above gives
  /// false or the job is dropped later.
  void submit(job run, job dropped);

 private:
  struct waiting_job {
    job run;
    job dropped;
  };

  bool enqueue(waiting_job& j);
  std::deque<waiting_job> take_waiting();  // with the mutex held
  void drop(std::deque<waiting_job> left);
  void work();

  const std::string name_;
  const std::size_t queue_limit_;
  metrics::gauge& waiting_;
  metrics::counter& refused_;
  std::mutex mutex_;
  std::condition_variable wake_;   // there is a job, or the end
  std::condition_variable empty_;  // nothing waits
  std::deque<waiting_job> queue_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

/// Runs job() -> result<T> on the pool and hands what it gives to done; unavailable (queue_full)
/// where it never runs.
template <class T, class Job>
void run_on(worker_pool& pool, Job what, callback<T> done) {
  const auto answer = std::make_shared<callback<T>>(std::move(done));
  pool.submit([answer, what = std::move(what)]() mutable { (*answer)(what()); },
              [answer] {
                (*answer)(fail(errc::unavailable, "queue_full",
                               "too many requests wait for the store, or the node is stopping"));
              });
}

}  // namespace troupe
