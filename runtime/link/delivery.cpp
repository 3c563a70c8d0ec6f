// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/delivery.hpp"

#include "base/check.hpp"

namespace troupe::runtime::detail {

void link_delivery::open(link::handlers h) {
  const std::lock_guard lock(mutex_);
  TROUPE_CHECK(!handlers_.received && !handlers_.changed, "a link is started once");
  handlers_ = std::move(h);
  is_open_ = true;
}

bool link_delivery::is_open() const {
  const std::lock_guard lock(mutex_);
  return is_open_;
}

void link_delivery::close() {
  std::unique_lock lock(mutex_);
  is_open_ = false;
  news_.clear();
  idle_.wait(lock, [&] { return running_ == 0; });
}

bool link_delivery::enter() {
  const std::lock_guard lock(mutex_);
  running_ += is_open_ ? 1 : 0;
  return is_open_;
}

void link_delivery::leave() {
  const std::lock_guard lock(mutex_);
  if (--running_ == 0) {
    idle_.notify_all();
  }
}

void link_delivery::received(std::string_view from, link_stream on, std::vector<envelope> what) {
  if (!enter()) {
    return;
  }
  if (handlers_.received) {
    for (auto& e : what) {
      handlers_.received(from, on, std::move(e));
    }
  }
  leave();
}

void link_delivery::queue(std::string node, peer_state now) {
  const std::lock_guard lock(mutex_);
  if (is_open_) {
    news_.emplace_back(std::move(node), now);
  }
}

void link_delivery::tell() {
  std::unique_lock lock(mutex_);
  if (is_telling_ || !is_open_) {
    return;
  }
  is_telling_ = true;
  ++running_;
  while (is_open_ && !news_.empty()) {
    const auto [node, now] = std::move(news_.front());
    news_.pop_front();
    lock.unlock();
    if (handlers_.changed) {
      handlers_.changed(node, now);
    }
    lock.lock();
  }
  is_telling_ = false;
  if (--running_ == 0) {
    idle_.notify_all();
  }
}

live_count::token::token(std::shared_ptr<live_count> count) : count_(std::move(count)) {
  const std::lock_guard lock(count_->mutex_);
  ++count_->count_;
}

live_count::token::~token() {
  const std::lock_guard lock(count_->mutex_);
  if (--count_->count_ == 0) {
    count_->none_.notify_all();
  }
}

void live_count::wait_for_none() {
  std::unique_lock lock(mutex_);
  none_.wait(lock, [&] { return count_ == 0; });
}

}  // namespace troupe::runtime::detail
