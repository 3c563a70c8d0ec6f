// SPDX-License-Identifier: GPL-3.0-or-later
// Virtual time and chance: everything of a simulation happens through one world, so that the same
// seed gives the same run, to the last event. Thread: one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "base/clock.hpp"

namespace troupe::simulation {

class world {
 public:
  explicit world(std::uint64_t seed, bool traced = false) : traced_(traced), state_(seed) {}

  /// True time; what nodes read on their clocks differs.
  steady_time now() const { return now_; }

  void after(duration delay, std::function<void()> f);
  /// Everything due until then.
  void run_for(duration length);

  std::uint64_t number_below(std::uint64_t limit);
  bool chance(double probability);
  duration between(duration least, duration most);

  /// Kept only when traced; the last few thousand lines.
  template <class... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) {
    if (traced_) {
      add_line(fmt::format(format, std::forward<Args>(args)...));
    }
  }

  /// A broken promise. The run goes on; the first is what counts.
  template <class... Args>
  void violated(fmt::format_string<Args...> format, Args&&... args) {
    broken_.push_back(at() + fmt::format(format, std::forward<Args>(args)...));
    trace("VIOLATED {}", broken_.back());
  }

  const std::vector<std::string>& broken() const { return broken_; }

  std::string trace_text() const;

 private:
  struct event {
    steady_time when;
    std::uint64_t order;
    std::function<void()> f;
  };

  struct later {
    bool operator()(const event& a, const event& b) const {
      return a.when != b.when ? a.when > b.when : a.order > b.order;
    }
  };

  std::string at() const;
  void add_line(std::string text);

  bool traced_;
  std::uint64_t state_;
  steady_time now_{std::chrono::hours(1)};
  std::uint64_t order_ = 0;
  std::priority_queue<event, std::vector<event>, later> events_;
  std::vector<std::string> broken_;
  std::deque<std::string> lines_;
};

}  // namespace troupe::simulation
