// SPDX-License-Identifier: GPL-3.0-or-later
// An HTTP exchange as handlers see it: plain data, no Beast. net/asio/ makes requests and sends
// responses.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace troupe::http {

struct request {
  std::string method;  ///< "GET", as sent
  std::string path;    ///< percent-decoded, starts with '/', no query
  std::vector<std::pair<std::string, std::string>> query;    ///< percent-decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;
  std::string remote_address;  ///< the peer's IP address; from X-Forwarded-For if the peer is
                               ///< trusted to set it
  bool is_trusted = false;     ///< loopback or limits.trusted: no limits per address
  /// True once the peer has closed, reset or half-closed: whoever parks the request for long may
  /// then give it up. An answer still goes out where it can. Empty: nobody can tell.
  std::shared_ptr<const std::atomic<bool>> peer_left = nullptr;

  /// The first value, or nothing. name in lower case.
  std::optional<std::string_view> header(std::string_view name) const;
  std::optional<std::string_view> query_value(std::string_view name) const;
};

struct response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>>
      headers;                     ///< without Content-Length, Date and Connection
  std::vector<shared_bytes> body;  ///< sent one after another, not copied
};

/// Call exactly once, from any thread; the connection may be gone by then. Destroying it uncalled
/// answers 500.
using responder = std::move_only_function<void(response)>;

/// Called on an I/O thread: must not block. May answer at once or later.
using handler = std::function<void(request, responder)>;

}  // namespace troupe::http
