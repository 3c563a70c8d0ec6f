// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/refresh_token.hpp"

#include <tuple>

#include "actors/account/crypto.hpp"

namespace troupe::account {

namespace {

constexpr std::size_t family_size = 16;
constexpr std::size_t secret_size = 32;
constexpr std::size_t text_size = 64;  // 48 bytes in base64

bytes digest_of(byte_view data) {
  const auto d = sha256(data);
  return {d.begin(), d.end()};
}

}  // namespace

refresh_token refresh_token::make() {
  return {random_bytes(family_size), random_bytes(secret_size)};
}

refresh_token refresh_token::successor(const sealer& s) const {
  bytes both = family;
  both.insert(both.end(), secret.begin(), secret.end());
  const auto next = s.digest_of("refresh token after", both);
  static_assert(std::tuple_size_v<digest> == secret_size);
  return {family, bytes(next.begin(), next.end())};
}

std::optional<refresh_token> refresh_token::parse(std::string_view text) {
  if (text.size() != text_size) {
    return std::nullopt;
  }
  const auto data = from_base64url(text);
  if (!data) {
    return std::nullopt;
  }
  const auto middle = data->begin() + family_size;
  return refresh_token{bytes(data->begin(), middle), bytes(middle, data->end())};
}

std::string refresh_token::text() const {
  bytes both = family;
  both.insert(both.end(), secret.begin(), secret.end());
  return to_base64url(both);
}

bytes refresh_token::family_digest() const {
  return digest_of(family);
}

bytes refresh_token::secret_digest() const {
  return digest_of(secret);
}

}  // namespace troupe::account
