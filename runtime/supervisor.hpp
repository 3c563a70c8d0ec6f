// SPDX-License-Identifier: GPL-3.0-or-later
// Supervision of a node's services, as in OTP: a tree of specifications, restarts by strategy,
// an intensity beyond which a supervisor gives up and fails in its parent, back-off with jitter.
// Escalation ends below the root: a top supervisor that gives up stays down ("failed") and its
// siblings run on.
// Thread: one at a time; the runtime gives it an actor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "runtime/tree_node.hpp"

namespace troupe::runtime {

/// A part of the node that runs: a listener, a sweeper, a pool. Its destructor ends it, after
/// stop(), and must not take long.
class service {
 public:
  virtual ~service() = default;

  /// Orderly: stop accepting, finish, flush.
  virtual void stop() {}
};

enum class strategy : std::uint8_t {
  one_for_one,   ///< restart the one that failed
  rest_for_one,  ///< and those started after it
  one_for_all,   ///< restart all
};

enum class restart : std::uint8_t {
  permanent,  ///< always
  transient,  ///< only after a failure
  temporary,  ///< never
};

/// What a service calls when it ends by itself; an empty error is a normal end. From any thread,
/// at most once counts.
using end_callback = std::function<void(result<void>)>;

struct child_spec {
  std::string name;
  std::function<result<std::unique_ptr<service>>(end_callback)> start;
  runtime::restart restart = runtime::restart::permanent;
};

struct restart_intensity {
  int restarts = 5;
  duration within = std::chrono::seconds(10);
};

struct backoff {
  duration first = std::chrono::milliseconds(100);
  duration most = std::chrono::seconds(60);

  /// After the given number of failures in a row (from 1): doubled each time, up to most, times a
  /// jitter between 0.5 and 1.
  duration after(int failures, std::minstd_rand& random) const;
};

struct supervisor_spec {
  std::string name;
  runtime::strategy strategy = strategy::one_for_one;
  restart_intensity intensity{};
  runtime::backoff backoff{};
  std::vector<std::variant<child_spec, supervisor_spec>> children{};
};

/// One supervisor and what is below it.
class supervisor {
 public:
  struct environment {
    const clock& time;
    /// Calls f on the supervisor's thread after delay; from any thread.
    std::function<void(duration delay, std::function<void()> f)> later;
    std::uint64_t seed = 1;
  };

  /// given_up: called when the intensity is spent and everything below is stopped.
  supervisor(supervisor_spec spec, environment env, std::function<void(error)> given_up);
  ~supervisor();
  supervisor(const supervisor&) = delete;
  supervisor& operator=(const supervisor&) = delete;

  /// Starts the children in order; when one fails at first start, those started are stopped and
  /// its error is returned.
  result<void> start();
  /// Stops the children in reverse order; nothing is restarted after.
  void stop();
  tree_node tree() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace troupe::runtime
