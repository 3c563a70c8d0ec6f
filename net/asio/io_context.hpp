// SPDX-License-Identifier: GPL-3.0-or-later
// The Asio side of io_thread. Included by net/asio/*.cpp only.
#pragma once

#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "net/asio/io_threads.hpp"

namespace troupe::net {

struct io_thread::impl {
  explicit impl(std::size_t n)
      : number(n), context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO), work(context.get_executor()) {}

  std::size_t number;
  // One thread does all its I/O, so the reactor needs no locks; post() keeps its own.
  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::thread thread;
};

}  // namespace troupe::net
