// SPDX-License-Identifier: GPL-3.0-or-later
// What one publisher may use up: a bucket of turns that fills with time, and bytes per period.
// Thread: none of its own.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace troupe::rtmp {

/// So many at once, then one per interval.
class turn_allowance {
 public:
  turn_allowance(int burst, duration interval) : interval_(interval), depth_(burst * interval) {}

  bool take(steady_time now) {
    const auto full_at = std::max(full_at_, now) + interval_;
    if (full_at - now > depth_) {
      return false;
    }
    full_at_ = full_at;
    return true;
  }

 private:
  duration interval_;
  duration depth_;
  steady_time full_at_{};
};

/// Bytes within the running period.
class byte_allowance {
 public:
  explicit byte_allowance(duration period) : period_(period) {}

  /// Counts them; false when they are more than limit_bps (bits/s; 0: no limit) allows.
  bool take(std::size_t count, std::int64_t limit_bps, steady_time now) {
    if (now - since_ >= period_) {
      since_ = now;
      used_ = 0;
    }
    used_ += count;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(period_).count();
    return limit_bps == 0 || used_ <= static_cast<std::uint64_t>(limit_bps / 8 * seconds);
  }

 private:
  duration period_;
  steady_time since_{};
  std::uint64_t used_ = 0;
};

}  // namespace troupe::rtmp
