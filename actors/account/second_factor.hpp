// SPDX-License-Identifier: GPL-3.0-or-later
// Time-based codes (TOTP, RFC 6238: HMAC-SHA-1, 6 digits, 30 s, which is what every authenticator
// knows) and recovery codes. Thread: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/account/master_key.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::account {

constexpr auto totp_step = std::chrono::seconds(30);
constexpr int totp_digits = 6;

/// RFC 6238's T.
std::int64_t totp_step_at(wall_time t);
/// digits: 6 to 8.
std::string totp_code(byte_view secret, std::int64_t step, int digits = totp_digits);
/// The step this is the code of: now's, or one beside it, for clocks that are off and fingers that
/// are slow. A step that is not later than after does not count: its code may have been used.
std::optional<std::int64_t> find_totp_step(byte_view secret, std::string_view code, wall_time now,
                                           std::int64_t after);

/// 20 bytes (RFC 4226, 4: 160 bits recommended).
bytes make_totp_secret();
bytes seal_totp_secret(const sealer& s, user_id owner, byte_view secret);
[[nodiscard]] result<bytes> open_totp_secret(const sealer& s, user_id owner, byte_view sealed);
/// RFC 4648, 6, without padding.
std::string to_base32(byte_view data);
/// The address that authenticators read from a QR code.
std::string totp_uri(std::string_view issuer, std::string_view username, byte_view secret);

/// Ten of them, "k7m2x-9pqrt": 50 bits of 32 characters without i, l, o and u.
std::vector<std::string> make_recovery_codes();
/// What was meant: in small letters, without spaces and hyphens; nothing for what cannot be one.
std::optional<std::string> read_recovery_code(std::string_view text);
/// Keyed digests, sealed: neither shows a code, nor lets one try without the master key.
bytes seal_recovery_codes(const sealer& s, user_id owner, const std::vector<std::string>& codes);
/// The sealed rest without the code; nothing when it is not among them.
[[nodiscard]] result<std::optional<bytes>> use_recovery_code(const sealer& s, user_id owner,
                                                             byte_view sealed,
                                                             std::string_view code);
[[nodiscard]] result<int> count_recovery_codes(const sealer& s, user_id owner, byte_view sealed);

}  // namespace troupe::account
