// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/pool.hpp"

namespace troupe::storage::sql {

namespace {

constexpr std::chrono::milliseconds lease_patience{2000};
constexpr std::chrono::milliseconds pause_after_failure{250};

}  // namespace

pool::pool(std::size_t size, maker make, metrics& m)
    : make_(std::move(make)),
      failed_(m.make_counter("troupe_store_connect_failures_total",
                             "Connections to the store that could not be made")),
      starved_(m.make_counter("troupe_store_starved_total",
                              "Calls that found no free connection to the store in time")),
      unused_(size) {}

result<pool::lease> pool::take() {
  std::unique_lock lock(mutex_);
  if (!wake_.wait_for(lock, lease_patience, [&] { return unused_ > 0; })) {
    starved_.add();
    return fail(errc::unavailable, "store_busy", "all connections to the database are in use");
  }
  --unused_;
  while (!idle_.empty()) {
    auto found = std::move(idle_.back());
    idle_.pop_back();
    if (!found->is_broken()) {
      return lease(*this, std::move(found));
    }
  }
  if (last_failure_ && std::chrono::steady_clock::now() < refuse_until_) {
    ++unused_;
    wake_.notify_one();
    return fail(*last_failure_);
  }
  lock.unlock();
  return make_one();
}

result<pool::lease> pool::make_one() {
  auto made = make_();
  if (made) {
    return lease(*this, std::move(*made));
  }
  failed_.add();
  const std::lock_guard lock(mutex_);
  ++unused_;
  last_failure_ = made.error();
  refuse_until_ = std::chrono::steady_clock::now() + pause_after_failure;
  wake_.notify_one();
  return fail(std::move(made.error()));
}

void pool::give_back(std::unique_ptr<connection> c) {
  const std::lock_guard lock(mutex_);
  ++unused_;
  if (!c->is_broken()) {
    idle_.push_back(std::move(c));
  }
  wake_.notify_one();
}

}  // namespace troupe::storage::sql
