// SPDX-License-Identifier: GPL-3.0-or-later
// Access tokens: JWT (RFC 7519) in compact form, HS256 and nothing else, whatever a token's header
// says (RFC 8725, 3.1). Claims: iss, sub (the user's id in decimal), name, adm, iat, exp.
// Thread: const members from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "actors/account/accounts.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::account {

class access_tokens {
 public:
  /// key: 32 random bytes. Its name, "kid", is derived from it.
  access_tokens(bytes key, std::string issuer, std::chrono::seconds life, const clock& time);

  std::string sign(const identity& who) const;
  /// Errors: unauthenticated (invalid_token, token_expired). A token is known to be ours before it
  /// is said to have expired.
  [[nodiscard]] result<identity> verify(std::string_view token) const;

  std::chrono::seconds life() const { return life_; }

  const std::string& key_name() const { return key_name_; }

 private:
  bytes key_;
  std::string key_name_;
  std::string issuer_;
  std::chrono::seconds life_;
  const clock& time_;
};

/// Ours have about 300 bytes.
constexpr std::size_t largest_access_token = 2048;

}  // namespace troupe::account
