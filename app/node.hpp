// SPDX-License-Identifier: GPL-3.0-or-later
// One node, put together: stores, actors and edges from a configuration, started and stopped in
// order. Thread: start(), stop() and the destructor from one thread, which they block.
#pragma once

#include <cstdint>
#include <memory>

#include "app/config.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::app {

class node {
 public:
  /// Errors: of the data folder, the store, the keys, and ports that are taken.
  static result<std::unique_ptr<node>> start(const config& c, const node_config& self);
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  std::uint16_t http_port() const;
  std::uint16_t rtmp_port() const;  ///< 0 without the ingest role

  /// Takes no more work, finishes what runs, writes what must be written; within about 9 s. The
  /// destructor calls it.
  void stop();

 private:
  struct parts;

  explicit node(std::unique_ptr<parts> p);

  std::unique_ptr<parts> parts_;
};

/// `troupe serve`: starts the node, says so, waits for SIGTERM or SIGINT, stops it. The exit code
/// of the program.
int serve(const config& c, const node_config& self);

}  // namespace troupe::app
