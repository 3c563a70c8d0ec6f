// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/worker_pool.hpp"

#include <pthread.h>

#include <utility>

namespace troupe {

worker_pool::worker_pool(std::string name, std::size_t threads, std::size_t queue_limit, metrics& m)
    : name_(std::move(name)),
      queue_limit_(queue_limit),
      waiting_(m.make_gauge("troupe_worker_queue_jobs", "Jobs waiting for a worker thread",
                            {{"pool", name_}})),
      refused_(m.make_counter("troupe_worker_refused_total",
                              "Jobs refused because the queue was full", {{"pool", name_}})) {
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
  }
}

worker_pool::~worker_pool() {
  close();
}

void worker_pool::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    wake_.notify_all();
  }
  for (auto& t : threads_) {
    t.join();
  }
  threads_.clear();
}

bool worker_pool::submit(job j) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_ || queue_.size() >= queue_limit_) {
      refused_.add();
      return false;
    }
    queue_.push_back(std::move(j));
    waiting_.set(static_cast<double>(queue_.size()));
    // Under the lock: once it is free the job may run, and whoever waits for it may destroy the
    // pool.
    wake_.notify_one();
  }
  return true;
}

void worker_pool::work() {
  for (;;) {
    job next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) {
        return;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
      waiting_.set(static_cast<double>(queue_.size()));
    }
    next();
  }
}

}  // namespace troupe
