// SPDX-License-Identifier: GPL-3.0-or-later
// Answers the other nodes' requests for files of streams, out of this node's cache: a request for
// what is about to come waits in it as a viewer's does. What a link does not take now is sent again
// by tick(). Bounds: requests that wait, answers that wait for a link.
// Thread: every function from any thread; none blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "net/hls/home_cache.hpp"
#include "runtime/link/link.hpp"

namespace troupe::hls {

struct part_server_options {
  std::uint64_t incarnation = 0;  ///< this node's
  /// A node asks once for each playlist and part to come, whoever wants it there.
  std::size_t most_waiting = 4096;
  std::size_t most_unsent = 1024;
  /// Who asked asks again by then.
  duration unsent_for = std::chrono::seconds(2);
};

class part_server {
 public:
  /// All of it outlives it.
  part_server(const part_server_options& options, home_cache& home, runtime::link& way,
              const clock& time, metrics& counters);
  ~part_server();
  part_server(const part_server&) = delete;
  part_server& operator=(const part_server&) = delete;

  /// True when it was for this.
  bool received(std::string_view from, runtime::link_stream on, const runtime::envelope& what);
  void peer_changed(std::string_view node, runtime::peer_state now);
  void tick(steady_time now);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace troupe::hls
