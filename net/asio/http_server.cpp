// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/http_server.hpp"

#include <chrono>
#include <limits>
#include <string>

#include "base/bytes.hpp"
#include "net/asio/http_session.hpp"
#include "net/asio/response_head.hpp"
#include "net/http/reply.hpp"

namespace troupe::net {
namespace {

constexpr auto come_back_after = std::chrono::seconds(5);

/// The whole answer, made once: a refused connection costs one write.
std::string farewell(errc code, const char* reason, const char* sentence) {
  auto answer = http::error_response(make_error(code, reason, sentence), come_back_after);
  answer.headers.emplace_back("Cache-Control", "no-store");
  const auto head = undated_response_head(answer, connection_header::close);
  std::string text(as_text(head.view()));
  for (const auto& piece : answer.body) {
    text += as_text(piece.view());
  }
  return text;
}

}  // namespace

result<std::unique_ptr<http_server>> http_server::listen(io_threads& threads, http_options options,
                                                         metrics& m, http::handler answer,
                                                         upgrade_handler upgrade) {
  // One answer may be a whole segment. It is not copied, and the session queues no second one
  // before it is almost gone, so counting bytes here would bound nothing. Who takes a connection
  // over by an upgrade sets a limit of its own.
  options.tcp.outbox_limit = std::numeric_limits<std::size_t>::max();
  options.tcp.farewell_per_address =
      farewell(errc::rate_limited, "rate_limited", "too many connections from this address");
  options.tcp.farewell_total =
      farewell(errc::unavailable, "overloaded", "too many connections, try again later");
  auto tcp = options.tcp;
  auto context = std::make_shared<const http_context>(std::move(options), m, std::move(answer),
                                                      std::move(upgrade));
  auto server = tcp_server::listen(threads, std::move(tcp), m,
                                   [context](const std::shared_ptr<tcp_connection>& connection) {
                                     return std::make_unique<http_session>(context, connection);
                                   });
  if (!server) {
    return fail(server.error());
  }
  return std::unique_ptr<http_server>(new http_server(*std::move(server)));
}

http_server::~http_server() = default;

}  // namespace troupe::net
