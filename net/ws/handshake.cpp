// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/handshake.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "actors/account/crypto.hpp"
#include "net/http/reply.hpp"
#include "net/http/text.hpp"

namespace troupe::ws {
namespace {

constexpr std::string_view salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::size_t key_length = 24;                                     // 16 bytes in base64

/// Whether one of the headers of this name lists the token (RFC 9110 5.6.1).
bool lists(const http::request& r, std::string_view name, std::string_view token) {
  return std::ranges::any_of(r.headers, [&](const auto& header) {
    std::string_view rest = header.first == name ? std::string_view(header.second) : "";
    while (!rest.empty()) {
      const auto comma = std::min(rest.find(','), rest.size());
      if (http::equals_ignoring_case(http::trimmed(rest.substr(0, comma)), token)) {
        return true;
      }
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return false;
  });
}

bool is_key(std::string_view key) {
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return key.size() == key_length && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, key_length - 2), is_digit);
}

http::response refuse(int status, std::string_view code, const std::string& message,
                      std::string header, std::string value) {
  auto answer = http::error_response(status, code, message);
  answer.headers.emplace_back(std::move(header), std::move(value));
  return answer;
}

}  // namespace

std::string accept_for(std::string_view key) {
  const auto text = std::string(key) + std::string(salt);
  std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest{};
  SHA1(as_bytes(text).data(), text.size(), digest.data());
  return account::to_base64(digest);
}

std::expected<std::string, http::response> check_handshake(const http::request& r) {
  if (r.method != "GET") {
    return std::unexpected(
        refuse(405, "method_not_allowed", "a WebSocket is opened with GET", "Allow", "GET"));
  }
  if (!lists(r, "upgrade", "websocket") || !lists(r, "connection", "upgrade")) {
    return std::unexpected(refuse(426, "upgrade_required", "here is a WebSocket only (RFC 6455)",
                                  "Upgrade", "websocket"));
  }
  if (r.header("sec-websocket-version") != "13") {
    return std::unexpected(refuse(426, "unsupported_version", "only version 13 is spoken here",
                                  "Sec-WebSocket-Version", "13"));
  }
  const auto is_key_header = [](const auto& h) { return h.first == "sec-websocket-key"; };
  const auto key = r.header("sec-websocket-key").value_or("");
  if (!is_key(key) || std::ranges::count_if(r.headers, is_key_header) != 1) {
    return std::unexpected(http::error_response(400, "invalid_handshake",
                                                "Sec-WebSocket-Key is not 16 bytes in base64"));
  }
  return accept_for(key);
}

http::response answer_to_no_handshake(const http::request& r) {
  const auto accepted = check_handshake(r);
  return accepted ? http::error_response(400, "invalid_handshake", "a handshake has no body")
                  : accepted.error();
}

}  // namespace troupe::ws
