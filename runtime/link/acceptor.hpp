// SPDX-License-Identifier: GPL-3.0-or-later
// The listening side: takes the streams that peers dial, finds out who they are, and hands on what
// comes. Of one peer and stream the newest connection counts; an older one is cut, and nothing of
// it is heard any more.
// Started by: the link. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "base/result.hpp"
#include "runtime/link/incoming_stream.hpp"
#include "runtime/link/link_context.hpp"

namespace troupe::runtime::detail {

class acceptor final : private grpc::CallbackGenericService, private incoming_owner {
 public:
  explicit acceptor(link_context& context);

  /// Errors: unavailable.
  result<void> listen();

  std::uint16_t port() const { return port_; }

  /// Closes the port and ends every stream; the context's live count tells when they are gone.
  void stop();

 private:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* call) override;

  grpc::Status admit(const std::shared_ptr<incoming_stream>& s, const link_hello& hello,
                     const grpc::AuthContext& shown) override;
  void hand_on(const incoming_stream& s, std::vector<envelope> what) override;
  void garbled(const incoming_stream& s, const error& why) override;
  void left(const incoming_stream& s) override;

  // What one peer's one stream comes by.
  struct slot {
    std::mutex in_turn;  // held while handlers run: of two connections one is heard at a time
    std::weak_ptr<incoming_stream> current;
  };

  using slot_key = std::pair<std::string, link_stream>;

  /// Why the caller is sent away, if it is.
  grpc::Status judge(const link_hello& hello, const grpc::AuthContext& shown);
  grpc::Status send_away(metrics::counter& counted, grpc::StatusCode code, const std::string& key,
                         const std::string& why);

  link_context& context_;
  std::array<metrics::counter*, stream_count> received_{};
  metrics::counter& not_named_;
  metrics::counter& not_understood_;
  metrics::counter& too_many_;
  std::unique_ptr<grpc::Server> server_;
  std::uint16_t port_ = 0;

  std::mutex mutex_;
  std::size_t open_streams_ = 0;
  std::map<slot_key, std::shared_ptr<slot>> slots_;
};

}  // namespace troupe::runtime::detail
