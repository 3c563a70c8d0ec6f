// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP/1 requests out of bytes, with limits; no socket. Beast's parser reads heads and knows the
// rules against request smuggling (RFC 9112, 6.3); it stays out of this header. Thread: one at a
// time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "net/http/message.hpp"

namespace troupe::net {

struct request_limits {
  std::size_t head = 16 * 1024;
  std::size_t body = 64 * 1024;
  std::function<std::size_t(std::string_view method, std::string_view path)>
      body_for;  ///< or empty
};

class request_reader {
 public:
  enum class state : std::uint8_t {
    empty,     ///< nothing of a request has come
    head,      ///< in the request line or headers
    body,      ///< headers are complete, more of the body has to come
    complete,  ///< take() it
    refused,   ///< see refusal(); no further request can be found in this connection
  };

  struct refused_with {
    int status = 400;
    std::string code;
    std::string message;
  };

  explicit request_reader(const request_limits& limits);  ///< limits outlive it
  ~request_reader();

  /// How much of data it took: all, unless the request is complete or refused. What it did not take
  /// belongs to the next request.
  std::size_t put(byte_view data);
  state now() const;

  /// Bytes of a request, or of its head, are there, if only few.
  bool has_begun() const { return now() != state::empty; }

  const refused_with& refusal() const;

  /// The client waits for "100 Continue" before it sends the body. In states body and complete.
  bool expects_continue() const;
  /// The client allows another request on this connection. In state complete.
  bool keeps_alive() const;
  bool is_upgrade() const;
  bool is_head_request() const;
  bool is_http_1_0() const;

  /// The request, without remote_address and is_trusted; state is empty then.
  http::request take();

 private:
  class parser;
  std::unique_ptr<parser> parser_;
};

}  // namespace troupe::net
