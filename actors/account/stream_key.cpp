// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/stream_key.hpp"

#include <algorithm>

namespace troupe::account {

namespace {

constexpr std::string_view prefix = "live_";
constexpr std::size_t random_characters = 32;

std::string purpose_for(user_id owner) {
  return "stream key of user " + std::to_string(owner);
}

}  // namespace

std::string make_stream_key() {
  return std::string(prefix) + random_base62(random_characters);
}

bool is_stream_key_form(std::string_view key) {
  return key.size() == prefix.size() + random_characters && key.starts_with(prefix) &&
         std::ranges::all_of(key.substr(prefix.size()), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
         });
}

bytes seal_stream_key(const sealer& s, user_id owner, std::string_view key) {
  return s.seal(purpose_for(owner), as_bytes(key));
}

result<std::string> open_stream_key(const sealer& s, user_id owner, byte_view sealed) {
  const auto plain = s.open(purpose_for(owner), sealed);
  if (!plain) {
    return fail(plain.error());
  }
  return std::string(as_text(*plain));
}

bytes stream_key_digest(const sealer& s, std::string_view key) {
  const auto d = s.digest_of("stream key", as_bytes(key));
  return {d.begin(), d.end()};
}

}  // namespace troupe::account
