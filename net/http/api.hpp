// SPDX-License-Identifier: GPL-3.0-or-later
// The HTTP API as one handler: limits, access and idempotency are decided here, once for all
// routes, then the route answers. Never blocks: what takes time happens behind the facades.
// Thread: handle() from any thread; answers leave on the caller's thread or a facade's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/account/accounts.hpp"
#include "actors/account/changes.hpp"
#include "actors/chat/chats.hpp"
#include "actors/follow/follows.hpp"
#include "actors/stream/streams.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "net/http/cluster_control.hpp"
#include "net/http/idempotency.hpp"
#include "net/http/limits.hpp"
#include "net/http/message.hpp"
#include "net/http/router.hpp"

namespace troupe::http {

/// Nothing when this node can serve, else why not. Must not block.
using readiness = std::function<std::optional<std::string>()>;

struct api_parts {
  std::shared_ptr<account::accounts> accounts;
  std::shared_ptr<account::changes> changes = nullptr;
  std::shared_ptr<stream::streams> streams;
  std::shared_ptr<chat::chats> chats = nullptr;
  std::shared_ptr<follow::follows> follows;
  std::shared_ptr<cluster_control> cluster = nullptr;
  readiness why_not_ready;                         ///< empty = always ready
  std::shared_ptr<idempotency_store> idempotency;  ///< empty = in memory
  const troupe::clock& clock = system_clock();     ///< outlives the api
  troupe::metrics& metrics;                        ///< outlives the api
};

struct api_settings {
  http::limits limits;
  /// What streamers are told; empty = rtmp://HOST:PORT/app with the host of their request.
  std::string ingest_url;
  std::uint16_t rtmp_port = 1935;
  /// How long a browser keeps the refresh cookie: the life of a refresh token.
  std::chrono::seconds refresh_cookie_life = std::chrono::days(30);
};

class api : public std::enable_shared_from_this<api> {
 public:
  static std::shared_ptr<api> make(api_parts parts, api_settings settings);
  virtual ~api() = default;

  /// Whether the path belongs to this handler rather than to the page or to HLS.
  static bool owns(std::string_view path);

  /// How large a body the server should take in for this call; the route may want less.
  static std::size_t body_limit(std::string_view method, std::string_view path);

  virtual void handle(request r, responder answer) = 0;
  virtual const router& table() const = 0;

  /// handle() as a function that keeps this alive.
  handler as_handler();
};

}  // namespace troupe::http
