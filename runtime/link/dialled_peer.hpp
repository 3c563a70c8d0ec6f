// SPDX-License-Identifier: GPL-3.0-or-later
// One peer as this node reaches it: dials the three streams, control first, and again and again
// while it is away; knows whether it is up, refused or silent.
// Started by: the link. Life: dialling -> up -> dialling … -> closed.
// Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

#include "base/clock.hpp"
#include "runtime/link/link_context.hpp"
#include "runtime/link/outgoing_stream.hpp"
#include "runtime/supervisor.hpp"

namespace troupe::runtime::detail {

class dialled_peer : public std::enable_shared_from_this<dialled_peer> {
 public:
  dialled_peer(link_context& context, peer to);

  void dial();
  bool send(link_stream on, envelope what);
  /// For good. Nothing more is told of it.
  void close();

  const peer& to() const { return to_; }

 private:
  // What it takes to be up once.
  struct attempt {
    std::uint64_t number = 0;
    std::array<std::shared_ptr<outgoing_stream>, stream_count> streams;
    std::size_t running = 0;  // streams that have not ended
    std::size_t greeted = 0;
    bool was_up = false;
    bool has_lasted = false;              // was up for long enough to be dialled again at once
    std::optional<grpc::Status> failure;  // the first stream's that ended, or ours
  };

  void begin();
  std::shared_ptr<outgoing_stream> make_stream(link_stream on);
  void start_stream(const std::shared_ptr<outgoing_stream>& s, std::uint64_t number);
  void on_greeted(std::uint64_t number);
  void on_ended(std::uint64_t number, const grpc::Status& status);
  void on_late(std::uint64_t number);
  void fail_attempt(grpc::Status why);
  void end_attempt();
  void become(peer_state s);
  void cancel_streams();

  link_context& context_;
  const peer to_;
  std::array<stream_figures, stream_count> figures_;
  metrics::gauge& up_;
  metrics::counter& connected_;
  metrics::counter& refused_;
  metrics::counter& failed_;

  std::mutex mutex_;
  std::minstd_rand random_;
  attempt now_;
  peer_state state_ = peer_state::connecting;
  bool is_closed_ = false;
  int failures_ = 0;  // tries in a row that made no connection that lasted
  steady_time up_since_{};
  link_timer timer_;  // the attempt's deadline, or the pause before the next
};

}  // namespace troupe::runtime::detail
