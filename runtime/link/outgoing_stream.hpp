// SPDX-License-Identifier: GPL-3.0-or-later
// One call to a peer: the greeting, then what is sent, batched under load. A frame is on its way at
// a time; what comes meanwhile goes together into the next, so a lone envelope never waits for
// company. gRPC's flow control holds frames back when the peer does not read, and the bound of the
// queue then refuses.
// Started by: dialled_peer. Life: greeting -> greeted -> open -> ended. Keeps itself alive until
// gRPC is done with it. Thread: any.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "runtime/link/frame.hpp"
#include "runtime/link/link_context.hpp"

namespace troupe::runtime::detail {

/// Of one peer and stream; they outlive its connections.
struct stream_figures {
  metrics::counter* sent = nullptr;
  metrics::counter* dropped_not_up = nullptr;
  metrics::counter* dropped_full = nullptr;
  metrics::counter* dropped_broken = nullptr;  ///< had been taken, then the connection went
};

class outgoing_stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                              public std::enable_shared_from_this<outgoing_stream> {
 public:
  /// Called on gRPC's threads, without locks.
  struct events {
    std::function<void()> greeted;            ///< at most once: the peer is who was dialled
    std::function<void(grpc::Status)> ended;  ///< once, nothing after it
  };

  outgoing_stream(link_context& context, const peer& to, link_stream on, stream_figures figures);

  void start(events e);
  /// From now on envelopes are taken.
  void open();
  /// False and counted: not open, or full.
  bool send(envelope what);
  /// ended() follows soon.
  void cancel();

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  bool is_right_peer(const link_hello& hello);
  link_frame take_batch();
  void write_next(std::unique_lock<std::mutex> lock);
  void stop_writing();

  link_context& context_;
  const peer to_;
  const link_stream on_;
  const stream_figures figures_;
  const grpc_link_options::queue_bound bound_;
  std::unique_ptr<live_count::token> token_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
  grpc::ClientContext call_;
  events events_;
  std::shared_ptr<outgoing_stream> self_;  // until OnDone
  grpc::ByteBuffer read_;
  grpc::ByteBuffer written_;
  bool is_greeted_ = false;  // of the reading side alone
  std::string complaint_;    // why the peer is not who was dialled; the same

  std::mutex mutex_;
  std::deque<envelope> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t in_flight_ = 0;  // envelopes of the frame being written
  bool is_open_ = false;
  bool is_writing_ = false;  // a write is being started or on its way
  bool is_over_ = false;     // the reading side ended: no write is started any more
};

}  // namespace troupe::runtime::detail
