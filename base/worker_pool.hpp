// SPDX-License-Identifier: GPL-3.0-or-later
// A few threads for work that blocks (SQL, files, password hashes), with a bounded queue.
// Thread: submit() from any thread. Jobs run on the pool's threads, in the order submitted when
// there is one thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.hpp"

namespace troupe {

class worker_pool {
 public:
  using job = std::move_only_function<void()>;

  /// name: a metric label and the threads' name (at most 15 characters).
  worker_pool(std::string name, std::size_t threads, std::size_t queue_limit, metrics& m);
  /// Closes.
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// Runs what is queued, then ends the threads; nothing is taken from then on. Not from two
  /// threads at once, nor from a job.
  void close();

  /// False, and counted, when the queue is full or the pool is closing; the job is dropped then.
  [[nodiscard]] bool submit(job j);

 private:
  void work();

  const std::string name_;
  const std::size_t queue_limit_;
  metrics::gauge& waiting_;
  metrics::counter& refused_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<job> queue_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace troupe
