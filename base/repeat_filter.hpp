// SPDX-License-Identifier: GPL-3.0-or-later
// Lets one line per key and interval into the log, so that a peer that fails again and again cannot
// fill it. Bounded: beyond most_keys all further ones share a key. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.hpp"

namespace troupe {

class repeat_filter {
 public:
  repeat_filter(duration interval, std::size_t most_keys)
      : interval_(interval), most_keys_(most_keys) {}

  /// Whether to say it now, and how many like it were kept quiet since the last time.
  std::optional<std::uint64_t> admit(std::string key, steady_time now);

 private:
  struct entry {
    steady_time said{};
    std::uint64_t quiet = 0;
  };

  const duration interval_;
  const std::size_t most_keys_;
  std::mutex mutex_;
  std::unordered_map<std::string, entry> entries_;
};

}  // namespace troupe
