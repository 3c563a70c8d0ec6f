// SPDX-License-Identifier: GPL-3.0-or-later
// A plain blocking client on 127.0.0.1, for tests of servers. Every wait ends after patience.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace troupe::test {

constexpr auto patience = std::chrono::seconds(20);

/// Waits for what another thread brings about.
template <class Condition>
bool eventually(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

class client {
 public:
  /// receive_buffer: SO_RCVBUF, small for a reader that is meant to be slow; 0: the system's.
  explicit client(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer != 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  client(client&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)),
        connected_(other.connected_),
        unread_(std::move(other.unread_)) {}

  client& operator=(client&&) = delete;

  ~client() { close(); }

  bool connected() const { return connected_; }

  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// How much the kernels take before somebody has to read, or limit.
  std::size_t send_until_full(std::size_t limit) {
    const std::string block(64 * 1024, 'x');
    std::size_t total = 0;
    while (total < limit) {
      const auto sent = ::send(fd_, block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      pollfd writable{fd_, POLLOUT, 0};
      if (sent > 0) {
        total += static_cast<std::size_t>(sent);
      } else if (::poll(&writable, 1, 200) == 0) {
        break;
      }
    }
    return total;
  }

  /// One read; empty at the end, after an error or when patience ends.
  std::string read_some() {
    if (!unread_.empty()) {
      return std::exchange(unread_, {});
    }
    pollfd readable{fd_, POLLIN, 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
    if (::poll(&readable, 1, static_cast<int>(ms)) <= 0) {
      timed_out_ = true;
      return {};
    }
    std::string block(64 * 1024, '\0');
    const auto got = ::recv(fd_, block.data(), block.size(), 0);
    was_reset_ = got < 0;
    block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return block;
  }

  std::string read_exactly(std::size_t size) {
    std::string all;
    while (all.size() < size) {
      const auto more = read_some();
      if (more.empty()) {
        break;
      }
      all += more;
    }
    if (all.size() > size) {
      unread_ = all.substr(size);
      all.resize(size);
    }
    return all;
  }

  std::string read_to_end() {
    std::string all;
    for (auto more = read_some(); !more.empty(); more = read_some()) {
      all += more;
    }
    return all;
  }

  /// Whether the peer has closed in order, and nothing was left to read.
  bool at_end() { return read_some().empty() && !was_reset_ && !timed_out_; }

  struct response {
    int status = 0;
    std::string head;
    std::string body;
  };

  /// By Content-Length; status 0 when the connection ends before.
  response read_response(bool has_body = true) {
    std::string all;
    auto end = all.npos;
    while ((end = all.find("\r\n\r\n")) == all.npos) {
      const auto more = read_some();
      if (more.empty()) {
        return {};
      }
      all += more;
    }
    response r;
    r.head = all.substr(0, end + 2);
    unread_ = all.substr(end + 4);
    r.status = std::stoi(r.head.substr(9, 3));
    constexpr std::string_view name = "\r\nContent-Length: ";
    const auto length = r.head.find(name);
    if (has_body && length != r.head.npos) {
      r.body = read_exactly(std::stoul(r.head.substr(length + name.size())));
    }
    return r;
  }

  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  void close() {
    if (fd_ >= 0) {
      ::close(std::exchange(fd_, -1));
    }
  }

  /// As a crash of the peer looks: RST instead of FIN.
  void vanish() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

  bool was_reset() const { return was_reset_; }

 private:
  int fd_;
  bool connected_ = false;
  bool was_reset_ = false;
  bool timed_out_ = false;
  std::string unread_;
};

}  // namespace troupe::test
