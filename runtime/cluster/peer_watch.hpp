// SPDX-License-Identifier: GPL-3.0-or-later
// What one member knows of the others by its own pings: who answers, who is silent, and since when
// answers prove that this node has not been declared dead. Pure: time is an argument.
//
// The proof, for a node X that holds the view numbered v. Every death is decided in the store by
// the votes of a majority of the others, and a voter stops giving X answers that count before its
// vote leaves. So take the answers to pings that X sent at t or later, from nodes that hold v too:
// if X had been dead at t there would be a first death after v, and its voters would have answered
// with a newer number, or named whom they accuse. Counting X itself, more than half of the members
// of v must have answered; a joining node may have become an active one that X does not know, so it
// counts against X until it says, at t or later, that it has not; and who is accused by one of
// those who count may be the first that died, so it counts against X too.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runtime/cluster/membership_messages.hpp"
#include "runtime/link/link.hpp"

namespace troupe::runtime {

/// Active and draining nodes own entities and vote.
constexpr bool is_owner(member_state s) {
  return s == member_state::active || s == member_state::draining;
}

/// May still come to own: the row is not final.
constexpr bool is_live(member_state s) {
  return s == member_state::joining || is_owner(s);
}

struct watched {
  member who;
  steady_time since{};               ///< this incarnation is known
  std::optional<steady_time> heard;  ///< when its last answer came
  bool heard_since_tick = false;
  int misses = 0;  ///< pings in a row without an answer
  peer_state link = peer_state::connecting;
  std::optional<steady_time> refused;  ///< its port is closed; counts from then
  std::optional<steady_time> pings_us;
  /// When the last ping was sent whose answer counts in the present view.
  std::optional<steady_time> answered;
  std::vector<std::uint64_t> accuses;  ///< said with that answer
};

class peer_watch {
 public:
  struct config {
    std::string node;
    int misses = 3;
    /// Before its first answer a node may be connecting.
    duration patience = std::chrono::seconds(10);
  };

  explicit peer_watch(config c) : config_(std::move(c)) {}

  /// A new view: live rows of other names are watched. What was answered in the last one no longer
  /// counts.
  void follow(const std::vector<node_row>& rows, steady_time now);

  void forget_all() { peers_.clear(); }

  /// Counts who did not answer since the last tick. late: this node itself was held up, and cannot
  /// blame others.
  void tick(bool late);
  void link_changed(std::string_view node, peer_state state, steady_time now);
  /// From the watched incarnation; sent: the ping's own time.
  void ponged(watched& w, const pong& what, std::uint64_t own, std::uint64_t number,
              steady_time sent, steady_time now);

  bool suspects(const watched& w, steady_time now) const;
  bool found_refused(const watched& w, steady_time now) const;

  watched* find(std::string_view node, std::uint64_t incarnation);

  const std::map<std::string, watched, std::less<>>& peers() const { return peers_; }

  /// The latest t of the proof above; accuses: whom this node itself does. Nothing: there is none.
  std::optional<steady_time> proof(std::uint64_t own, const std::vector<std::uint64_t>& accuses,
                                   steady_time now) const;

 private:
  config config_;
  std::map<std::string, watched, std::less<>> peers_;
};

}  // namespace troupe::runtime
