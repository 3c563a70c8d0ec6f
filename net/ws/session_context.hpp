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

#include "actors/account/accounts.hpp"
#include "actors/presence/presence.hpp"
#include "actors/viewer/resume_token.hpp"
#include "actors/viewer/viewer_session.hpp"
#include "base/metrics.hpp"
#include "net/ws/hub.hpp"
#include "runtime/entities.hpp"

namespace troupe::ws {

/// How many sockets each account has. Thread: any.
class account_sockets {
 public:
  /// 0: no limit.
  explicit account_sockets(std::size_t most) : most_(most) {}

  /// False when the account has as many as it may.
  bool take(user_id user) {
    const std::lock_guard lock(mutex_);
    auto& count = counts_[user];
    if (most_ != 0 && count >= most_) {
      return false;
    }
    ++count;
    return true;
  }

  void give_back(user_id user) {
    const std::lock_guard lock(mutex_);
    const auto at = counts_.find(user);
    if (at != counts_.end() && --at->second == 0) {
      counts_.erase(at);
    }
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::unordered_map<user_id, std::size_t> counts_;  // at most one entry a socket
};

/// A place among an account's sockets; user 0 has none.
class account_place {
 public:
  account_place() = default;

  account_place(account_place&& other) noexcept
      : of_(std::exchange(other.of_, nullptr)), user_(std::exchange(other.user_, 0)) {}

  account_place& operator=(account_place&& other) noexcept {
    if (this != &other) {
      give_back();
      of_ = std::exchange(other.of_, nullptr);
      user_ = std::exchange(other.user_, 0);
    }
    return *this;
  }

  ~account_place() { give_back(); }

  user_id user() const { return user_; }

  /// False when there is none left; then the present one stays. The same user's stays too.
  bool move_to(account_sockets& all, user_id user) {
    if (user == user_) {
      return true;
    }
    if (user != 0 && !all.take(user)) {
      return false;
    }
    give_back();
    of_ = user != 0 ? &all : nullptr;
    user_ = user;
    return true;
  }

 private:
  void give_back() {
    if (of_ != nullptr) {
      of_->give_back(user_);
    }
  }

  account_sockets* of_ = nullptr;
  user_id user_ = 0;
};

struct session_metrics {
  explicit session_metrics(metrics& m);

  metrics::counter& bad_frames;
  metrics::counter& pending;
  metrics::counter& closed_bad_frames;   ///< 10 malformed ones in 10 s
  metrics::counter& closed_many_frames;  ///< 300 in 10 s
  metrics::counter& closed_protocol;     ///< RFC 6455 violated
  metrics::counter& closed_silent;
  metrics::counter& closed_stalled;
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
  account_sockets places;
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
