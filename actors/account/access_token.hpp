// SPDX-License-Identifier: GPL-3.0-or-later
// Access tokens: JWT (RFC 7519) in compact form, HS256 and nothing else, whatever a token's header
// says (RFC 8725, 3.1). Claims: iss, sub (the user's id in decimal), name, adm, gen, iat, exp.
// Thread: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "actors/account/accounts.hpp"
#include "actors/account/token_keys.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::account {

class access_tokens {
 public:
  access_tokens(key_ring keys, std::string issuer, std::chrono::seconds life, const clock& time);
  /// One key alone: 32 random bytes.
  access_tokens(bytes key, std::string issuer, std::chrono::seconds life, const clock& time);

  std::string sign(const identity& who) const;
  /// No I/O: a token under a name that no key of ours has is refused as it is. Errors:
  /// unauthenticated (invalid_token, token_expired). A token is known to be ours before it is said
  /// to have expired.
  [[nodiscard]] result<identity> verify(std::string_view token) const;

  std::chrono::seconds life() const { return life_; }

  std::shared_ptr<const key_ring> keys() const;
  void use(key_ring keys);

  /// "kid" of what sign() makes now.
  std::string key_name() const;

 private:
  const std::string issuer_;
  const std::chrono::seconds life_;
  const clock& time_;
  mutable std::mutex mutex_;
  std::shared_ptr<const key_ring> keys_;
};

/// "kid" of a JWS in compact form (RFC 7515, 7.1) whose header says HS256 and asks for no more than
/// that ("crit"): empty without one, nothing for any other text.
std::optional<std::string> hs256_key_name(std::string_view token);
/// Whether it is such a text, and that key's code over its first two parts is the third. No key
/// is shorter than the code (RFC 7518, 3.2).
bool is_hs256_by(std::string_view token, byte_view key);

/// Ours have about 300 bytes.
constexpr std::size_t largest_access_token = 2048;

}  // namespace troupe::account
