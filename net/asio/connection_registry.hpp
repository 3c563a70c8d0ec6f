// SPDX-License-Identifier: GPL-3.0-or-later
// Who is connected to one server: counts for the limits, the list for the stop, metrics.
// Thread: every function from any thread.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metrics.hpp"
#include "net/asio/tcp_server.hpp"

namespace troupe::net {

class socket_connection;

/// Why a connection was refused at the door.
enum class refusal : std::uint8_t { none, total, address, descriptors };

class connection_registry {
 public:
  connection_registry(const tcp_options& options, std::size_t threads, metrics& m);

  /// Takes a place, or says why not. peer.limit_key() is what counts.
  refusal admit(const ip_address& peer, bool is_trusted);
  /// Gives back a place for which add() was never called.
  void withdraw(const ip_address& peer, std::size_t thread);
  /// The loop with the fewest connections; one is counted to it.
  std::size_t take_thread();

  /// False when the server is stopping.
  bool add(const std::shared_ptr<socket_connection>& connection);
  void remove(const socket_connection& connection, const ip_address& peer, std::size_t thread,
              close_reason reason);

  /// No add() succeeds from now on.
  void begin_stop();
  std::vector<std::shared_ptr<socket_connection>> all() const;
  /// False when some are left at that time.
  bool wait_until_empty(steady_time deadline) const;
  std::size_t size() const;

  void count_refusal(refusal why) { refused_[static_cast<std::size_t>(why)]->add(); }

  metrics::counter& received_bytes;
  metrics::counter& sent_bytes;

 private:
  void give_back(const ip_address& peer, std::size_t thread);

  static std::string key_of(const ip_address& peer);

  const std::size_t max_connections_;
  const std::size_t max_per_address_;
  metrics::gauge& open_;
  metrics::counter& accepted_;
  std::array<metrics::counter*, 4> refused_{};
  std::array<metrics::counter*, 7> closed_{};

  mutable std::mutex mutex_;
  mutable std::condition_variable empty_;
  bool stopping_ = false;
  std::size_t count_ = 0;
  std::vector<std::size_t> per_thread_;
  std::unordered_map<std::string, std::size_t> per_address_;  // bounded by max_connections_
  std::unordered_map<const socket_connection*, std::shared_ptr<socket_connection>> connections_;
};

}  // namespace troupe::net
