// SPDX-License-Identifier: GPL-3.0-or-later
// One node, put together: stores, actors and edges from a configuration, started and stopped in
// order. Thread: start(), stop() and the destructor from one thread, which they block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "app/config.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::app {

/// Of one of several nodes: the others have found it dead. Nothing may be served any more; the
/// process has to end in haste and begin anew. Called once at most, on any thread; must not block.
using death_callback = std::function<void(std::string_view why)>;

class node {
 public:
  /// Errors: of the data folder, the store, the keys, the cluster, and ports that are taken.
  static result<std::unique_ptr<node>> start(const config& c, const node_config& self,
                                             death_callback on_death = {});
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  std::uint16_t http_port() const;
  std::uint16_t rtmp_port() const;  ///< 0 without the ingest role

  /// One of several nodes: gives away what it holds, for drain_timeout at most. Alone, or before it
  /// has started: nothing.
  void give_away();
  /// Takes no more work, finishes what runs, writes what must be written. What has not begun after
  /// a moment is refused; ends within about 9 s, unless a call to the store outlasts its own
  /// deadline. In haste: only sockets are told; the rest belongs to others. The destructor calls
  /// it.
  void stop(bool in_haste = false);

 private:
  struct parts;

  explicit node(std::unique_ptr<parts> p);

  std::unique_ptr<parts> parts_;
};

/// `troupe serve`: starts the node, says so, waits for SIGTERM or SIGINT, stops it. The exit code
/// of the program.
int serve(const config& c, const node_config& self);

}  // namespace troupe::app
