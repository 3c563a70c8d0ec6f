// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/password_hash.hpp"

#include <crypt.h>

#include <array>
#include <charconv>
#include <memory>

#include <spdlog/fmt/fmt.h>

#include "actors/account/crypto.hpp"
#include "base/check.hpp"

namespace troupe::account {

namespace {

constexpr std::string_view scheme = "sha256:";

std::string shortened(std::string_view password) {
  std::string labelled = "troupe password 1:";
  labelled.append(password);
  return to_base64(sha256(as_bytes(labelled)));
}

}  // namespace

std::string bcrypt(const std::string& key, const std::string& setting) {
  if (!setting.starts_with("$2")) {
    return {};  // another of libxcrypt's methods
  }
  // 32 KiB: too much for a thread's stack under a sanitizer.
  const auto scratch = std::make_unique<crypt_data>();
  const char* hash = crypt_r(key.c_str(), setting.c_str(), scratch.get());
  // libxcrypt answers "*0" or "*1" for a setting it does not know.
  return hash == nullptr || hash[0] != '$' ? std::string() : std::string(hash);
}

std::string hash_password(std::string_view password, int cost) {
  const auto salt = random_bytes(16);
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  const char* made = crypt_gensalt_rn(
      "$2b$", static_cast<unsigned long>(cost), reinterpret_cast<const char*>(salt.data()),
      static_cast<int>(salt.size()), setting.data(), static_cast<int>(setting.size()));
  TROUPE_CHECK(made != nullptr, "bcrypt's cost is between 4 and 31");
  const auto hash = bcrypt(shortened(password), setting.data());
  TROUPE_CHECK(!hash.empty(), "a setting made by libxcrypt is one that it takes");
  return std::string(scheme) + hash;
}

bool is_password(std::string_view password, const std::string& hash) {
  if (!hash.starts_with(scheme)) {
    return false;
  }
  const auto expected = hash.substr(scheme.size());
  const auto found = bcrypt(shortened(password), expected);
  return !found.empty() && equal_in_constant_time(as_bytes(found), as_bytes(expected));
}

int cost_of(std::string_view hash) {
  constexpr std::string_view before = "sha256:$2b$";
  int cost = 0;
  if (hash.starts_with(before)) {
    std::from_chars(hash.data() + before.size(), hash.data() + hash.size(), cost);
  }
  return cost;
}

std::string impossible_hash(int cost) {
  // The last character of a bcrypt hash carries 4 bits: it is never 'z', so nothing equals this.
  return fmt::format("{}$2b${:02}${:.>22}{:z>31}", scheme, cost, "", "");
}

}  // namespace troupe::account
