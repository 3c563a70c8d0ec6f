// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/list_wiring.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "net/ws/io_loop.hpp"

namespace troupe::app {

list_parts::list_parts(const ws::list_dependencies& d, net::io_threads& threads,
                       const limits_config& limits, stream::list_signal& stored)
    : stored_(stored) {
  ws::list_settings s;
  s.sockets_total = static_cast<std::size_t>(limits.list_sockets_total);
  s.sockets_per_address = static_cast<std::size_t>(limits.list_sockets_per_address);
  s.connects_per_minute_per_address = static_cast<int>(limits.requests_per_minute_address);
  std::vector<std::unique_ptr<ws::loop>> loops;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    loops.push_back(ws::loop_of(threads.at(i)));
  }
  edge_ = std::make_unique<ws::list_edge>(s, d, ws::loop_of(threads.at(0)), std::move(loops));
  stored_.attach([edge = edge_.get()] { edge->nudge(); });
}

list_parts::~list_parts() {
  stored_.detach();
}

}  // namespace troupe::app
