// SPDX-License-Identifier: GPL-3.0-or-later
// The simulated network between nodes, by name: delay, loss, duplicates, reordering, cuts in one
// direction, hosts that are off, and ports that nobody listens at. What travels is a function that
// delivers it. Thread: one.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "world.hpp"

namespace troupe::simulation {

class network {
 public:
  struct weather {
    duration least = std::chrono::microseconds(100);
    duration most = std::chrono::milliseconds(5);
    double loss = 0;
    double twice = 0;
  };

  enum class door : std::uint8_t { open, refuses, silent };

  explicit network(world& w) : world_(w) {}

  void set_weather(weather w) { weather_ = w; }

  /// The process listens; a dead process's port is refused, a host that is off is silent.
  void set_door(const std::string& node, door d) { doors_[node] = d; }

  void cut(const std::string& from, const std::string& to) { cuts_.insert({from, to}); }

  void mend(const std::string& from, const std::string& to) { cuts_.erase({from, to}); }

  void mend_all() { cuts_.clear(); }

  bool carries(const std::string& from, const std::string& to) const {
    return !cuts_.contains({from, to});
  }

  /// What a connection attempt finds.
  door knock(const std::string& from, const std::string& to) const;
  void send(const std::string& from, const std::string& to, const std::function<void()>& deliver);

 private:
  world& world_;
  weather weather_;
  std::map<std::string, door> doors_;
  std::set<std::pair<std::string, std::string>> cuts_;
};

}  // namespace troupe::simulation
