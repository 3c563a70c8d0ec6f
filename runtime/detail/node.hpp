// SPDX-License-Identifier: GPL-3.0-or-later
// What stands behind entities: the names active on this node, the way of a command to them, and
// what they share (clock, committer, pool, metrics). Thread: every function from any thread.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/detail/committer.hpp"
#include "runtime/detail/entity_host.hpp"
#include "runtime/detail/executor.hpp"
#include "runtime/entities.hpp"

namespace troupe::runtime::detail {

/// A kind and its figures.
struct kind_state {
  kind_entry entry;
  metrics::counter* activations;
  metrics::counter* passivations;
  metrics::counter* restarts;
  metrics::counter* refused;
  metrics::counter* moves;
  metrics::gauge* active;
  metrics::gauge* waiting;
  std::unique_ptr<std::atomic<std::size_t>> hosts = std::make_unique<std::atomic<std::size_t>>(0);
};

struct node_parts {
  node_options options;
  const clock& time;
  metrics& figures;
  job_runner run_job;
  entity_log& log;
  std::unique_ptr<detail::executor> executor;
  cluster_parts cluster = {};
};

class router;
struct drain_state;

class node {
 public:
  explicit node(node_parts parts);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  void add_kind(kind_entry entry);
  std::shared_ptr<session_state> open_session(bool is_internal);
  void submit(const std::shared_ptr<session_state>& from, const entity_name& to,
              const command_ptr& what, duration deadline, answer_callback done);
  std::optional<location> where(const entity_name& name);
  tree_node tree();
  node_status status();
  result<void> supervise(supervisor_spec spec);
  void stop(duration deadline, callback<void> done);

  // For entity_host.
  /// Takes the name off this node, unless something waits for it.
  bool retire(entity_host& host);
  std::shared_ptr<const runtime::view> view() const;

  /// The right to own.
  bool may_serve() const {
    return parts_.cluster.members == nullptr || parts_.cluster.members->may_serve(time().now());
  }

  bool is_clustered() const { return router_ != nullptr; }

  /// Whether what was just claimed may be served: its last owner has stopped.
  bool is_free(const stored_entity& claimed) const;
  void learn(const entity_name& name, const entity_owner& owner);
  /// A command that waited here for an entity that is elsewhere.
  void redirect(const entity_name& name, const command_ptr& what, const entity_owner& owner,
                bool may_be_applied);
  void tell(const entity_owner& to, envelope what);
  void send_elsewhere(const entity_name& name, const command_ptr& what, bool may_be_applied);

  // For the router.
  result<void> deliver_here(const command_ptr& what, const entity_name& to);
  void locate_here(const entity_name& name, locate_callback then);
  bool has_host(const entity_name& name);
  /// Nothing for an unknown kind or what is no name.
  const kind_state* kind_of(const entity_name& name) const;

  bool is_draining() const { return is_draining_.load(std::memory_order_relaxed); }

  const strand_ptr& edge() const { return edge_; }

  // Of a node of a cluster.
  bool received(std::string_view from, link_stream on, const envelope& what);
  void peer_changed(std::string_view peer, peer_state now);
  void move(const entity_name& name, const std::string& to, callback<duration> done);
  void drain(callback<std::size_t> done);
  void share(const std::string& with, callback<std::size_t> done);
  /// A control message of a move.
  void heed(std::string_view from, const entity_name& name, const envelope& what);
  void view_changed();

  std::uint64_t next_local_epoch() { return ++local_epochs_; }

  bool run_job(worker_pool::job j) { return parts_.run_job(std::move(j)); }

  const clock& time() const { return parts_.time; }

  entity_log& log() { return parts_.log; }

  committer& commits() { return *commits_; }

  const node_options& options() const { return parts_.options; }

  message_registry& messages() { return messages_; }

  executor& strands() { return *parts_.executor; }

 private:
  struct shard {
    std::mutex mutex;
    std::unordered_map<entity_name, std::shared_ptr<entity_host>> hosts;
  };

  struct armed_lane {
    steady_time deadline;
    std::weak_ptr<lane> which;

    friend bool operator>(const armed_lane& a, const armed_lane& b) {
      return a.deadline > b.deadline;
    }
  };

  struct deadline_queue : std::priority_queue<armed_lane, std::vector<armed_lane>, std::greater<>> {
    void drop_dead();
  };

  shard& shard_of(const entity_name& name);
  result<void> deliver(const std::shared_ptr<lane>& via, const command_ptr& what,
                       const entity_name& to, bool is_internal);
  result<std::shared_ptr<entity_host>> host_of(shard& in, const entity_name& name);
  void refuse(answer_callback done, error why);
  void arm(steady_time deadline, const std::shared_ptr<lane>& which);
  void wake_at(steady_time when);
  void expire();
  void drain_all();
  void drained();
  void abandon_all();
  void stop_services();
  template <class F>
  void for_each_host(F f);
  void drain_next(const std::shared_ptr<drain_state>& all);
  std::optional<std::string> proposed(const runtime::view& v, const entity_name& name) const;

  node_parts parts_;
  message_registry messages_;
  std::map<std::string, kind_state, std::less<>> kinds_;
  std::array<shard, 16> shards_;
  std::atomic<std::size_t> hosts_{0};
  std::atomic<std::uint64_t> local_epochs_{0};
  std::atomic<std::uint64_t> sessions_{0};
  std::shared_ptr<committer> commits_;
  std::array<std::shared_ptr<const runtime::view>, 2> alone_;  // active, draining
  std::unique_ptr<router> router_;                             // with several nodes
  metrics::counter& undelivered_;

  /// Runs deadlines and refusals: callbacks that belong to no entity.
  strand_ptr edge_;
  std::mutex deadlines_mutex_;
  deadline_queue deadlines_;
  std::size_t sweep_at_ = 1024;  // deadlines of lanes that are gone are dropped from here on
  std::optional<steady_time> wakes_at_;

  /// Runs the supervisors.
  strand_ptr services_strand_;
  mutable std::mutex services_mutex_;
  std::vector<std::pair<std::string, std::unique_ptr<supervisor>>> services_;

  std::atomic<bool> is_draining_{false};
  std::atomic<bool> is_closed_{false};  // the destructor runs: no new hosts
  std::mutex stop_mutex_;
  callback<void> stopped_;
};

template <class F>
void node::for_each_host(F f) {
  for (auto& in : shards_) {
    std::vector<std::shared_ptr<entity_host>> found;
    {
      const std::lock_guard lock(in.mutex);
      for (const auto& [name, host] : in.hosts) {
        found.push_back(host);
      }
    }
    for (const auto& host : found) {
      f(*host);
    }
  }
}

/// Behind entities' constructor; tests bring their own executor.
std::unique_ptr<executor> make_caf_executor(std::size_t threads);

}  // namespace troupe::runtime::detail
