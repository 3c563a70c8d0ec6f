// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "net/ws/handshake.hpp"

namespace troupe::ws {
namespace {

http::request opening() {
  http::request r;
  r.method = "GET";
  r.headers = {{"connection", "keep-alive, Upgrade"},
               {"upgrade", "WebSocket"},
               {"sec-websocket-version", "13"},
               {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return r;
}

/// With another value for a header; an empty one takes it away.
http::request opening(const std::string& name, const std::string& value) {
  auto r = opening();
  std::erase_if(r.headers, [&](const auto& h) { return h.first == name; });
  if (!value.empty()) {
    r.headers.emplace_back(name, value);
  }
  return r;
}

std::string header_of(const http::response& r, const std::string& name) {
  const auto at = std::ranges::find(r.headers, name, [](const auto& h) { return h.first; });
  return at == r.headers.end() ? "" : at->second;
}

}  // namespace

TEST_CASE("handshake: answers the key of RFC 6455", "[net][ws]") {
  CHECK(accept_for("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(check_handshake(opening()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  CHECK(check_handshake(opening("upgrade", "h2c, websocket")));
}

TEST_CASE("handshake: says what it wants instead", "[net][ws]") {
  auto posted = opening();
  posted.method = "POST";
  CHECK(check_handshake(posted).error().status == 405);
  for (const auto* name : {"upgrade", "connection"}) {
    const auto plain = check_handshake(opening(name, "")).error();
    CHECK(plain.status == 426);
    CHECK(header_of(plain, "Upgrade") == "websocket");
  }
  CHECK(check_handshake(opening("upgrade", "h2c")).error().status == 426);
  for (const auto* version : {"", "8", "14", "13, 8"}) {
    const auto old = check_handshake(opening("sec-websocket-version", version)).error();
    CHECK(old.status == 426);
    CHECK(header_of(old, "Sec-WebSocket-Version") == "13");
  }
}

TEST_CASE("handshake: wants one key of 16 bytes", "[net][ws]") {
  for (const auto* key : {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==x",
                          "dGhlIHNhbXBsZSBub25jZQ-=", "dGhlIHNhbXBsZSBub25jZTEy"}) {
    CHECK(check_handshake(opening("sec-websocket-key", key)).error().status == 400);
  }
  auto twice = opening();
  twice.headers.emplace_back("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  CHECK(check_handshake(twice).error().status == 400);
}

}  // namespace troupe::ws
