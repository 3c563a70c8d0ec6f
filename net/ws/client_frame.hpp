// SPDX-License-Identifier: GPL-3.0-or-later
// What clients say: one JSON object a frame (docs/chat-protocol.md). Strict about its form; what a
// message may contain is for the room to judge. Thread: pure functions.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.hpp"

namespace troupe::ws {

/// 500 characters in NFC are at most 2,000 code units as they come, decomposed and each escaped as
/// \uXXXX at most 12,000 bytes; a nonce and the rest of the frame beside it.
constexpr std::size_t largest_client_frame = std::size_t{16} * 1024;
constexpr std::size_t deepest_client_frame = 4;
constexpr std::size_t longest_nonce = 64;  // code points

struct auth_frame {
  std::string token;
};

struct message_frame {
  std::string text;
  std::string nonce;
  id reply_to = 0;  ///< 0: none
};

struct ping_frame {};

struct pong_frame {};

using client_frame = std::variant<auth_frame, message_frame, ping_frame, pong_frame>;

struct bad_frame {
  std::string_view code;  ///< "malformed", "unknown_type", "invalid_nonce"
  std::string message;
  std::string nonce = {};  ///< of the message it was to be, if it had a good one
  /// For its metric, which tells apart what has one code: "too_deep".
  std::string_view counted_as = code;
};

/// text is UTF-8. Unknown fields are ignored; of a field given twice the last one counts.
std::expected<client_frame, bad_frame> parse_client_frame(std::string_view text);

}  // namespace troupe::ws
