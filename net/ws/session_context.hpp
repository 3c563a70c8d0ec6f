// SPDX-License-Identifier: GPL-3.0-or-later
// What the chat sockets of a node share, and what one of them begins with. Thread: see each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "actors/account/accounts.hpp"
#include "actors/presence/presence.hpp"
#include "actors/viewer/resume_token.hpp"
#include "actors/viewer/viewer_session.hpp"
#include "base/metrics.hpp"
#include "net/ws/hub.hpp"
#include "runtime/entities.hpp"

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

inline std::uint64_t key_of(user_id user) {
  return static_cast<std::uint64_t>(user);
}

struct session_metrics {
  explicit session_metrics(metrics& m);

  metrics::counter& bad_frames;
  metrics::counter& pending;
  metrics::counter& closed_bad_frames;   ///< 10 malformed ones in 10 s
  metrics::counter& closed_many_frames;  ///< 300 in 10 s
  metrics::counter& closed_protocol;     ///< RFC 6455 violated
  metrics::counter& closed_silent;
  metrics::counter& closed_stalled;
  metrics::counter& closed_unread;  ///< more waited for it than may
  metrics::counter& closed_accounts;
};

struct session_context {
  std::string node;
  std::uint64_t incarnation = 0;
  runtime::entities& entities;
  account::accounts& accounts;
  presence::presence* presence = nullptr;  ///< nothing: nobody is counted
  const clock& time;
  viewer::resume_tokens tokens;
  socket_counts per_account;
  socket_counts per_address;
  session_metrics counters;

  runtime::entity_name viewer(std::uint64_t number) const {
    return viewer::name_of(node, incarnation, number);
  }
};

/// A hub, and who its sockets are to entities. One sender for all of them: a sender of its own
/// would cost each socket half a kilobyte. Goodbyes have another, whose lanes are never full.
struct station {
  std::shared_ptr<ws::hub> hub;
  runtime::session speaks;
  runtime::session leaves;
};

/// The ViewerSession of a socket. While this lives it does.
class viewer_lease {
 public:
  viewer_lease() = default;

  viewer_lease(session_context& c, const station& s, std::uint64_t number)
      : context_(&c), leaves_(&s.leaves), number_(number) {}

  viewer_lease(viewer_lease&& other) noexcept
      : context_(std::exchange(other.context_, nullptr)),
        leaves_(other.leaves_),
        number_(other.number_) {}

  viewer_lease& operator=(viewer_lease&&) = delete;

  ~viewer_lease() {
    if (context_ != nullptr) {
      context_->entities.tell(*leaves_, context_->viewer(number_), viewer::leave{});
    }
  }

  std::uint64_t number() const { return number_; }

 private:
  session_context* context_ = nullptr;
  const runtime::session* leaves_ = nullptr;
  std::uint64_t number_ = 0;
};

}  // namespace troupe::ws
