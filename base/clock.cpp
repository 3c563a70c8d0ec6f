// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/clock.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe {
namespace {

class machine_clock final : public clock {
 public:
  steady_time now() const override { return std::chrono::steady_clock::now(); }

  wall_time wall() const override {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  }
};

}  // namespace

const clock& system_clock() {
  static const machine_clock machine;
  return machine;
}

steady_time manual_clock::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

wall_time manual_clock::wall() const {
  const std::lock_guard lock(mutex_);
  return wall_;
}

void manual_clock::advance(duration by) {
  const std::lock_guard lock(mutex_);
  now_ += by;
  wall_ += std::chrono::floor<std::chrono::microseconds>(by);
}

std::string to_iso8601(wall_time t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::milliseconds>(t - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

std::int64_t to_unix_ms(wall_time t) {
  return std::chrono::floor<std::chrono::milliseconds>(t).time_since_epoch().count();
}

wall_time from_unix_ms(std::int64_t ms) {
  return wall_time(std::chrono::milliseconds(ms));
}

}  // namespace troupe
