// SPDX-License-Identifier: GPL-3.0-or-later
// A command's sender as the entity's side sees it: who it is, what it says of its numbers, and the
// way back to it. A lane is the one of a sender on this node, remote_reply of one on another.
// Thread: every function from any thread; none blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "runtime/detail/command.hpp"
#include "runtime/session.hpp"

namespace troupe::runtime::detail {

/// What the sender says about a command.
struct claimed_order {
  sender from;
  std::uint64_t floor = 0;  ///< all below are closed
  /// It was sent before and its fate is not known: an entity that does not know the sender must
  /// not apply it. What was answered "expected n" has a known fate.
  bool may_be_applied = false;
  /// All from here to the number itself are closed: given up, and never sent again. 0: not said.
  std::uint64_t closed_since = 0;
  /// Of the target when it was first sent: no activation before this epoch can have applied it.
  /// 0: not known.
  std::uint64_t first_epoch = 0;
};

class reply_path {
 public:
  virtual ~reply_path() = default;
  virtual session_id session() const = 0;
  /// On this node: when it is gone, so is the sender.
  virtual bool is_local() const = 0;
  virtual claimed_order order_of(const command& what) const = 0;

  virtual void answer(std::uint64_t number, erased_answer with) = 0;
  /// The entity lacks what came before number, from expected on. Returns what is still wanted of
  /// these, with number itself; or nothing when it comes again by itself.
  virtual std::vector<command_ptr> missing(std::uint64_t expected, std::uint64_t number) = 0;
  /// The entity does not know this sender: nothing of what it has on its way is applied.
  virtual void session_lost(std::uint64_t number, const error& why) = 0;
};

}  // namespace troupe::runtime::detail
