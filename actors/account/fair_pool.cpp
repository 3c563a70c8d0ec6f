// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/fair_pool.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace troupe::account {

namespace {

/// What a job of its own network, and one of its block, puts between a network and its next turn.
constexpr std::uint64_t network_cost = 4;
constexpr std::uint64_t block_cost = 1;

std::uint64_t block_of(std::uint64_t network) {
  return network >> 16;  // see client::network: both kinds lose 16 bits
}

}  // namespace

fair_pool::fair_pool(std::string name, options o, metrics& m)
    : name_(std::move(name)),
      options_(o),
      waiting_(m.make_gauge("troupe_worker_queue_jobs", "Jobs waiting for a worker thread",
                            {{"pool", name_}})),
      refused_(m.make_counter("troupe_worker_refused_total",
                              "Jobs refused because the queue was full", {{"pool", name_}})) {
  threads_.reserve(o.threads);
  for (std::size_t i = 0; i < o.threads; ++i) {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
  }
}

fair_pool::~fair_pool() {
  close();
  for (auto& t : threads_) {
    t.join();
  }
}

void fair_pool::submit(share whose, job j) {
  std::optional<job> dropped;
  {
    const std::lock_guard lock(mutex_);
    dropped = enqueue(whose, j);
    waiting_.set(static_cast<double>(lines_[0].jobs.size() + lines_[1].jobs.size()));
    // Under the lock: once it is free the job may run, and whoever waits for it destroy the pool.
    wake_.notify_one();
  }
  if (dropped) {
    refused_.add();
    dropped->dropped();
  }
}

std::optional<fair_pool::job> fair_pool::enqueue(share whose, job& j) {
  auto& l = lines_.at(whose.is_known ? 1 : 0);
  const auto same = std::ranges::count_if(
      l.jobs, [&](const waiting& w) { return w.whose.network == whose.network; });
  if (closed_ || (!whose.is_known && static_cast<std::size_t>(same) >= options_.per_network)) {
    return std::move(j);
  }
  waiting mine{.whose = whose, .tag = tag_of(l, whose), .order = ++order_, .what = std::move(j)};
  if (l.jobs.size() < options_.queue) {
    l.jobs.push_back(std::move(mine));
    return std::nullopt;
  }
  const auto last = std::ranges::max_element(l.jobs, {}, &waiting::tag)->tag;
  if (last < mine.tag) {
    return std::move(mine.what);
  }
  // Of those furthest back any one, else a flood that came first would keep all others out.
  auto back = std::ranges::count(l.jobs, last, &waiting::tag);
  auto chosen = std::uniform_int_distribution<std::ptrdiff_t>(1, back)(random_);
  const auto out = std::ranges::find_if(
      l.jobs, [&](const waiting& w) { return w.tag == last && --chosen == 0; });
  return std::exchange(*out, std::move(mine)).what;
}

std::uint64_t fair_pool::tag_of(const line& l, share whose) {
  auto tag = l.turn;
  for (const auto& each : l.jobs) {
    if (each.whose.network == whose.network) {
      tag = std::max(tag, each.tag + network_cost);
    } else if (block_of(each.whose.network) == block_of(whose.network)) {
      tag = std::max(tag, each.tag + block_cost);
    }
  }
  return tag;
}

void fair_pool::close() {
  std::vector<waiting> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& each : lines_) {
      std::ranges::move(std::exchange(each.jobs, {}), std::back_inserter(left));
    }
  }
  wake_.notify_all();
  for (auto& each : left) {
    each.what.dropped();
  }
}

bool fair_pool::is_idle() const {
  return lines_[0].jobs.empty() && lines_[1].jobs.empty();
}

fair_pool::job fair_pool::take_next() {
  auto& preferred = lines_.at(next_line_);
  auto& l = preferred.jobs.empty() ? lines_.at(1 - next_line_) : preferred;
  next_line_ = 1 - next_line_;
  const auto first = std::ranges::min_element(l.jobs, [](const waiting& a, const waiting& b) {
    return std::pair(a.tag, a.order) < std::pair(b.tag, b.order);
  });
  l.turn = first->tag;
  auto taken = std::move(first->what);
  *first = std::move(l.jobs.back());
  l.jobs.pop_back();
  return taken;
}

void fair_pool::work() {
  for (;;) {
    job next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closed_ || !is_idle(); });
      if (is_idle()) {
        return;
      }
      next = take_next();
      waiting_.set(static_cast<double>(lines_[0].jobs.size() + lines_[1].jobs.size()));
    }
    next.run();
  }
}

}  // namespace troupe::account
