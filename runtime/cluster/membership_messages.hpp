// SPDX-License-Identifier: GPL-3.0-or-later
// What members of a cluster tell each other on the control stream. Thread: plain data.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/cluster/membership_store.hpp"

namespace troupe::runtime {

template <class Inspector>
auto inspect(Inspector& f, member& x) {
  return f(x.node, x.incarnation, x.state, x.address, x.roles);
}

template <class Inspector>
auto inspect(Inspector& f, node_row& x) {
  return f(x.who, x.ended);
}

struct ping {
  static constexpr std::string_view type = "membership.ping";
  static constexpr std::uint32_t version = 1;
  std::uint64_t from = 0;  ///< the sender's incarnation
  std::uint64_t to = 0;    ///< the incarnation it is meant for
  std::uint64_t view = 0;  ///< the number the sender knows
  std::int64_t sent = 0;   ///< nanoseconds on the sender's monotonic clock, to be given back
};

template <class Inspector>
auto inspect(Inspector& f, ping& x) {
  return f(x.from, x.to, x.view, x.sent);
}

struct pong {
  static constexpr std::string_view type = "membership.pong";
  static constexpr std::uint32_t version = 1;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t view = 0;
  std::int64_t sent = 0;  ///< ping::sent
  member_state standing = member_state::joining;
  /// It has asked the store to make it active and does not know the outcome.
  bool settling = false;
  /// Incarnations it votes against, or did with an outcome it does not know. If the one that
  /// pinged is among them this answer is a sign of life and gives no right to own.
  std::vector<std::uint64_t> accuses;
  /// The table, when the ping showed an older number: for a node that the store does not answer.
  std::vector<node_row> newer;
};

template <class Inspector>
auto inspect(Inspector& f, pong& x) {
  return f(x.from, x.to, x.view, x.sent, x.standing, x.settling, x.accuses, x.newer);
}

}  // namespace troupe::runtime
