// SPDX-License-Identifier: GPL-3.0-or-later
// Several nodes of entities in one test, driven by hand: one clock, one store in memory, one
// network in memory, no threads; the same calls give the same run. Membership is what the test
// says.
//   cluster_bench cluster;                                    // nodes a, b and c, all active
//   cluster.add_kind<poll>([](const entity_name&) { return std::make_unique<poll>(); });
//   cluster.ask("a", {"poll", "1"}, cast_vote{1, "yes"});     // sent from a, wherever the poll is
//   cluster.move({"poll", "1"}, "b");
//   cluster.crash("b");                                       // kill -9, and its death is known
//   cluster.ask("a", {"poll", "1"}, cast_vote{2, "yes"});     // answered by another node
// Thread: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/entities.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "runtime/testing/memory_entity_log.hpp"
#include "runtime/testing/memory_network.hpp"

namespace troupe::runtime::testing {

class cluster_bench {
 public:
  explicit cluster_bench(const std::vector<std::string>& nodes = {"a", "b", "c"});
  ~cluster_bench();
  cluster_bench(const cluster_bench&) = delete;
  cluster_bench& operator=(const cluster_bench&) = delete;

  /// On every node, also on those that start later.
  template <behaviour B, class Factory>
  void add_kind(const Factory& make, const kind_options& options = {}) {
    add_to_all([make, options](entities& e, const std::string&) { e.add_kind<B>(make, options); });
  }

  /// make(node's name) gives the factory.
  template <behaviour B, class Make>
  void add_kind_by_node(const Make& make, const kind_options& options = {}) {
    add_to_all([make, options](entities& e, const std::string& node) {
      e.add_kind<B>(make(node), options);
    });
  }

  // Nodes. A node that crashed is not to be named until it is started again.

  void start(const std::string& node);  ///< joins as active, with a new incarnation
  /// Its process is dead at once; the others know of it when declare_dead() says so.
  void kill(const std::string& node);
  /// Final for its incarnation. It may be taken from after the delay.
  void declare_dead(const std::string& node, duration takeable_after = {});
  /// Both, without a delay, as when its host refuses connections.
  void crash(const std::string& node);
  void set_state(const std::string& node, member_state s);
  /// The right to own.
  void may_serve(const std::string& node, bool may);

  bool is_running(const std::string& node) const;
  entities& node(const std::string& name);
  const session& session_on(const std::string& node) const;
  metrics& figures(const std::string& node);
  /// As that start of the node has them.
  const view_source& members_of(const std::string& node) const;
  std::uint64_t incarnation(const std::string& node) const;

  memory_entity_log& log() { return log_; }

  memory_network& network() { return network_; }

  manual_clock& time() { return clock_; }

  /// The node where it is active now; empty: nowhere. "a and b" when one does not know yet that it
  /// lost the name.
  std::string home_of(const entity_name& name) const;

  /// Gives it to another node: how long it was away. deadline_exceeded when that took 5 s.
  result<duration> move(const entity_name& name, const std::string& to);
  pending<duration> begin_move(const entity_name& name, const std::string& to);
  /// Everything that can be moved, to the others; how many could not.
  std::size_t drain(const std::string& node);

  /// Everything that can happen now.
  void run();
  /// One thing of what can happen now, by chance; false when there is nothing.
  bool run_one(std::mt19937& chance);
  /// In steps of 10 ms, each with all that is due.
  void advance(duration by);
  /// Only the clock and what it makes due: nothing runs.
  void pass(duration by);

  template <message M>
  pending<typename M::answer> begin(const std::string& on, const session& from,
                                    const entity_name& to, M m,
                                    duration deadline = std::chrono::seconds(5)) {
    auto slot = std::make_shared<std::optional<result<typename M::answer>>>();
    node(on).ask<M>(from, to, std::move(m), deadline,
                    [slot](result<typename M::answer> x) { slot->emplace(std::move(x)); });
    return slot;
  }

  template <message M>
  pending<typename M::answer> begin(const std::string& on, const entity_name& to, M m) {
    return begin(on, session_on(on), to, std::move(m));
  }

  /// The answer; deadline_exceeded when there is none within 5 s.
  template <message M>
  result<typename M::answer> ask(const std::string& on, const entity_name& to, M m) {
    const auto slot = begin(on, to, std::move(m));
    run();
    for (int i = 0; i < 51 && !slot->has_value(); ++i) {
      advance(std::chrono::milliseconds(100));
    }
    return **slot;
  }

 private:
  class members;
  using adder = std::function<void(entities&, const std::string&)>;

  struct one;

  void add_to_all(adder add);
  void change_view(const std::function<void(std::vector<member>&)>& change);
  static bool run_task(one& n);

  manual_clock clock_;
  memory_entity_log log_;
  memory_network network_;
  std::vector<adder> kinds_;
  std::shared_ptr<const runtime::view> view_ = std::make_shared<const runtime::view>();
  std::map<std::pair<std::string, std::uint64_t>, steady_time> takeable_;
  std::uint64_t last_incarnation_ = 0;
  std::map<std::string, std::unique_ptr<one>> nodes_;
};

}  // namespace troupe::runtime::testing
