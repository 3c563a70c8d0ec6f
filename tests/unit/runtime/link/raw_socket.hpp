// SPDX-License-Identifier: GPL-3.0-or-later
// TCP on loopback without anything on top: what a peer that is none does.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace troupe::runtime {

class raw_socket {
 public:
  raw_socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}

  ~raw_socket() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  raw_socket(const raw_socket&) = delete;
  raw_socket& operator=(const raw_socket&) = delete;

  bool connect(std::uint16_t port) {
    const auto to = loopback(port);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  /// On a free port, which it answers; 0: failed. Takes connections without ever saying a word.
  std::uint16_t listen() {
    auto on = loopback(0);
    socklen_t size = sizeof on;
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&on), sizeof on) != 0 ||
        ::listen(fd_, 64) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&on), &size) != 0) {
      return 0;
    }
    return ntohs(on.sin_port);
  }

  void send(std::string_view data) { (void)!::send(fd_, data.data(), data.size(), MSG_NOSIGNAL); }

  /// Reads until the other side closes. False when it does not in time.
  bool wait_closed() {
    char space[4096];
    for (;;) {
      pollfd p{fd_, POLLIN, 0};
      if (::poll(&p, 1, 30'000) <= 0) {
        return false;
      }
      if (::recv(fd_, space, sizeof space, 0) <= 0) {
        return true;
      }
    }
  }

  int fd() const { return fd_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }

  int fd_;
};

/// A port that nobody listens on.
inline std::uint16_t closed_port() {
  raw_socket once;
  return once.listen();
}

}  // namespace troupe::runtime
