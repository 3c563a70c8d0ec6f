// SPDX-License-Identifier: GPL-3.0-or-later
// The parts that count who watches, put together for one node. Thread: as presence::tracker.
#pragma once

#include <functional>
#include <string>

#include "actors/presence/recorder.hpp"
#include "actors/presence/reporter.hpp"
#include "actors/presence/tracker.hpp"
#include "actors/stream/list_signal.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "runtime/entities.hpp"
#include "storage/database.hpp"

namespace troupe::app {

class presence_parts {
 public:
  /// All of it must live longer. watchers: of chat, the most that are counted. stored: told when
  /// counts were.
  presence_parts(storage::database& store, const clock& time, metrics& counters, std::string node,
                 std::size_t watchers, const stream::list_signal& stored);

  presence::tracker& people() { return people_; }

  presence::recorder& sums() { return sums_; }

  void add_kind(runtime::entities& entities);
  /// Wakes the reporter; to be called every presence::tick_period.
  std::function<void()> ticker(runtime::entities& entities) const;

 private:
  presence::tracker people_;
  presence::recorder sums_;
  presence::reporter_dependencies needs_;
};

}  // namespace troupe::app
