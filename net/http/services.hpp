// SPDX-License-Identifier: GPL-3.0-or-later
// What the handlers of all routes share. Inside net/http only; see api.hpp for what app/ needs.
// Thread: const after construction; every member may be used from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/account/accounts.hpp"
#include "actors/stream/streams.hpp"
#include "base/metrics.hpp"
#include "net/http/api.hpp"
#include "net/http/rate_limiter.hpp"
#include "net/http/router.hpp"

namespace troupe::http {

struct services {
  api_parts parts;
  api_settings settings;
  std::unique_ptr<rate_limiter> log_ins;
  std::unique_ptr<rate_limiter> log_ins_of_block;

  /// True when the peer tried too many passwords: then the call has been answered.
  bool refuses_log_in(call& c) const;
  /// "rtmp://HOST:PORT/app"; errors: invalid_argument when the Host header is no host.
  result<std::string> ingest_url(const request& r) const;
};

using shared_services = std::shared_ptr<const services>;

void add_account_routes(router& table, const shared_services& s);
void add_account_change_routes(router& table, const shared_services& s);
void add_token_routes(router& table, const shared_services& s);
void add_stream_routes(router& table, const shared_services& s);
void add_chat_routes(router& table, const shared_services& s);
void add_moderation_routes(router& table, const shared_services& s);
void add_follow_routes(router& table, const shared_services& s);
void add_cluster_routes(router& table, const shared_services& s);
void add_operator_routes(router& table, const shared_services& s);

}  // namespace troupe::http
