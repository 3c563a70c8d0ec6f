// SPDX-License-Identifier: GPL-3.0-or-later
// A simulated cluster: processes on one network and one store, and the promises that are checked
// after everything that any of them does. Thread: one.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "network.hpp"
#include "process.hpp"
#include "store.hpp"
#include "world.hpp"

namespace troupe::simulation {

class cluster {
 public:
  cluster(std::uint64_t seed, std::size_t nodes, plants p = {}, bool traced = false);

  /// One more, with a clock of its own; it is not started.
  process& add();
  process* find(const std::string& name);

  std::deque<process>& processes() { return processes_; }

  const std::vector<std::string>& entities() const { return entities_; }

  void start_all();

  void run_for(duration length) { time.run_for(length); }

  /// Every entity is served by one node at most.
  void check();
  /// Whether who runs is active, may serve, and knows what the store has; and nobody else lives.
  bool is_well() const;
  /// is_well() within that time, or a violation.
  void must_get_well(duration within);
  void right_changed(const process& who, bool may_serve);

  /// Rights lost by nodes that ran on, by name.
  std::map<std::string, int> rights_lost;
  /// Who may not lose its right, or be declared dead, as the scenario has it.
  bool nobody_may_falter = false;

  world time;
  network net;
  store data;
  const plants planted;

 private:
  std::deque<process> processes_;
  std::vector<std::string> entities_{"1", "2", "3", "4"};
};

}  // namespace troupe::simulation
