// SPDX-License-Identifier: GPL-3.0-or-later
// Commands for entities on other nodes, the sender's side: who owns the name (cached, else asked of
// whom the view proposes, after a second `moved` read from its row), what is on its way there, and
// when it is sent again: when the owner is another one, the way to it is new, it says `expected n`,
// or it is silent. Receives what other nodes send to entities here, too (router_inbox.cpp).
// Bounds: names that are cached, senders that wait. What waits ends with its deadline (lane).
// Thread: every function from any thread. Locks: a lane's before this one's before the link's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/detail/executor.hpp"
#include "runtime/detail/lane.hpp"
#include "runtime/entities.hpp"
#include "runtime/entity_log.hpp"
#include "runtime/link/link.hpp"

namespace troupe::runtime::detail {

class node;

class router {
 public:
  enum class way : std::uint8_t { here, taken };

  router(node& n, const cluster_parts& parts, entity_log& log, metrics& m);
  ~router();
  router(const router&) = delete;
  router& operator=(const router&) = delete;

  /// Before the node's strands go.
  void close();

  /// A new command, under its lane's lock: sends it, or keeps it for the owner that is looked for.
  /// Errors: unavailable (too_many_waiting, node_gone), too_large (message_too_large).
  result<way> route(const std::shared_ptr<lane>& via, const command_ptr& what);
  /// From a claim, or a node's answer.
  void learn(const entity_name& name, const entity_owner& owner);
  void redirect(const entity_name& name, const command_ptr& what, const entity_owner& owner,
                bool may_be_applied);

  /// The same, where the owner is not known: this node may not own it any more.
  void send_elsewhere(const entity_name& name, const command_ptr& what, bool may_be_applied);

  bool received(std::string_view from, const envelope& what);
  void peer_changed(std::string_view node, peer_state now);
  void view_changed();

  /// Back to the node a command came from; lost when it cannot be sent (it will ask again).
  void reply(std::string_view to, std::uint64_t to_incarnation, envelope what);

 private:
  struct sender_entry {
    std::shared_ptr<lane> via;
    bool is_current = false;     ///< all its open commands went to the present owner, by this way
    std::uint64_t expected = 0;  ///< what was asked for last
    steady_time expected_at{};
  };

  /// What is known of a name.
  struct target {
    std::optional<entity_owner> owner;
    int moves = 0;  ///< in a row, without an answer between
    bool is_reading = false;
    std::string asked;  ///< whom, last
    bool is_asking = false;
    steady_time asked_at{};
    steady_time heard_at{};  ///< an answer, or that everything was sent again
    bool is_posted = false;  ///< pursue() comes
    std::unordered_map<session_id, sender_entry, session_hash> senders;
  };

  struct kept_figures {
    metrics::counter& sent;
    metrics::counter& sent_again;
    metrics::counter& redirects;
    metrics::counter& refused;
    metrics::counter& ignored;
    metrics::gauge& waiting;
  };

  // With mutex_ held.
  target& target_of(const entity_name& name);
  void post_pursue(const entity_name& name, target& t);
  static void make_stale(target& t);
  sender_entry& entry_of(const entity_name& name, target& t, const std::shared_ptr<lane>& via);
  std::optional<entity_owner> present_owner(const entity_name& name, const target& t) const;
  void adopt(const entity_name& name, target& t, const entity_owner& o);
  void arm();

  // On the strand, without mutex_.
  void tick();
  void pursue(const entity_name& name);
  void ask(const entity_name& name, const std::string& node, std::uint64_t incarnation);
  void read_row(const entity_name& name);
  void row_is_read(const entity_name& name, const result<std::optional<entity_owner>>& got);
  void flush(const entity_name& name, const entity_owner& to);
  void flush_one(const std::shared_ptr<lane>& via, const entity_owner& to);
  bool begin_flush(const lane& via, const entity_owner& to);
  void abandon(const entity_name& name, const error& why);
  void drop_idle(const entity_name& name, const std::shared_ptr<lane>& via);
  std::vector<std::shared_ptr<lane>> lanes_to(const entity_name& name);
  void mark_stale(const entity_name& name, const session_id& s);
  /// Whoever has what is open there sends it again.
  void way_is_new(std::string_view node);

  /// Errors: too_large (it never fits), unavailable (not_sent).
  result<void> send(const entity_owner& to, const lane& via, const command_ptr& what,
                    std::uint64_t closed_since);
  bool is_self(const entity_owner& o) const;
  bool is_live(const entity_owner& o) const;
  std::optional<std::uint64_t> incarnation_of(std::string_view node) const;
  /// For names that carry their node; no node in it: it will never be there again.
  entity_owner owner_by_name(const entity_name& name) const;
  std::optional<entity_owner> proposal(const entity_name& name) const;
  bool is_on_node(const entity_name& name) const;

  // router_inbox.cpp
  void take_command(std::string_view from, const envelope& what);
  void take_control(std::string_view from, const envelope& what);
  void take_answer(std::string_view from, const envelope& what);
  void ask_for_first(const entity_name& name, const std::shared_ptr<lane>& via);
  void take_locate(std::string_view from, const envelope& what);
  void take_owner(std::string_view from, const envelope& what);
  void take_refused(std::string_view from, const envelope& what);
  void take_expected(std::string_view from, const envelope& what);
  void take_session_lost(const envelope& what);
  std::shared_ptr<lane> lane_of(const entity_name& name, const session_id& s);

  node& node_;
  link& link_;
  const view_source& members_;
  entity_log& log_;
  kept_figures figures_;
  strand_ptr strand_;

  std::mutex mutex_;
  std::unordered_map<entity_name, target> targets_;
  std::unordered_set<entity_name> busy_;  // with senders
  std::size_t entries_ = 0;               // senders of all targets
  std::size_t drop_at_;
  bool is_armed_ = false;
  std::uint64_t seen_view_ = 0;
};

}  // namespace troupe::runtime::detail
