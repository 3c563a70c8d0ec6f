// SPDX-License-Identifier: GPL-3.0-or-later
// The list of live streams over WebSockets, put together for one node. Thread: made and gone on one
// thread; the rest as the parts have it.
#pragma once

#include <memory>

#include "actors/stream/list_signal.hpp"
#include "app/config.hpp"
#include "net/asio/io_threads.hpp"
#include "net/ws/list_edge.hpp"

namespace troupe::app {

class list_parts {
 public:
  /// All of it must live longer. stored: whose word makes the list look at the store at once.
  list_parts(const ws::list_dependencies& d, net::io_threads& threads, const limits_config& limits,
             stream::list_signal& stored);
  ~list_parts();
  list_parts(const list_parts&) = delete;
  list_parts& operator=(const list_parts&) = delete;

  ws::list_edge& edge() { return *edge_; }

 private:
  stream::list_signal& stored_;
  std::unique_ptr<ws::list_edge> edge_;
};

}  // namespace troupe::app
