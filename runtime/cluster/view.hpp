// SPDX-License-Identifier: GPL-3.0-or-later
// The nodes of the cluster as one node knows them, and what it may do by that: the only things the
// entity runtime asks of membership. Thread: a view is plain data and never changes once shared; a
// view_source may be asked from any thread and does not block.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace troupe::runtime {

enum class member_state : std::uint8_t { joining, active, draining, left, dead };

struct member {
  std::string node;
  std::uint64_t incarnation = 0;
  member_state state = member_state::joining;
  std::string address = {};             ///< "10.0.0.2:4040"
  std::vector<std::string> roles = {};  ///< "edge", "rooms", …

  friend bool operator==(const member&, const member&) = default;
};

/// The nodes as the store has them; number rises with every change.
struct view {
  std::uint64_t number = 0;
  std::vector<member> members;
};

class view_source {
 public:
  virtual ~view_source() = default;
  /// Never nothing. The same object while nothing has changed.
  virtual std::shared_ptr<const runtime::view> view() const = 0;
  /// The right to own: whether this node may serve its entities at this moment.
  virtual bool may_serve(steady_time now) const = 0;
  /// Whether what that incarnation owned may be served by others: it is dead or gone, and so long
  /// that it has stopped by itself (or is known to have ended).
  virtual bool may_take_from(std::string_view node, std::uint64_t incarnation,
                             steady_time now) const = 0;
};

}  // namespace troupe::runtime
