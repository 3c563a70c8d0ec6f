// SPDX-License-Identifier: GPL-3.0-or-later
// Who may open a chat socket, and how: the two addresses of docs/chat-protocol.md, the handshake,
// who speaks, which room, joining it. All of that before the answer, so that what is refused gets
// an HTTP status. Thread: upgrade() on an I/O thread; answer() and serves() on any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/stream/streams.hpp"
#include "net/asio/http_server.hpp"
#include "net/http/message.hpp"
#include "net/http/rate_limiter.hpp"
#include "net/ws/fanout.hpp"
#include "net/ws/refusals.hpp"
#include "net/ws/session_context.hpp"

namespace troupe::ws {

struct edge_settings {
  std::string node = "a";
  std::uint64_t incarnation = 1;
  std::size_t sockets_per_user = 20;           ///< 0: no limit
  std::size_t sockets_per_address = 200;       ///< 0: no limit; not for trusted ones
  int connects_per_minute_per_address = 1000;  ///< 0: no limit; not for trusted ones
  std::size_t tracked_peers = 65'536;          ///< of that rate
  hub_options hubs{};
};

/// All of it outlives the edge.
struct edge_dependencies {
  runtime::entities& entities;
  account::accounts& accounts;
  stream::streams& streams;
  presence::presence* presence = nullptr;  ///< nothing: nobody is counted
  ws::fanout& fanout;
  account::digest resume_key;
  const clock& time;
  metrics& counters;
};

class chat_edge {
 public:
  /// loops: of the I/O threads. Attaches itself to the fanout.
  chat_edge(edge_settings s, const edge_dependencies& d, std::vector<std::unique_ptr<loop>> loops);
  ~chat_edge();
  chat_edge(const chat_edge&) = delete;
  chat_edge& operator=(const chat_edge&) = delete;

  /// Whether the path is a chat socket's.
  static bool serves(std::string_view path);
  /// A request for it that asks for no WebSocket.
  http::response answer(const http::request& r) const;
  void upgrade(http::request r, std::unique_ptr<net::upgrade_request> how);

  /// From now on none is let in, and those that are here are sent elsewhere (`reconnect`). done: on
  /// an I/O thread, when each was told. From any thread.
  void send_away(const std::function<void()>& done);

  /// Chat sockets that had their welcome; only while no loop runs, for tests.
  std::size_t sockets() const;

 private:
  struct arrival;
  using arrival_ptr = std::shared_ptr<arrival>;

  void identify(const arrival_ptr& a);
  void find_room(const arrival_ptr& a);
  void join(const arrival_ptr& a);
  void welcome(const arrival_ptr& a, result<viewer::opened> opened);
  station* here();

  const edge_settings settings_;
  stream::streams& streams_;
  session_context context_;
  fanout& fanout_;
  hub_metrics hub_counters_;
  metrics::counter& accepted_;
  refusals refused_;  // by why
  http::rate_limiter connects_;
  std::vector<station> stations_;
  std::atomic<std::uint64_t> viewers_{0};
  std::atomic<bool> is_leaving_{false};
};

}  // namespace troupe::ws
