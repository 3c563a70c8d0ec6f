// SPDX-License-Identifier: GPL-3.0-or-later
// What was refused, counted by why: one counter with a label of a closed set. Thread: any.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/metrics.hpp"

namespace troupe::ws {

class refusals {
 public:
  /// label: its name; values: all that add() may be given, and whatever else is counted as "other".
  refusals(metrics& m, const std::string& name, const std::string& help, const std::string& label,
           std::span<const std::string_view> values)
      : other_(m.make_counter(name, help, {{label, "other"}})) {
    for (const auto value : values) {
      counters_.emplace(value, &m.make_counter(name, help, {{label, std::string(value)}}));
    }
  }

  void add(std::string_view value) {
    const auto found = counters_.find(value);
    (found == counters_.end() ? other_ : *found->second).add();
  }

 private:
  metrics::counter& other_;
  std::map<std::string, metrics::counter*, std::less<>> counters_;
};

}  // namespace troupe::ws
