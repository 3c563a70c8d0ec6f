// SPDX-License-Identifier: GPL-3.0-or-later
// A node of entities that a test drives by hand: nothing runs until run() or advance(), jobs run on
// the caller's thread, time stands still, the store is memory. For tests of behaviours in any
// folder.
//   entity_bench bench;
//   bench.node().add_kind<poll>([](const entity_name&) { return std::make_unique<poll>(); });
//   auto answer = bench.ask({"poll", "1"}, cast_vote{"yes"});     // runs until it is answered
//   bench.advance(std::chrono::minutes(10));                      // idle: passivated
// Thread: one.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "runtime/entities.hpp"
#include "runtime/testing/memory_entity_log.hpp"

namespace troupe::runtime::testing {

/// An answer that may not be there yet.
template <class R>
using pending = std::shared_ptr<std::optional<result<R>>>;

class entity_bench {
 public:
  /// log: a store that outlives this node, to see what another node finds.
  explicit entity_bench(memory_entity_log* log = nullptr, std::uint64_t incarnation = 1);
  ~entity_bench();
  entity_bench(const entity_bench&) = delete;
  entity_bench& operator=(const entity_bench&) = delete;

  entities& node() { return *node_; }

  manual_clock& time() { return clock_; }

  metrics& figures() { return metrics_; }

  memory_entity_log& log() { return *log_; }

  /// Everything that can happen now, jobs too.
  void run();
  /// One mailbox's turn; false when nothing is to be done.
  bool run_one();
  /// In steps of 10 ms, each with all that is due.
  void advance(duration by);

  /// Jobs wait, and run() leaves them; run_job() runs the oldest. False when none waits.
  void hold_jobs(bool held) { jobs_are_held_ = held; }

  bool run_job();

  /// As a pool does that closes: what waits is destroyed.
  void drop_jobs() { jobs_.clear(); }

  /// The pool refuses while it is full.
  void fill_pool(bool full) { pool_is_full_ = full; }

  template <message M>
  pending<typename M::answer> begin(const session& from, const entity_name& to, M m,
                                    duration deadline = std::chrono::seconds(5)) {
    auto slot = std::make_shared<std::optional<result<typename M::answer>>>();
    node_->ask<M>(from, to, std::move(m), deadline,
                  [slot](result<typename M::answer> x) { slot->emplace(std::move(x)); });
    return slot;
  }

  template <message M>
  pending<typename M::answer> begin(const entity_name& to, M m) {
    return begin(session_, to, std::move(m));
  }

  /// The answer; deadline_exceeded when there is none within 5 s.
  template <message M>
  result<typename M::answer> ask(const session& from, const entity_name& to, M m) {
    const auto slot = begin(from, to, std::move(m));
    run();
    if (!slot->has_value()) {
      advance(std::chrono::seconds(5));
    }
    return **slot;
  }

  template <message M>
  result<typename M::answer> ask(const entity_name& to, M m) {
    return ask(session_, to, std::move(m));
  }

  const session& default_session() const { return session_; }

 private:
  struct scheduler;

  manual_clock clock_;
  metrics metrics_;
  memory_entity_log own_log_;
  memory_entity_log* log_;
  std::deque<worker_pool::job> jobs_;
  bool jobs_are_held_ = false;
  bool pool_is_full_ = false;
  std::unique_ptr<scheduler> scheduler_;
  std::unique_ptr<entities> node_;
  session session_;
};

}  // namespace troupe::runtime::testing
