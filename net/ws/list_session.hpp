// SPDX-License-Identifier: GPL-3.0-or-later
// One socket that follows a list of live streams: it says nothing but ping and pong, and is written
// to by its hub. Life: open -> closing. Thread: its connection's.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "net/ws/list_hub.hpp"
#include "net/ws/list_places.hpp"
#include "net/ws/socket_counts.hpp"
#include "net/ws/web_socket.hpp"

namespace troupe::ws {

/// What the handshake has brought.
struct list_session_start {
  list_topic topic;
  std::uint64_t number = 0;
  socket_place place;          ///< among all
  socket_place address_place;  ///< among those of its address
  list_places::place list;     ///< its list's, among the lists
};

class list_session final : public web_socket, public list_member {
 public:
  list_session(const clock& time, web_socket_metrics& counters, std::shared_ptr<list_hub> hub,
               net::tcp_connection& connection, list_session_start start);
  ~list_session() override;

  void on_drained() override;
  bool on_deadline() override;
  bool on_stop() override;

  bool is_ready() const override { return is_ready_to_write(); }

  void write(const shared_bytes& frame) override { connection().send_now({&frame, 1}); }

 private:
  void on_text(std::string_view text) override;

  const clock& time_;
  const std::shared_ptr<list_hub> hub_;
  const list_session_start start_;
};

}  // namespace troupe::ws
