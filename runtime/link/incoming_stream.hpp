// SPDX-License-Identifier: GPL-3.0-or-later
// One call that a peer has dialled: its greeting, our answer, then what it sends. The next frame is
// read when the handlers of the last one have returned, which is what gRPC's flow control holds the
// sender to.
// Started by: the acceptor. Keeps itself alive until gRPC is done with it. Thread: any.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "base/error.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/link_context.hpp"

namespace troupe::runtime::detail {

class incoming_stream;

/// What a stream asks of the acceptor. Called on gRPC's threads, without locks.
class incoming_owner {
 public:
  virtual ~incoming_owner() = default;
  /// OK: the stream is the peer's from now on.
  virtual grpc::Status admit(const std::shared_ptr<incoming_stream>& s, const link_hello& hello,
                             const grpc::AuthContext& shown) = 0;
  virtual void hand_on(const incoming_stream& s, std::vector<envelope> what) = 0;
  virtual void garbled(const incoming_stream& s, const error& why) = 0;
  virtual void left(const incoming_stream& s) = 0;
};

class incoming_stream final : public grpc::ServerGenericBidiReactor,
                              public std::enable_shared_from_this<incoming_stream> {
 public:
  incoming_stream(link_context& context, incoming_owner& owner,
                  grpc::GenericCallbackServerContext& call);

  void start();
  /// Ends it, from any thread.
  void cut();

  /// Set once it was admitted.
  const std::string& node() const { return hello_.node; }

  link_stream on() const { return static_cast<link_stream>(hello_.stream); }

  bool is_admitted() const { return is_admitted_; }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

  /// False: it ends.
  bool greet(const link_hello& hello);
  void end(grpc::Status why);

  link_context& context_;
  incoming_owner& owner_;
  std::unique_ptr<live_count::token> token_;
  std::shared_ptr<incoming_stream> self_;  // until OnDone
  grpc::ByteBuffer read_;
  grpc::ByteBuffer written_;
  link_hello hello_;  // of the reading side alone, like the next
  bool is_admitted_ = false;

  std::mutex mutex_;
  grpc::GenericCallbackServerContext* call_;  // nullptr once gRPC is done with it
  bool is_writing_ = false;
  std::unique_ptr<grpc::Status> ending_;  // until the write is done
  link_timer patience_;                   // for the greeting
};

}  // namespace troupe::runtime::detail
