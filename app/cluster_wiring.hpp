// SPDX-License-Identifier: GPL-3.0-or-later
// What makes one of several nodes of a process: the cluster port, the membership and its store, and
// what nodes ask each other for operators. Not made where a node is alone.
// Life: join() -> attach() -> drain() -> leave() -> stop(). The port is opened first and closed
// last: to the others a closed one means that the process has ended.
// Thread: join(), attach() and what blocks from one thread; the rest from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/config.hpp"
#include "app/peer_calls.hpp"
#include "app/stored_membership.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "base/worker_pool.hpp"
#include "runtime/cluster/member.hpp"
#include "runtime/detail/executor.hpp"
#include "runtime/entities.hpp"
#include "runtime/link/grpc_link.hpp"
#include "storage/database.hpp"

namespace troupe::app {

class media_wiring;

/// All of it must live longer.
struct cluster_needs {
  const config& conf;
  const node_config& self;
  const clock& time;
  metrics& counters;
  /// The others have found this node dead, or its name is another's: nothing may be served any
  /// more, and the process has to begin anew. Once at most; must not block.
  std::function<void(std::string_view why)> on_death;
};

/// Kinds whose names say on which node they are; the store has no row of them.
bool is_bound_to_node(std::string_view kind);
/// The role of the nodes that such entities live on; empty: any.
std::string_view role_for(std::string_view kind);

class cluster_wiring {
 public:
  /// Whether the node is one of several: cluster.conf lists more, or the store knows of some.
  /// Blocks.
  static result<bool> is_wanted(const config& conf, storage::database& store);

  /// Opens the port and joins; blocks, for half a minute at most. Errors: of the port, the
  /// certificates and the store; unavailable (not_joined).
  static result<std::unique_ptr<cluster_wiring>> join(cluster_needs n);
  ~cluster_wiring();
  cluster_wiring(const cluster_wiring&) = delete;
  cluster_wiring& operator=(const cluster_wiring&) = delete;

  std::uint64_t incarnation() const { return incarnation_; }

  /// What this incarnation makes ids with.
  unsigned id_number() const { return id_number_; }

  std::uint16_t port() const { return link_->port(); }

  runtime::cluster_parts parts() { return {link_.get(), member_.get()}; }

  peer_calls& peers() { return *peers_; }

  const runtime::cluster_member& member() const { return *member_; }

  /// All kinds are there: what comes for entities, and of files, is handed on from now on. on_view:
  /// after each change of the view, on a thread of the wiring's; must not block.
  void attach(runtime::entities& e, media_wiring& files, std::function<void()> on_view);

  /// Why this node is no full member; nothing: it is one.
  std::optional<std::string> why_not_ready() const;
  /// Whether what one node does for all is this one's to do, as of now.
  bool is_housekeeper() const;
  /// Forgets nodes that are gone for long. Blocks.
  void sweep();

  /// Gets nothing new from now on; blocks until the store has it, for three seconds at most.
  void drain();
  /// When nothing is left here; blocks likewise.
  void leave();
  /// Nothing is received or said any more. The destructor does it too.
  void stop();

 private:
  explicit cluster_wiring(cluster_needs n);

  result<void> open_port();
  result<void> open_store();
  result<void> come_in();
  void receive(std::string_view from, runtime::link_stream on, runtime::envelope what);
  void peer_changed(std::string_view node, runtime::peer_state now);
  void view_changed();
  std::vector<std::string> newly_active();
  void died(std::string_view why);
  std::string address() const;
  runtime::membership_config membership_options() const;
  /// Until it is so, or the limit: whether it is.
  bool wait_for(duration limit, const std::function<bool()>& is_so);

  const cluster_needs needs_;
  std::atomic<runtime::entities*> entities_ = nullptr;
  std::atomic<media_wiring*> files_ = nullptr;  // with entities_
  std::uint64_t incarnation_ = 0;
  unsigned id_number_ = 0;
  std::atomic<bool> stopped_ = false;
  // Outlive the threads, whose last call may be just running when they end.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t joined_ = 0;                                // guarded
  bool has_left_ = false;                                   // guarded
  std::function<void()> on_view_;                           // guarded
  std::set<std::pair<std::string, std::uint64_t>> active_;  // guarded: with their incarnations

  std::unique_ptr<storage::database> store_;  // connections for membership alone
  std::unique_ptr<worker_pool> pool_;
  std::unique_ptr<stored_membership> membership_;
  std::unique_ptr<runtime::detail::executor> threads_;  // pings wait behind no entity
  std::unique_ptr<runtime::listening_link> link_;
  std::unique_ptr<runtime::cluster_member> member_;
  std::unique_ptr<peer_calls> peers_;
};

}  // namespace troupe::app
