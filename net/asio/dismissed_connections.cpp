// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/dismissed_connections.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace troupe::net {
namespace {

constexpr auto patience = std::chrono::seconds(1);

}  // namespace

void dismissed_connections::see_off(int fd, std::string_view farewell, io_thread& thread) {
  // A fresh socket's buffer is empty and larger than any farewell; a peer that is gone gets none.
  static_cast<void>(::send(fd, farewell.data(), farewell.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  ::shutdown(fd, SHUT_WR);
  auto& place = all_[next_];
  next_ = (next_ + 1) % all_.size();
  close(place);
  place = {.fd = fd, .since = std::chrono::steady_clock::now()};
  if (!std::exchange(is_armed_, true)) {
    timer_ = thread.call_after(patience, [this, &thread] { close_those_in_time(thread); });
  }
}

void dismissed_connections::close_those_in_time(io_thread& thread) {
  const auto now = std::chrono::steady_clock::now();
  for (auto& each : all_) {
    if (now - each.since >= patience) {
      close(each);
    }
  }
  is_armed_ = std::ranges::any_of(all_, [](const leaving& l) { return l.fd >= 0; });
  if (is_armed_) {
    timer_ = thread.call_after(patience, [this, &thread] { close_those_in_time(thread); });
  }
}

void dismissed_connections::close(leaving& one) {
  if (one.fd >= 0) {
    ::close(std::exchange(one.fd, -1));
  }
}

void dismissed_connections::close() {
  timer_.cancel();
  is_armed_ = false;
  std::ranges::for_each(all_, [](leaving& l) { close(l); });
}

}  // namespace troupe::net
