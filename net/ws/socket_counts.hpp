// SPDX-License-Identifier: GPL-3.0-or-later
// How many sockets accounts and addresses have, and may have. Thread: see each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace troupe::ws {

/// How many sockets each account, or each address, has. Thread: any.
class socket_counts {
 public:
  /// 0: no limit.
  explicit socket_counts(std::size_t most) : most_(most) {}

  /// False when it has as many as it may.
  bool take(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    auto& count = counts_[key];
    if (most_ != 0 && count >= most_) {
      return false;
    }
    ++count;
    return true;
  }

  void give_back(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    const auto at = counts_.find(key);
    if (at != counts_.end() && --at->second == 0) {
      counts_.erase(at);
    }
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::size_t> counts_;  // at most one entry a socket
};

/// A place among the sockets of an account or an address; key 0 has none.
class socket_place {
 public:
  socket_place() = default;

  socket_place(socket_place&& other) noexcept
      : of_(std::exchange(other.of_, nullptr)), key_(std::exchange(other.key_, 0)) {}

  socket_place& operator=(socket_place&& other) noexcept {
    if (this != &other) {
      give_back();
      of_ = std::exchange(other.of_, nullptr);
      key_ = std::exchange(other.key_, 0);
    }
    return *this;
  }

  ~socket_place() { give_back(); }

  /// False when there is none left; then the present one stays. The same key's stays too.
  bool move_to(socket_counts& all, std::uint64_t key) {
    if (key == key_) {
      return true;
    }
    if (key != 0 && !all.take(key)) {
      return false;
    }
    give_back();
    of_ = key != 0 ? &all : nullptr;
    key_ = key;
    return true;
  }

 private:
  void give_back() {
    if (of_ != nullptr) {
      of_->give_back(key_);
    }
  }

  socket_counts* of_ = nullptr;
  std::uint64_t key_ = 0;
};

}  // namespace troupe::ws
