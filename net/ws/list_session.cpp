// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/list_session.hpp"

#include <chrono>
#include <utility>
#include <variant>

#include <spdlog/fmt/fmt.h>

#include "net/ws/client_frame.hpp"
#include "net/ws/server_frame.hpp"

namespace troupe::ws {
namespace {

/// Of all that waits for one peer: a list of 1,000 streams with the longest titles, and answers.
constexpr std::size_t outbox_limit = std::size_t{3} * 1024 * 1024;
constexpr duration care_period = std::chrono::seconds(10);  // pings come every 30 s

}  // namespace

list_session::list_session(const clock& time, web_socket_metrics& counters,
                           std::shared_ptr<list_hub> hub, net::tcp_connection& connection,
                           list_session_start start)
    : web_socket(time, counters, connection, start.number, outbox_limit),
      time_(time),
      hub_(std::move(hub)),
      start_(std::move(start)) {
  connection.set_deadline(care_period);
  hub_->enter(start_.topic, *this);
}

list_session::~list_session() {
  hub_->leave(start_.topic, *this);
}

void list_session::on_text(std::string_view text) {
  const auto frame = parse_client_frame(text);
  if (!frame) {
    refuse_frame(frame.error());
  } else if (std::holds_alternative<ping_frame>(*frame)) {
    send(pong_json);
  } else if (!std::holds_alternative<pong_frame>(*frame)) {
    refuse_frame({"unknown_type", "here one only listens: ping and pong", {}});
  }
}

void list_session::on_drained() {
  web_socket::on_drained();
  hub_->serve(start_.topic, *this);
}

bool list_session::on_deadline() {
  const auto now = time_.now();
  if (check_peer(now)) {
    keep_alive(now);
    connection().set_deadline(care_period);
  }
  return true;
}

bool list_session::on_stop() {
  send(fmt::format(R"({{"type":"reconnect","after_ms":{}}})", reconnect_delay_ms(start_.number)));
  close(close_code::going_away, "this node is leaving");
  return true;
}

}  // namespace troupe::ws
