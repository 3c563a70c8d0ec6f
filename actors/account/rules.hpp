// SPDX-License-Identifier: GPL-3.0-or-later
// What a username, an email address and a password must look like. Thread: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace troupe::account {

/// 3 to 24 of A-Z a-z 0-9 _, one of them a letter, and not a name that an address or an imposter
/// needs (look_alike.hpp). Errors: invalid_argument (invalid_username).
[[nodiscard]] result<void> check_username(std::string_view username);
/// local@domain as mail servers take it, at most 254 bytes (RFC 5321, 4.5.3.1); ASCII, no quoted
/// local part. Errors: invalid_argument (invalid_email).
[[nodiscard]] result<void> check_email(std::string_view email);
/// 10 to 128 characters of UTF-8, and not the name or address it protects. Errors:
/// invalid_argument (weak_password).
[[nodiscard]] result<void> check_password(std::string_view password, std::string_view username,
                                          std::string_view email);

/// The form two spellings of the same name or address share: ASCII lower case.
std::string canonical(std::string_view name);

constexpr std::size_t largest_password_bytes = 512;  // 128 characters of up to 4 bytes

}  // namespace troupe::account
