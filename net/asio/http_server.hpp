// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/1.1 (RFC 9112) over tcp_server: one request of a connection at a time, keep-alive, limits
// and deadlines. What answers is a handler of net/http/message.hpp. Thread: as tcp_server; handlers
// are called on the io_threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "net/asio/io_threads.hpp"
#include "net/asio/tcp_connection.hpp"
#include "net/asio/tcp_server.hpp"
#include "net/http/message.hpp"

namespace troupe::net {

/// A request for another protocol (Connection: upgrade), to be answered once, from any thread.
/// Destroying it unanswered answers 500.
class upgrade_request {
 public:
  using header_list = std::vector<std::pair<std::string, std::string>>;
  /// Called on the connection's thread; bytes that came with the request follow by on_bytes().
  using make_session = std::move_only_function<std::unique_ptr<tcp_session>(tcp_connection&)>;

  virtual ~upgrade_request() = default;
  /// Answers 101 with these headers (Connection: Upgrade is added) and hands the connection over.
  virtual void accept(header_list headers, make_session make) = 0;
  virtual void refuse(http::response answer) = 0;
};

using upgrade_handler =
    std::function<void(http::request, std::unique_ptr<upgrade_request> upgrade)>;

struct http_options {
  tcp_options tcp;
  std::size_t head_limit = 16 * 1024;  ///< request line and headers together, else 431
  std::size_t body_limit = 64 * 1024;  ///< else 413
  /// Another body limit for some routes; nothing: body_limit for all. Path decoded.
  std::function<std::size_t(std::string_view method, std::string_view path)> body_limit_for;
  duration head_deadline = std::chrono::seconds(10);    ///< from a head's first byte to its last
  duration body_deadline = std::chrono::seconds(30);    ///< the same of a body
  duration idle_deadline = std::chrono::seconds(75);    ///< between requests
  duration answer_deadline = std::chrono::seconds(90);  ///< for the handler, then 504
};

class http_server {
 public:
  /// answer: see http::handler. upgrade: nothing means that upgrades are ignored, as RFC 9110
  /// allows.
  static result<std::unique_ptr<http_server>> listen(io_threads& threads, http_options options,
                                                     metrics& m, http::handler answer,
                                                     upgrade_handler upgrade = {});
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  std::uint16_t port() const { return server_->port(); }

  std::size_t connections() const { return server_->connections(); }

  tcp_server& tcp() { return *server_; }

  /// Accepts no more, closes idle connections, finishes answers in flight until the deadline.
  void stop(duration deadline) { server_->stop(deadline); }

 private:
  explicit http_server(std::unique_ptr<tcp_server> server) : server_(std::move(server)) {}

  std::unique_ptr<tcp_server> server_;
};

}  // namespace troupe::net
