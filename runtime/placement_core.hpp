// SPDX-License-Identifier: GPL-3.0-or-later
// Where entities live, as pure functions of events: who should own a name (view, rendezvous
// hashing), and one name's life on this node: claim -> activate -> active -> passivate -> gone,
// with its own restart intensity. No clock, no thread, no I/O: step(event) -> actions, so that a
// test can run any schedule. The actor around it (entity_host) carries the actions out.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/entity_name.hpp"
#include "runtime/supervisor.hpp"

namespace troupe::runtime {

/// Whom the view proposes for a name that has no owner: the active node with the highest
/// hash(node, name), of those with the role if there are any such. Nothing when no node is active.
/// Only a proposal: the store's row decides.
std::optional<std::string> propose_owner(const view& v, const entity_name& name,
                                         std::string_view role = {});

enum class phase : std::uint8_t {
  idle,          ///< not here
  claiming,      ///< asked the store for the name
  activating,    ///< owned; state is loaded, activate() runs
  active,        ///< serves
  passivating,   ///< finishes, takes nothing new
  handing_over,  ///< finishes, takes nothing new, then another node has it
  taking_over,   ///< gets the state from the owner, then swaps
  backing_off,   ///< failed too often: refuses until a time
};

std::string_view to_string(phase p);

/// The reason of a refusal that speaks of this node alone: another may take the name.
inline constexpr std::string_view not_a_member = "not_a_member";

// Events.
struct wanted {};  ///< a message waits

struct claimed {
  std::uint64_t epoch = 0;
};

struct claim_failed {
  error why;
};

struct owned_elsewhere {};  ///< the claim found a living owner, another one

struct activated {};

struct died {  ///< the behaviour threw, failed, lost a commit or was fenced
  error why;
};

struct quiet {};  ///< idle for long enough, asked to passivate, or the node drains

struct passivated {};

struct leaving {};  ///< another node shall have it

struct stayed {};  ///< it could not be readied for that: nothing was given away

struct kept_here {  ///< nobody took it: swapped to this node again
  std::uint64_t epoch = 0;
};

struct taken {};  ///< the other node has swapped

struct offered {};  ///< its owner gives it to this node

using placement_event =
    std::variant<wanted, claimed, claim_failed, owned_elsewhere, activated, died, quiet, passivated,
                 leaving, stayed, kept_here, taken, offered>;

// Actions.
struct claim {};

struct start {
  std::uint64_t epoch = 0;
};

struct serve {};  ///< handle what waits

struct discard {};  ///< drop the activation; what waits stays

struct refuse {  ///< answer everything that waits
  error why;
};

struct seal {};  ///< run passivate(), end the last commit

struct release {};  ///< the name is free; what came meanwhile is wanted again

struct redirect {};  ///< what waits goes to the owner

struct prepare {};  ///< end what was begun, seal, offer the state

using placement_action =
    std::variant<claim, start, serve, discard, refuse, seal, release, redirect, prepare>;

/// One name's life on one node.
class placement_core {
 public:
  struct config {
    std::string node;
    restart_intensity intensity;  ///< design.md section 3: 5 in 10 s
    runtime::backoff backoff{std::chrono::seconds(1), std::chrono::seconds(60)};
    std::uint64_t seed = 1;
  };

  placement_core(entity_name name, config c);

  [[nodiscard]] std::vector<placement_action> step(const placement_event& event, steady_time now,
                                                   const view& v);

  runtime::phase phase() const { return phase_; }

  /// Of the present or last activation; 0 before the first.
  std::uint64_t epoch() const { return epoch_; }

  std::uint64_t restarts() const { return restarts_; }

  /// While backing off.
  steady_time refuses_until() const { return until_; }

  /// No failure is recent: nothing is lost when this object goes.
  bool is_forgettable(steady_time now) const;

 private:
  using actions = std::vector<placement_action>;
  actions change(runtime::phase from, runtime::phase to, actions then);
  actions on_wanted(steady_time now, const view& v);
  actions on_died(const error& why, steady_time now);

  entity_name name_;
  config config_;
  std::minstd_rand random_;
  runtime::phase phase_ = runtime::phase::idle;
  std::uint64_t epoch_ = 0;
  std::uint64_t restarts_ = 0;
  std::vector<steady_time> failures_;  // within the intensity's window
  int backoffs_ = 0;                   // in a row
  steady_time until_{};
};

}  // namespace troupe::runtime
