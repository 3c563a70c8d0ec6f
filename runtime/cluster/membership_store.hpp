// SPDX-License-Identifier: GPL-3.0-or-later
// What membership asks of the relational store: one row per node name, one number that rises with
// every change of them, and votes. The program puts storage/ behind it, tests a memory. Each call
// sees and leaves the table whole, and one that is sent after a change was answered shows it.
// Thread: every function from any thread and none blocks the caller. Callbacks come exactly once,
// on any thread, also on the caller's before the function returns. What is answered with an error
// may have been carried out, or may still be, until membership_call_limit after it was asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "runtime/cluster/view.hpp"

namespace troupe::runtime {

/// storage cuts a call that is silent for 2 s, and statements end after 1 s: this has room.
constexpr duration membership_call_limit = std::chrono::seconds(5);

struct node_row {
  member who;
  /// Of a dead one: its process has ended (all who voted found its port refused).
  bool ended = false;

  friend bool operator==(const node_row&, const node_row&) = default;
};

struct ballot {
  std::uint64_t accuser = 0;  ///< incarnation
  std::uint64_t accused = 0;  ///< incarnation
  bool refused = false;       ///< the accuser found the port of the accused closed
  duration age{};             ///< by the store's clock, as of the reading
};

struct node_table {
  std::uint64_t number = 0;  ///< raised by every change of rows; votes leave it alone
  /// Dead and left ones too, until their name joins again or a minute has passed.
  std::vector<node_row> rows;
  std::vector<ballot> ballots;
};

/// Puts a row in state joining, with an incarnation no row ever had, in place of the name's last.
struct join_request {
  std::string node;
  std::string address;
  std::vector<std::string> roles;
  /// A live incarnation of the name is replaced only if it is named here; otherwise the answer is
  /// conflict.
  std::optional<std::uint64_t> replaces;
};

struct join_answer {
  std::uint64_t incarnation = 0;
  node_table table;
};

/// Compare-and-swap: nothing is done if the number is another, or if one of the accusers has no
/// vote against the node that is younger than 5 s. Both are looked at in the transaction that
/// writes: a vote that was withdrawn must never count afterwards.
struct state_change {
  std::uint64_t expected = 0;
  std::string node;
  std::uint64_t incarnation = 0;
  member_state to = member_state::active;
  bool ended = false;
  std::vector<std::uint64_t> accusers = {};
};

struct vote_request {
  std::uint64_t accuser = 0;
  std::string accused_node;
  std::uint64_t accused = 0;
  bool refused = false;
  bool withdrawn = false;  ///< takes the vote back; else casts or renews it, its age from now
};

class membership_store {
 public:
  virtual ~membership_store() = default;

  virtual void read(callback<node_table> done) = 0;
  virtual void join(join_request what, callback<join_answer> done) = 0;
  /// The table after it: whether the change was made shows in it.
  virtual void change(state_change what, callback<node_table> done) = 0;
  /// The table after it.
  virtual void vote(vote_request what, callback<node_table> done) = 0;
};

}  // namespace troupe::runtime
