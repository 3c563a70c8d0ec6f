// SPDX-License-Identifier: GPL-3.0-or-later
// Who may follow the list of live streams, and how (docs/stream-list.md): anybody, within bounds.
// Thread: upgrade() on an I/O thread; answer(), serves() and nudge() on any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/stream/streams.hpp"
#include "net/asio/http_server.hpp"
#include "net/http/message.hpp"
#include "net/http/rate_limiter.hpp"
#include "net/ws/list_feed.hpp"
#include "net/ws/list_hub.hpp"
#include "net/ws/list_session.hpp"

namespace troupe::ws {

struct list_settings {
  std::size_t sockets_total = 5'000;           ///< 0: no limit
  std::size_t sockets_per_address = 50;        ///< 0: no limit; not for trusted ones
  int connects_per_minute_per_address = 1000;  ///< 0: no limit; not for trusted ones
  std::size_t tracked_peers = 65'536;          ///< of that rate
  std::size_t lists = 256;                     ///< of single games, different ones at a time
  list_feed_options feed{};
};

/// All of it outlives the edge.
struct list_dependencies {
  stream::streams& streams;
  const clock& time;
  metrics& counters;
};

class list_edge {
 public:
  /// feed: a loop for it alone; loops: of the I/O threads.
  list_edge(const list_settings& s, const list_dependencies& d, std::unique_ptr<loop> feed,
            std::vector<std::unique_ptr<loop>> loops);
  ~list_edge();
  list_edge(const list_edge&) = delete;
  list_edge& operator=(const list_edge&) = delete;

  static bool serves(std::string_view path);
  /// A request for it that asks for no WebSocket.
  http::response answer(const http::request& r) const;
  void upgrade(const http::request& r, std::unique_ptr<net::upgrade_request> how);

  /// Something was stored that the list may show.
  void nudge() { feed_->nudge(); }

 private:
  struct refusal {
    std::string_view why;  ///< for the metric
    http::response answer;
  };

  /// Takes the places a new socket needs; else why not.
  std::optional<refusal> admit(const http::request& r, list_session_start& start);

  const clock& time_;
  metrics::counter& accepted_;
  refusals refused_;  // by why
  web_socket_metrics socket_counters_;
  list_hub_metrics hub_counters_;
  http::rate_limiter connects_;
  socket_counts total_;
  socket_counts per_address_;
  list_places places_;
  std::shared_ptr<list_feed> feed_;
  std::vector<std::shared_ptr<list_hub>> hubs_;
  std::atomic<std::uint64_t> sockets_so_far_{0};
};

}  // namespace troupe::ws
