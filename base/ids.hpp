// SPDX-License-Identifier: GPL-3.0-or-later
// Ids that are exact in JSON and JavaScript (below 2^53), unique over the cluster without asking
// anyone, and sorted by time: 40 bits of milliseconds since 2026-01-01, 7 bits of node number, 6
// bits of counter.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace troupe {

using id = std::int64_t;
using user_id = id;
using stream_id = id;

constexpr id largest_id = (id{1} << 53) - 1;

/// Thread: next() from any thread.
class id_generator {
 public:
  /// node_number: 0 to 127, leased with the node's incarnation.
  id_generator(const clock& clock, unsigned node_number);

  /// Greater than every id it gave before. A clock that steps back, or more than 64 ids in a
  /// millisecond, borrow from the milliseconds to come instead of waiting (waiting would block an
  /// actor).
  id next();

 private:
  const clock& clock_;
  unsigned node_number_;
  std::mutex mutex_;
  std::int64_t last_tick_ = 0;  // milliseconds since 2026 << 6 | counter
};

/// When an id was made, to the millisecond.
wall_time time_of(id value);

/// Decimal digits only, 1 to largest_id; what stands in addresses and queries.
std::optional<id> parse_id(std::string_view text);

}  // namespace troupe
