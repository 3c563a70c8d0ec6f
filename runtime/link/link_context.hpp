// SPDX-License-Identifier: GPL-3.0-or-later
// What the parts of one gRPC link share. Thread: any; it lives until gRPC holds nothing of the
// link.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <grpcpp/alarm.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include "base/metrics.hpp"
#include "base/repeat_filter.hpp"
#include "runtime/link/delivery.hpp"
#include "runtime/link/grpc_link.hpp"

namespace troupe::runtime::detail {

constexpr std::size_t stream_count = 3;  // of link_stream

struct link_context {
  link_context(grpc_link_options o, metrics& m);

  bool has_certificates() const { return options.certificates.has_value(); }

  /// At warn, one line per key and minute.
  void warn(const std::string& key, const std::string& line);

  const grpc_link_options options;
  metrics& figures;
  // Calls and timers, of the side that dials and of the one that accepts.
  const std::shared_ptr<live_count> dialling = std::make_shared<live_count>();
  const std::shared_ptr<live_count> accepting = std::make_shared<live_count>();
  link_delivery delivery;
  std::shared_ptr<grpc::ChannelCredentials> to_dial;
  std::shared_ptr<grpc::ServerCredentials> to_accept;

 private:
  repeat_filter said_;
};

std::string_view to_string(link_stream s);

// Of a stream, on its way without having been read by the handlers. Fixed, because gRPC reads what
// a connection has before it looks at others: the window bounds how long bulk keeps them waiting,
// and memory. 50 MB/s over 20 ms.
constexpr int window_bytes = 1 << 20;
// Times the control stream's patience for an answer to a keepalive.
constexpr int bulk_patience = 4;

/// Whether the certificate that the other side has shown names the node.
bool names(const grpc::AuthContext& shown, const std::string& node);

/// Calls f on one of gRPC's threads after the delay. Thread: its owner's lock.
class link_timer {
 public:
  /// Setting anew, cancelling and destroying drop the call, but for one that is about to begin: f
  /// has to know whether it is still wanted. f itself is kept until it has run or was dropped.
  void set(const std::shared_ptr<live_count>& counted, std::chrono::nanoseconds delay,
           std::function<void()> f);
  void cancel();

 private:
  std::unique_ptr<grpc::Alarm> alarm_;
};

}  // namespace troupe::runtime::detail
