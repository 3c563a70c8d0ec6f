// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/worker_pool.hpp"

#include <pthread.h>

#include <exception>
#include <utility>

#include "base/log.hpp"

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

void worker_pool::close(duration time_for_what_waits) {
  std::deque<waiting_job> left;
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    wake_.notify_all();
    empty_.wait_for(lock, time_for_what_waits, [this] { return queue_.empty(); });
    left = take_waiting();
  }
  drop(std::move(left));
  for (auto& t : threads_) {
    t.join();
  }
  threads_.clear();
}

void worker_pool::refuse_waiting() {
  std::deque<waiting_job> left;
  {
    const std::lock_guard lock(mutex_);
    left = take_waiting();
  }
  drop(std::move(left));
}

std::deque<worker_pool::waiting_job> worker_pool::take_waiting() {
  waiting_.set(0);
  return std::exchange(queue_, {});
}

void worker_pool::drop(std::deque<waiting_job> left) {
  refused_.add(static_cast<double>(left.size()));
  for (auto& each : left) {
    each.run = nullptr;
    if (each.dropped) {
      each.dropped();
    }
  }
}

bool worker_pool::submit(job j) {
  waiting_job whole{.run = std::move(j), .dropped = nullptr};
  return enqueue(whole);
}

void worker_pool::submit(job run, job dropped) {
  waiting_job whole{.run = std::move(run), .dropped = std::move(dropped)};
  if (!enqueue(whole)) {
    whole.run = nullptr;
    whole.dropped();
  }
}

bool worker_pool::enqueue(waiting_job& j) {
  const std::lock_guard lock(mutex_);
  if (closing_ || queue_.size() >= queue_limit_) {
    refused_.add();
    return false;
  }
  queue_.push_back(std::move(j));
  waiting_.set(static_cast<double>(queue_.size()));
  // Under the lock: once it is free the job may run, and whoever waits for it may destroy the pool.
  wake_.notify_one();
  return true;
}

void worker_pool::work() {
  for (;;) {
    waiting_job next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) {
        return;
      }
      next = std::move(queue_.front());
      queue_.pop_front();
      waiting_.set(static_cast<double>(queue_.size()));
      if (closing_ && queue_.empty()) {
        empty_.notify_all();
      }
    }
    try {
      next.run();
    } catch (const std::exception& e) {
      log::critical("a job threw pool={}: {}", name_, e.what());
    } catch (...) {
      log::critical("a job threw pool={}", name_);
    }
  }
}

}  // namespace troupe
