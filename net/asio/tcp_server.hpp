// SPDX-License-Identifier: GPL-3.0-or-later
// Accepts TCP connections within limits and spreads them over the io_threads, fewest first.
// Thread: every function from any thread except the io_threads' own.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "net/asio/address.hpp"
#include "net/asio/io_threads.hpp"
#include "net/asio/tcp_connection.hpp"

namespace troupe::net {

struct tcp_options {
  std::string name;  ///< metric label and log key: "rtmp", "http"
  std::string address = "0.0.0.0";
  std::uint16_t port = 0;                ///< 0: one that is free, see tcp_server::port()
  std::size_t max_connections = 10'000;  ///< for everybody; 0: no limit
  std::size_t max_per_address = 0;       ///< not for loopback and trusted ones; 0: off
  trusted_addresses trusted;             ///< limits.trusted
  /// What is written, once, to a connection that is refused; empty: it is closed without a word.
  std::string farewell_total;              ///< because there are too many of them
  std::string farewell_per_address;        ///< because there are too many from its address
  std::size_t outbox_limit = 1024 * 1024;  ///< bytes queued on one connection before it is closed
  duration write_stall = std::chrono::seconds(30);
};

class tcp_server {
 public:
  /// Called on the connection's thread for each new one. Returning nothing closes it. The session
  /// may keep a plain reference to its connection, which outlives it; others keep weak_ptr.
  using session_factory =
      std::function<std::unique_ptr<tcp_session>(const std::shared_ptr<tcp_connection>&)>;

  /// Errors: unavailable (port in use), invalid_argument (address), forbidden (port below 1024).
  static result<std::unique_ptr<tcp_server>> listen(io_threads& threads, tcp_options options,
                                                    metrics& m, session_factory make_session);
  /// Stops with a deadline of zero.
  ~tcp_server();
  tcp_server(const tcp_server&) = delete;
  tcp_server& operator=(const tcp_server&) = delete;

  std::uint16_t port() const;
  std::size_t connections() const;
  /// Whether its port is open; not once accepting has failed.
  bool is_accepting() const;

  struct impl;

  /// Keeps the port open, and closes it when it is destroyed. May outlive the server, but not the
  /// io_threads unless these are stopped. Connections that are there stay.
  class accepting {
   public:
    explicit accepting(std::weak_ptr<impl> of) : of_(std::move(of)) {}

    accepting(const accepting&) = delete;
    accepting& operator=(const accepting&) = delete;
    ~accepting();

   private:
    std::weak_ptr<impl> of_;
  };

  /// Opens the port again where it is closed. failed: told once, on an I/O thread, when that does
  /// not work or accepting fails later; the port is closed then. Without it such an end is only
  /// logged. One at a time.
  [[nodiscard]] std::unique_ptr<accepting> accept(std::function<void(error)> failed);

  /// Accepts no more; tells every session (tcp_session::on_stop), waits for them, and cuts off
  /// those left at the deadline. Returns when none is left. Again: returns at once.
  void stop(duration deadline);

 private:
  explicit tcp_server(std::shared_ptr<impl> i);

  std::shared_ptr<impl> impl_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace troupe::net
