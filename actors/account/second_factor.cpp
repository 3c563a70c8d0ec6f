// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/second_factor.hpp"

#include <liboath/oath.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include <spdlog/fmt/fmt.h>

#include "actors/account/crypto.hpp"
#include "base/check.hpp"

namespace troupe::account {

namespace {

constexpr std::size_t secret_size = 20;
constexpr int recovery_codes = 10;
constexpr std::size_t recovery_characters = 10;
/// Crockford's, in small letters: nothing in it is taken for another, nor spells words.
constexpr std::string_view recovery_alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

std::string secret_purpose(user_id owner) {
  return "second factor of user " + std::to_string(owner);
}

std::string recovery_purpose(user_id owner) {
  return "recovery codes of user " + std::to_string(owner);
}

digest code_digest(const sealer& s, user_id owner, std::string_view code) {
  return s.digest_of(recovery_purpose(owner), as_bytes(code));
}

/// The digests that a sealed text holds, one after another.
result<bytes> open_digests(const sealer& s, user_id owner, byte_view sealed) {
  auto plain = s.open(recovery_purpose(owner), sealed);
  if (plain && plain->size() % std::tuple_size_v<digest> != 0) {
    return fail(errc::data_corrupt, "recovery codes of another length");
  }
  return plain;
}

bool is_code(std::string_view text) {
  return text.size() == totp_digits &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// For an address: what is not a letter, a digit or one of "-._~" in percent (RFC 3986, 2.3).
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace

std::int64_t totp_step_at(wall_time t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch() / totp_step;
}

std::string totp_code(byte_view secret, std::int64_t step, int digits) {
  std::array<char, 9> code{};
  const auto failed = oath_hotp_generate(
      reinterpret_cast<const char*>(secret.data()), secret.size(), static_cast<std::uint64_t>(step),
      static_cast<unsigned>(digits), false, OATH_HOTP_DYNAMIC_TRUNCATION, code.data());
  TROUPE_CHECK(failed == OATH_OK, "liboath makes codes of 6 to 8 digits");
  return code.data();
}

std::optional<std::int64_t> find_totp_step(byte_view secret, std::string_view code, wall_time now,
                                           std::int64_t after) {
  if (!is_code(code)) {
    return std::nullopt;
  }
  const auto current = totp_step_at(now);
  std::optional<std::int64_t> found;
  for (const auto step : {current - 1, current, current + 1}) {
    const auto expected = totp_code(secret, step);
    if (equal_in_constant_time(as_bytes(expected), as_bytes(code)) && step > after && !found) {
      found = step;
    }
  }
  return found;
}

bytes make_totp_secret() {
  return random_bytes(secret_size);
}

bytes seal_totp_secret(const sealer& s, user_id owner, byte_view secret) {
  return s.seal(secret_purpose(owner), secret);
}

result<bytes> open_totp_secret(const sealer& s, user_id owner, byte_view sealed) {
  return s.open(secret_purpose(owner), sealed);
}

std::string to_base32(byte_view data) {
  char* text = nullptr;
  std::size_t size = 0;
  const auto failed =
      oath_base32_encode(reinterpret_cast<const char*>(data.data()), data.size(), &text, &size);
  TROUPE_CHECK(failed == OATH_OK, "there is memory for a secret's text");
  std::string out(text, size);
  std::free(text);
  out.erase(std::min(out.find('='), out.size()));
  return out;
}

std::string totp_uri(std::string_view issuer, std::string_view username, byte_view secret) {
  return fmt::format(
      "otpauth://totp/{0}:{1}?secret={2}&issuer={0}&algorithm=SHA1&digits={3}&period={4}",
      percent_encoded(issuer), percent_encoded(username), to_base32(secret), totp_digits,
      totp_step.count());
}

std::vector<std::string> make_recovery_codes() {
  std::vector<std::string> codes;
  for (int i = 0; i < recovery_codes; ++i) {
    std::string code;
    for (const auto b : random_bytes(recovery_characters)) {
      code += recovery_alphabet[b % recovery_alphabet.size()];  // 256 is a multiple of 32
    }
    codes.push_back(code.insert(recovery_characters / 2, "-"));
  }
  return codes;
}

std::optional<std::string> read_recovery_code(std::string_view text) {
  std::string code;
  for (const char c : text.substr(0, 64)) {
    const char small = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (small == ' ' || small == '-') {
      continue;
    }
    const char meant = small == 'o' ? '0' : (small == 'i' || small == 'l' ? '1' : small);
    if (recovery_alphabet.find(meant) == recovery_alphabet.npos) {
      return std::nullopt;
    }
    code += meant;
  }
  return code.size() == recovery_characters ? std::optional(code) : std::nullopt;
}

bytes seal_recovery_codes(const sealer& s, user_id owner, const std::vector<std::string>& codes) {
  bytes digests;
  for (const auto& each : codes) {
    const auto d = code_digest(s, owner, read_recovery_code(each).value_or(""));
    digests.insert(digests.end(), d.begin(), d.end());
  }
  return s.seal(recovery_purpose(owner), digests);
}

result<std::optional<bytes>> use_recovery_code(const sealer& s, user_id owner, byte_view sealed,
                                               std::string_view code) {
  auto digests = open_digests(s, owner, sealed);
  if (!digests) {
    return fail(digests.error());
  }
  const auto wanted = code_digest(s, owner, code);
  constexpr auto size = static_cast<std::ptrdiff_t>(wanted.size());
  for (auto at = digests->begin(); at != digests->end(); at += size) {
    if (equal_in_constant_time(byte_view(at, at + size), wanted)) {
      digests->erase(at, at + size);
      return s.seal(recovery_purpose(owner), *digests);
    }
  }
  return std::nullopt;
}

result<int> count_recovery_codes(const sealer& s, user_id owner, byte_view sealed) {
  const auto digests = open_digests(s, owner, sealed);
  if (!digests) {
    return fail(digests.error());
  }
  return static_cast<int>(digests->size() / std::tuple_size_v<digest>);
}

}  // namespace troupe::account
