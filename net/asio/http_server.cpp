// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/http_server.hpp"

#include <limits>

#include "net/asio/http_session.hpp"

namespace troupe::net {

result<std::unique_ptr<http_server>> http_server::listen(io_threads& threads, http_options options,
                                                         metrics& m, http::handler answer,
                                                         upgrade_handler upgrade) {
  // One answer may be a whole segment. It is not copied, and the session queues no second one
  // before it is almost gone, so counting bytes here would bound nothing. Who takes a connection
  // over by an upgrade sets a limit of its own.
  options.tcp.outbox_limit = std::numeric_limits<std::size_t>::max();
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
