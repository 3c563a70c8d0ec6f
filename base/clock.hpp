// SPDX-License-Identifier: GPL-3.0-or-later
// Time as an argument, so that tests own it.
// Thread: clock::now() and wall() may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace troupe {

using duration = std::chrono::nanoseconds;
using steady_time = std::chrono::time_point<std::chrono::steady_clock, duration>;
/// Microseconds: what PostgreSQL and ISO 8601 fractions carry without loss.
using wall_time = std::chrono::sys_time<std::chrono::microseconds>;

class clock {
 public:
  virtual ~clock() = default;
  virtual steady_time now() const = 0;
  virtual wall_time wall() const = 0;
};

/// The machine's clock; lives as long as the program.
const clock& system_clock();

/// A clock that stands still until it is moved.
class manual_clock final : public clock {
 public:
  steady_time now() const override;
  wall_time wall() const override;
  void advance(duration by);

 private:
  mutable std::mutex mutex_;
  steady_time now_{std::chrono::hours(1)};
  wall_time wall_{std::chrono::sys_days{std::chrono::year{2026} / 1 / 15}};
};

/// "2026-01-15T10:30:00.123Z": RFC 3339, milliseconds, UTC, as all of the HTTP interface and
/// playlists have it.
std::string to_iso8601(wall_time t);
std::int64_t to_unix_ms(wall_time t);
wall_time from_unix_ms(std::int64_t ms);

}  // namespace troupe
