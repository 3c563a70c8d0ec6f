// SPDX-License-Identifier: GPL-3.0-or-later
// Passwords as bcrypt hashes. bcrypt reads 72 bytes and stops at a zero byte: so what it gets is
// the SHA-256 of the password in base64, 44 characters, made with a label of ours so that a hash
// leaked elsewhere is of no use here. Each call takes as long as the cost says (12: 0.25 s).
// Thread: any that may block that long.
#pragma once

#include <string>
#include <string_view>

namespace troupe::account {

/// "sha256:$2b$12$…", with a new salt. cost: 4 to 31, the logarithm of the work.
std::string hash_password(std::string_view password, int cost);
/// The same work whatever the password is.
bool is_password(std::string_view password, const std::string& hash);
/// 0 for what hash_password() did not make.
int cost_of(std::string_view hash);
/// A hash of this cost that no password has: what unknown users are checked against.
std::string impossible_hash(int cost);

/// bcrypt itself; setting: "$2b$12$" and 22 characters of salt, or a whole hash. Empty when the
/// setting is none.
std::string bcrypt(const std::string& key, const std::string& setting);

}  // namespace troupe::account
