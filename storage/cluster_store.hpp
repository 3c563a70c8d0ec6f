// SPDX-License-Identifier: GPL-3.0-or-later
// Which nodes there are and which of them live: a row per node name, and one view number that rises
// with every change, by compare-and-swap. Facts and votes leave it alone.
//
// Times are told as ages by the store's clock: those of two machines are never compared. An age
// counts from before its change could be seen: who must wait after a change counts from the moment
// he saw it, on his own monotonic clock, never from the age.
// Thread: every function from any thread that may block.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace troupe::storage {

enum class node_state : std::uint8_t { joining, active, draining, left, dead };

/// The others have no way back: left and dead are final for an incarnation.
constexpr bool is_live(node_state s) {
  return s == node_state::joining || s == node_state::active || s == node_state::draining;
}

/// Older votes do not count.
constexpr std::chrono::milliseconds vote_lapse = std::chrono::seconds(5);  // design.md section 3

/// One node says of another that it is dead.
struct death_vote {
  std::string voter;
  std::int64_t voter_incarnation = 0;
  bool saw_refused = false;  ///< its host refused connections to the cluster port: no process there
  std::chrono::milliseconds age{0};
};

struct node_record {
  std::string name;
  std::int64_t incarnation = 0;
  node_state state = node_state::joining;
  std::string address;  ///< "host:4040"
  std::vector<std::string> roles;
  std::string version;       ///< of the program
  int id_number = 0;         ///< 0 to 127: what it makes ids with, its own while it lives
  std::string facts;         ///< JSON for people: ports, load
  bool was_refused = false;  ///< of a dead one: all who voted saw_refused
  std::chrono::milliseconds since_join{0};
  std::chrono::milliseconds since_change{0};  ///< of its state
  std::vector<death_vote> votes;              ///< about this incarnation, by the voters' names
};

struct cluster_record {
  std::int64_t view = 0;           ///< 0: nobody ever joined
  std::vector<node_record> nodes;  ///< by name
};

struct join_request {
  std::string name;
  std::string address = {};
  std::vector<std::string> roles = {};  ///< without commas
  std::string version = {};
  std::string facts = {};
  /// The live incarnation of this name of which the caller knows that its process is gone, or that
  /// it is itself: see cluster_store::join().
  std::optional<std::int64_t> replaces = {};
};

struct join_outcome {
  std::int64_t incarnation = 0;
  int id_number = 0;
  std::int64_t view = 0;
};

struct node_change {
  std::int64_t expected_view = 0;
  std::string name;
  std::int64_t incarnation = 0;
  std::vector<node_state> from = {};  ///< live ones
  node_state to = node_state::active;
  bool was_refused = false;  ///< kept with node_state::dead
  /// Incarnations that must have a vote against it that counts: younger than vote_lapse, and with
  /// saw_refused where was_refused. Looked at in the same transaction.
  std::vector<std::int64_t> accusers = {};
};

struct change_outcome {
  bool applied = false;   ///< false: another view, incarnation or state than expected
  std::int64_t view = 0;  ///< the present one
};

struct vote_request {
  std::string target;
  std::int64_t target_incarnation = 0;
  std::string voter;
  std::int64_t voter_incarnation = 0;
  bool saw_refused = false;
};

struct refresh_outcome {
  node_state state = node_state::joining;
  std::int64_t view = 0;
};

/// How many numbers there are to make ids with, hence the most nodes that live at once.
constexpr int most_nodes = 128;
/// Of facts, in bytes.
constexpr std::size_t most_facts = 16384;

class cluster_store {
 public:
  virtual ~cluster_store() = default;

  /// Everything, as of one moment.
  [[nodiscard]] virtual result<cluster_record> read() = 0;

  /// A new incarnation of the name, in state joining, in place of the one before, which is thereby
  /// gone for good. Its incarnation is larger than any that a node ever had; its id number is held
  /// by no live node, and of those the one unused for longest.
  ///
  /// Of two processes with one name at most one gets in: a live incarnation is replaced only by who
  /// names it in `replaces`. Who may do so: a process that holds the lock of the name's data folder
  /// or has just bound the port at the row's address, which are ends of the process that had them;
  /// and a node that reads of its own death or rejoins. Who knows no better waits until the others
  /// find the old one dead. After an error it may have been applied: the row then is the caller's
  /// own, to be replaced, if it has the address whose port the caller holds.
  ///
  /// Errors: conflict (node_is_live; too_many_nodes: all id numbers are held), unavailable
  /// (store_busy: lost to others again and again), invalid_argument.
  [[nodiscard]] virtual result<join_outcome> join(const join_request& wanted) = 0;

  /// Applied only in the expected view, which it raises by one, and with the votes that it names.
  /// Errors: invalid_argument (a state to leave that is final, none, or joining to come to).
  [[nodiscard]] virtual result<change_outcome> change(const node_change& wanted) = 0;

  /// Says it, or says it again; whether it counts: both are live incarnations as named.
  [[nodiscard]] virtual result<bool> vote(const vote_request& wanted) = 0;
  [[nodiscard]] virtual result<void> withdraw_vote(std::string_view target,
                                                   std::int64_t target_incarnation,
                                                   std::string_view voter,
                                                   std::int64_t voter_incarnation) = 0;

  /// Writes the node's facts; nothing when the name has another incarnation or none by now.
  /// Errors: too_large.
  [[nodiscard]] virtual result<std::optional<refresh_outcome>> refresh(std::string_view name,
                                                                       std::int64_t incarnation,
                                                                       std::string_view facts) = 0;

  /// Forgets at most limit nodes that left or died longer ago than that, and raises the view if
  /// there were any; answers how many.
  [[nodiscard]] virtual result<std::size_t> remove_gone(std::chrono::milliseconds longer_than,
                                                        int limit) = 0;
};

}  // namespace troupe::storage
