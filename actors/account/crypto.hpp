// SPDX-License-Identifier: GPL-3.0-or-later
// The few primitives accounts need, in front of OpenSSL. A failure of OpenSSL itself (no memory, no
// entropy) is a broken invariant and ends the process. Thread: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace troupe::account {

using digest = std::array<std::uint8_t, 32>;

bytes random_bytes(std::size_t count);
/// Uniform over [0-9A-Za-z].
std::string random_base62(std::size_t length);

digest sha256(byte_view data);
digest hmac_sha256(byte_view key, byte_view data);
/// Takes the same time wherever they differ; lengths are no secret.
bool equal_in_constant_time(byte_view a, byte_view b);

/// AES-256-GCM (NIST SP 800-38D): key 32 bytes, nonce 12, tag 16 behind the text.
bytes aes_gcm_seal(byte_view key, byte_view nonce, byte_view plain, byte_view associated);
/// Nothing when key, nonce, text, tag or associated data are not those it was sealed with.
std::optional<bytes> aes_gcm_open(byte_view key, byte_view nonce, byte_view sealed,
                                  byte_view associated);

/// RFC 4648, 5, without padding.
std::string to_base64url(byte_view data);
/// Nothing for any other spelling than to_base64url()'s.
std::optional<bytes> from_base64url(std::string_view text);
/// RFC 4648, 4, with padding.
std::string to_base64(byte_view data);

}  // namespace troupe::account
