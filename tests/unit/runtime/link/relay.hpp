// SPDX-License-Identifier: GPL-3.0-or-later
// A TCP relay on loopback that a test can fall silent: connections stay and new ones are taken, but
// nothing goes through, as with a host that lost its network. One thread.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/runtime/link/raw_socket.hpp"

namespace troupe::runtime {

class relay {
 public:
  explicit relay(std::uint16_t target)
      : target_(target), port_(listener_.listen()), thread_([this] { run(); }) {}

  ~relay() {
    is_over_ = true;
    thread_.join();
    for (const auto& c : pairs_) {
      ::close(c.fd);
    }
  }

  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  std::uint16_t port() const { return port_; }

  void fall_silent(bool silent) { is_silent_ = silent; }

 private:
  struct way_pair {
    int fd = -1;  // the accepted side
    std::unique_ptr<raw_socket> out;
    bool is_open = true;
  };

  /// What is there, to the other side. False when one of them is gone.
  static bool pass(int from, int to) {
    char space[64 * 1024];
    const auto got = ::recv(from, space, sizeof space, MSG_DONTWAIT);
    if (got <= 0) {
      return got < 0;
    }
    for (ssize_t sent = 0; sent < got;) {
      const auto now = ::send(to, space + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (now <= 0) {
        return false;
      }
      sent += now;
    }
    return true;
  }

  void run() {
    while (!is_over_) {
      if (is_silent_) {
        ::poll(nullptr, 0, 5);
        continue;
      }
      std::vector<pollfd> watched{{listener_.fd(), POLLIN, 0}};
      for (const auto& c : pairs_) {
        watched.push_back({c.is_open ? c.fd : -1, POLLIN, 0});
        watched.push_back({c.is_open ? c.out->fd() : -1, POLLIN, 0});
      }
      ::poll(watched.data(), watched.size(), 5);
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        auto& c = pairs_[i];
        const bool in = watched[2 * i + 1].revents != 0;
        const bool out = watched[2 * i + 2].revents != 0;
        if ((in && !pass(c.fd, c.out->fd())) || (out && !pass(c.out->fd(), c.fd))) {
          ::shutdown(c.fd, SHUT_RDWR);
          ::shutdown(c.out->fd(), SHUT_RDWR);
          c.is_open = false;
        }
      }
      if (watched.front().revents != 0) {
        way_pair fresh{::accept(listener_.fd(), nullptr, nullptr), std::make_unique<raw_socket>()};
        fresh.is_open = fresh.out->connect(target_);
        pairs_.push_back(std::move(fresh));
      }
    }
  }

  const std::uint16_t target_;
  raw_socket listener_;
  const std::uint16_t port_;
  std::vector<way_pair> pairs_;  // the thread's alone
  std::atomic<bool> is_silent_ = false;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace troupe::runtime
