// SPDX-License-Identifier: GPL-3.0-or-later
// The node's entity runtime as everyone outside of entities sees it: kinds are added at start,
// then anyone asks and tells by name. Thread: add_kind() before the first message; everything else
// from any thread. Callbacks run on an actor thread: they must not block or throw.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/worker_pool.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/entity_log.hpp"
#include "runtime/entity_name.hpp"
#include "runtime/link/link.hpp"
#include "runtime/message_registry.hpp"
#include "runtime/session.hpp"
#include "runtime/supervisor.hpp"
#include "runtime/tree_node.hpp"

namespace troupe::runtime {

/// Hands a blocking job to a pool; false when it has no room. [&pool](auto job) { return
/// pool.submit(std::move(job)); }
using job_runner = std::function<bool(worker_pool::job)>;

/// Which node is proposed for a name that nobody owns.
enum class placement : std::uint8_t {
  anywhere,     ///< the names of a kind are spread over the nodes
  near_sender,  ///< the node that asks first: a stream, where its publisher is connected
  on_node,  ///< the id begins with its node, as in relay/b/812 and viewer/b.7/812: no other has it
};

struct kind_options {
  /// Without a message for so long, an activation ends. Zero: only when it says so (passivate());
  /// then no timer holds memory for it.
  duration idle = std::chrono::minutes(10);
  /// Messages that may wait for one entity; beyond it the answer is unavailable (mailbox_full).
  std::size_t mailbox_limit = 1000;
  /// Senders remembered per entity; beyond it the longest silent is forgotten.
  std::size_t sender_limit = 1024;
  /// Names that may be here at once; beyond it the answer is unavailable (too_many_entities).
  std::size_t activation_limit = 100'000;
  /// Runs context::run()'s jobs; empty: the node's. For a kind that must not wait behind others.
  job_runner run_job = {};
  placement placed = placement::anywhere;
  /// Only nodes with this role are proposed, while there are any; empty: all are.
  std::string role = {};
  /// What its commands travel on between nodes: `media` for those that are large.
  link_stream way = link_stream::commands;
};

struct node_options {
  std::string node = "a";
  /// No other start of this node has it.
  std::uint64_t incarnation = 1;
  /// 0: as many as there are cores.
  std::size_t threads = 0;
  /// Of the jitter in back-offs; 0: from the incarnation.
  std::uint64_t seed = 0;
};

/// What makes one of several nodes of it. Both live longer.
struct cluster_parts {
  link* way = nullptr;
  const view_source* members = nullptr;
};

struct location {
  std::string node;
  std::uint64_t epoch = 0;
  std::string state;  ///< "claiming", "activating", "active", "passivating", "backing_off"
};

struct kind_status {
  std::string kind;
  std::size_t active = 0;
  std::size_t waiting = 0;
  std::uint64_t restarts = 0;
};

struct node_status {
  std::string node;
  std::uint64_t incarnation = 0;
  std::string state;  ///< "active" or "draining"
  std::vector<kind_status> kinds;
};

namespace detail {

using behaviour_factory = std::function<std::unique_ptr<any_behaviour>(const entity_name&)>;

struct kind_entry {
  std::string kind;
  keep kept = keep::none;
  std::uint32_t version = 1;
  kind_options options;
  behaviour_factory make;
};

class node;

}  // namespace detail

class entities {
 public:
  /// clock, metrics and log outlive it.
  entities(const node_options& options, const clock& c, metrics& m, job_runner run_job,
           entity_log& log, const cluster_parts& cluster = {});
  /// For runtime/testing.
  explicit entities(std::unique_ptr<detail::node> made);
  /// Ends every activation at once, without its last commits; stop() is the orderly way.
  ~entities();
  entities(const entities&) = delete;
  entities& operator=(const entities&) = delete;

  /// make(const entity_name&) -> std::unique_ptr<B>, called for each activation on its thread.
  template <behaviour B, class Factory>
  void add_kind(const Factory& make, const kind_options& options = {}) {
    registry().add(typename B::messages{});
    add_kind(detail::kind_entry{std::string(B::kind), B::keep, B::version, options,
                                [make](const entity_name& name) {
                                  return std::make_unique<detail::typed_behaviour<B>>(make(name));
                                }});
  }

  session open_session();

  /// Errors besides the entity's own: unavailable (mailbox_full, too_many_in_flight,
  /// backing_off, node_stopping, activation_lost), not_found (unknown_kind), invalid_argument
  /// (invalid_name), unsupported (unknown_message), conflict (session_lost: it may have been
  /// applied, and will not be again), deadline_exceeded, internal (the entity crashed on it).
  template <message M>
  void ask(const session& from, const entity_name& to, M m, duration deadline,
           callback<typename M::answer> done) {
    submit(from, to, std::make_shared<detail::typed_command<M>>(std::move(m)), deadline,
           [done = std::move(done)](erased_answer x) mutable {
             done(detail::restore<typename M::answer>(x));
           });
  }

  /// One-way: what cannot be delivered is counted and dropped. It counts as in flight until it was
  /// handled.
  template <message M>
  void tell(const session& from, const entity_name& to, M m) {
    submit(from, to, std::make_shared<detail::typed_command<M>>(std::move(m)),
           std::chrono::seconds(30), {});
  }

  /// Where the entity is active now; nothing when it is not.
  std::optional<location> where(const entity_name& name) const;
  /// Services and kinds with their activations, at most 1,000 of each kind.
  tree_node tree() const;
  node_status status() const;
  message_registry& registry();

  /// Gives an entity that is active here to another node; done, on an actor thread: how long it was
  /// away. Errors: not_found (not_here), invalid_argument (no_such_node), conflict (not_movable),
  /// unavailable (busy: it had work that did not end; not_taken).
  void move(const entity_name& name, const std::string& node, callback<duration> done);
  /// Gives away all that can be moved, 16 at a time, to whom the view proposes without this node
  /// (which is draining by then), and ends what is bound to this node when nothing waits for it.
  /// done: how many could not be moved.
  void drain(callback<std::size_t> done);
  /// Gives a node that has joined what the view proposes for it, 16 at a time. Until its turn an
  /// entity is served where it is. done: how many could not be moved.
  void share(const std::string& with, callback<std::size_t> done);

  // Of a node of a cluster. Who owns the link hands on what concerns entities, from any thread.

  /// True when it was for entities: commands, answers and control messages "entity.…".
  bool received(std::string_view from, link_stream on, const envelope& what);
  void peer_changed(std::string_view node, peer_state now);
  void view_changed();

  /// Starts services under the node's root; a spec's name must be new.
  result<void> supervise(supervisor_spec spec);

  /// Refuses new commands of sessions, lets activations finish what waits, commit and passivate,
  /// stops services in reverse order. done: on an actor thread, with deadline_exceeded when
  /// something was left at the deadline.
  void stop(duration deadline, callback<void> done);

 private:
  void add_kind(detail::kind_entry entry);
  void submit(const session& from, const entity_name& to, const detail::command_ptr& what,
              duration deadline, detail::answer_callback done);

  std::unique_ptr<detail::node> node_;
};

}  // namespace troupe::runtime
