// SPDX-License-Identifier: GPL-3.0-or-later
// What a client shows to go on where its session was, on any node: signed, not secret, and good for
// an hour. It proves no identity: who speaks has to be shown again.
// Layout (integers big-endian), in base64url: u8 version 1, u64 room, u64 user, u64 last number,
// u64 issued at (Unix ms), 16 bytes session, then HMAC-SHA256 of all that.
// Thread: const members from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/account/crypto.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe::viewer {

using session_bytes = std::array<std::uint8_t, 16>;

session_bytes random_session();
/// 32 hex digits: the session as clients and rooms see it.
std::string text_of(const session_bytes& session);
std::optional<session_bytes> session_of(std::string_view text);

struct resume_point {
  user_id room = 0;
  user_id user = 0;  ///< 0: read only
  std::int64_t last_seq = 0;
  session_bytes session{};
};

class resume_tokens {
 public:
  static constexpr std::chrono::hours life{1};

  /// key: 32 bytes, the same on every node (see account::sealer::digest_of).
  resume_tokens(const account::digest& key, const clock& c) : key_(key), clock_(c) {}

  std::string make(const resume_point& p) const;
  /// Nothing for another spelling, a wrong signature, another version, or one that is too old.
  std::optional<resume_point> read(std::string_view token) const;

 private:
  const account::digest key_;
  const clock& clock_;
};

}  // namespace troupe::viewer
