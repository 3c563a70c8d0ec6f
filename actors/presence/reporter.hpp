// SPDX-License-Identifier: GPL-3.0-or-later
// Entity presence/NODE: five times a second, tells rooms how many people watch here and the store
// how many watched. Started by: the node, which tells it tick{}; again after a crash. Owns:
// nothing, tracker and recorder keep all. Thread: CAF worker pool, never blocks.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/presence/recorder.hpp"
#include "actors/presence/tracker.hpp"
#include "runtime/behaviour.hpp"
#include "storage/audience_store.hpp"
#include "storage/stream_store.hpp"

namespace troupe::presence {

/// Five times a second from the node's housekeeping.
struct tick {
  static constexpr std::string_view type = "presence.tick";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

template <class Inspector>
auto inspect(Inspector& f, tick&) {
  return f();
}

/// A count goes through two ticks, the room's second and the list's half, and is shown within 2 s.
constexpr auto tick_period = std::chrono::milliseconds(200);

/// What it borrows; all of it must live longer.
struct reporter_dependencies {
  tracker& people;
  recorder& sums;
  storage::stream_store& streams;
  storage::audience_store& audience;
  std::string node;
  std::function<void()> on_stored = {};  ///< when counts were stored; must not block
};

class reporter {
 public:
  static constexpr std::string_view kind = "presence";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<tick>;

  struct state {};

  explicit reporter(const reporter_dependencies& d) : d_(d) {}

  void on(runtime::context& ctx, const tick& m);

  state data;

 private:
  void report(runtime::context& ctx);
  void find_channels(runtime::context& ctx);
  void record(runtime::context& ctx);

  const reporter_dependencies& d_;
  bool is_recording_ = false;
};

template <class Inspector>
auto inspect(Inspector& f, reporter::state&) {
  return f();
}

}  // namespace troupe::presence
