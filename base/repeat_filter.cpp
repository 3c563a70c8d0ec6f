// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/repeat_filter.hpp"

#include <utility>

namespace troupe {

std::optional<std::uint64_t> repeat_filter::admit(std::string key, steady_time now) {
  const std::lock_guard lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end() && entries_.size() >= most_keys_) {
    std::erase_if(entries_, [&](const auto& e) { return now - e.second.said >= interval_; });
    if (entries_.size() >= most_keys_) {
      key.clear();
      found = entries_.find(key);
    }
  }
  if (found == entries_.end()) {
    entries_.emplace(std::move(key), entry{.said = now});
    return 0;
  }
  auto& e = found->second;
  if (now - e.said < interval_) {
    ++e.quiet;
    return std::nullopt;
  }
  e.said = now;
  return std::exchange(e.quiet, 0);
}

}  // namespace troupe
