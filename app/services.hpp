// SPDX-License-Identifier: GPL-3.0-or-later
// What a node's supervisors look after: ports, and what is done again and again. A port that is
// lost is opened anew, with growing pauses; work that throws goes on; a tree that keeps failing
// stays down, and the node runs on without it. Thread: functions from any; services as
// runtime/supervisor.hpp.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "net/asio/io_threads.hpp"
#include "net/asio/tcp_server.hpp"
#include "runtime/supervisor.hpp"

namespace troupe::app {

/// Accepts connections. The server outlives the entities' services, or is destroyed before them.
runtime::child_spec listener(std::string name, net::tcp_server& server);

/// What a piece of work that goes on elsewhere says when it has failed.
using failure_callback = std::function<void(const std::exception&)>;

/// Calls what, on the thread, after each period. What it throws, and what it says by its callback,
/// is a failure of the service.
runtime::child_spec periodic(std::string name, net::io_thread& thread, duration period,
                             std::function<void(const failure_callback&)> what);

/// Ports may be taken for minutes; meanwhile they are tried for every half minute.
runtime::supervisor_spec edges(std::vector<runtime::child_spec> listeners);
runtime::supervisor_spec upkeep(std::vector<runtime::child_spec> work);

}  // namespace troupe::app
