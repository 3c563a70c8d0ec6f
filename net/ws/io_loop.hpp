// SPDX-License-Identifier: GPL-3.0-or-later
// A loop on an io_thread, which outlives it. Thread: as loop.
#pragma once

#include <memory>

#include "net/asio/io_threads.hpp"
#include "net/ws/loop.hpp"

namespace troupe::ws {

std::unique_ptr<loop> loop_of(net::io_thread& thread);

}  // namespace troupe::ws
