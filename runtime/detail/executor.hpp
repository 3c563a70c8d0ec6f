// SPDX-License-Identifier: GPL-3.0-or-later
// What the runtime needs of an actor library: strands, which run what they are given one after
// another, now or later. runtime/caf makes one actor of each. Thread: every function from any
// thread; what is posted runs on an actor thread.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"
#include "runtime/detail/command.hpp"

namespace troupe::runtime::detail {

using task = std::move_only_function<void()>;

class strand {
 public:
  virtual ~strand() = default;
  /// Hands the command to the strand's on_command, after everything given before.
  virtual void deliver(command_ptr what) = 0;
  virtual void post(task what) = 0;
  virtual void post_after(duration delay, task what) = 0;
  /// Drops what is left, and everything given later. on_command is destroyed.
  virtual void close() = 0;
};

using strand_ptr = std::shared_ptr<strand>;
using command_handler = std::function<void(command_ptr)>;

class executor {
 public:
  virtual ~executor() = default;
  virtual strand_ptr make_strand(command_handler on_command) = 0;
};

}  // namespace troupe::runtime::detail
