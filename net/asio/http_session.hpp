// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/1.1 on one connection: reads a request, waits for its answer, writes it, reads the next.
// Pipelined requests wait as bytes in a bounded backlog, so answers keep their order by
// construction. Thread: its connection's. Included by net/asio/*.cpp only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "net/asio/http_server.hpp"
#include "net/asio/request_reader.hpp"

namespace troupe::net {

/// What all connections of a server share. Const, from any thread.
struct http_context {
  http_context(http_options o, metrics& m, http::handler h, upgrade_handler u);

  void count(int status) const;
  /// The first time only: a proxy's configuration is wrong for every request alike.
  bool may_complain() const;

  const http_options options;
  const request_limits limits;
  const http::handler answer;
  const upgrade_handler upgrade;

 private:
  std::vector<metrics::counter*> requests_;  // by class of status
  mutable std::atomic<bool> complained_ = false;
};

class http_session final : public tcp_session {
 public:
  http_session(std::shared_ptr<const http_context> context,
               const std::shared_ptr<tcp_connection>& connection);

  void on_bytes(byte_view data) override;

  void on_closed(close_reason) override { peer_left_->store(true); }

  bool on_end() override;
  void on_drained() override;
  bool on_deadline() override;
  bool on_stop() override;

  /// number: which request it answers; of another one than the present it is ignored.
  void on_answer(std::uint64_t number, http::response answer);
  void on_upgrade(std::uint64_t number, const upgrade_request::header_list& headers,
                  upgrade_request::make_session make);

 private:
  void process(byte_view data);
  void process_backlog();
  bool must_wait() const;
  void close_if_over();
  void watch_progress();
  void begin_answer();
  http::request take_request();
  void send_answer(http::response answer);
  void hand_over(byte_view rest);
  void refuse(int status, std::string_view code, const std::string& message);

  const std::shared_ptr<const http_context> context_;
  tcp_connection& connection_;
  const std::weak_ptr<tcp_connection> weak_connection_;
  const std::shared_ptr<std::atomic<bool>> peer_left_ =
      std::make_shared<std::atomic<bool>>(false);  // read from any thread
  request_reader reader_;
  bytes backlog_;             // received, not yet looked at
  std::size_t at_hand_ = 0;   // bytes that process() has yet to look at
  std::uint64_t number_ = 0;  // of the request being answered
  request_reader::state timed_ = request_reader::state::empty;  // what the deadline is set for
  bool answering_ = false;
  bool keep_alive_ = true;
  bool is_head_ = false;
  bool is_http_1_0_ = false;
  bool continued_ = false;
  bool ended_ = false;     // the peer will send no more
  bool stopping_ = false;  // the server stops
  bool upgraded_ = false;  // another session has taken over
};

}  // namespace troupe::net
