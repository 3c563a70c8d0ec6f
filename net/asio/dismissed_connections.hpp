// SPDX-License-Identifier: GPL-3.0-or-later
// Connections that are refused with a sentence. The peer may still be sending its request, and a
// close with unread bytes resets the connection, which can destroy the sentence before it is read
// (RFC 9112, 9.6): so each stays open for a moment, unread, among a bounded number of others.
// Thread: that of the io_thread given to see_off().
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/clock.hpp"
#include "net/asio/io_threads.hpp"

namespace troupe::net {

class dismissed_connections {
 public:
  dismissed_connections() = default;
  dismissed_connections(const dismissed_connections&) = delete;
  dismissed_connections& operator=(const dismissed_connections&) = delete;

  ~dismissed_connections() { close(); }

  /// Takes fd over: writes what the kernel takes at once, ends our side, closes it a second later,
  /// or when most others have come meanwhile.
  void see_off(int fd, std::string_view farewell, io_thread& thread);

  /// All of them, now.
  void close();

 private:
  struct leaving {
    int fd = -1;
    steady_time since{};
  };

  static void close(leaving& one);
  void close_those_in_time(io_thread& thread);

  // A flood of ten thousand a second leaves each 6 ms, and takes no more descriptors than these.
  std::array<leaving, 64> all_{};
  std::size_t next_ = 0;  // the oldest
  timer timer_;
  bool is_armed_ = false;
};

}  // namespace troupe::net
