// SPDX-License-Identifier: GPL-3.0-or-later
// What the chat sockets of a node share, and what one of them begins with. Thread: see each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "actors/account/accounts.hpp"
#include "actors/presence/presence.hpp"
#include "actors/viewer/resume_token.hpp"
#include "actors/viewer/viewer_session.hpp"
#include "base/metrics.hpp"
#include "net/ws/hub.hpp"
#include "net/ws/socket_counts.hpp"
#include "net/ws/web_socket.hpp"
#include "runtime/entities.hpp"

namespace troupe::ws {

inline std::uint64_t key_of(user_id user) {
  return static_cast<std::uint64_t>(user);
}

struct session_metrics {
  explicit session_metrics(metrics& m);

  web_socket_metrics socket;
  metrics::counter& pending;
  metrics::counter& closed_accounts;
  metrics::counter& in_flight_refused;  ///< messages: 64 of the socket were not answered yet
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
