// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/viewer/resume_token.hpp"

#include <algorithm>

namespace troupe::viewer {
namespace {

constexpr std::uint8_t layout = 1;
constexpr std::size_t plain_size = 1 + 4 * 8 + 16;
constexpr std::string_view hex = "0123456789abcdef";
/// Clocks of nodes differ by this much at most; a token from further ahead is no token of ours.
constexpr auto clock_skew = std::chrono::minutes(1);

}  // namespace

session_bytes random_session() {
  session_bytes session{};
  std::ranges::copy(account::random_bytes(session.size()), session.begin());
  return session;
}

std::string text_of(const session_bytes& session) {
  std::string text;
  for (const auto byte : session) {
    text += hex[byte >> 4U];
    text += hex[byte & 0xFU];
  }
  return text;
}

std::optional<session_bytes> session_of(std::string_view text) {
  session_bytes session{};
  if (text.size() != 2 * session.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < session.size(); ++i) {
    const auto high = hex.find(text[2 * i]);
    const auto low = hex.find(text[2 * i + 1]);
    if (high == hex.npos || low == hex.npos) {
      return std::nullopt;
    }
    session[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return session;
}

std::string resume_tokens::make(const resume_point& p) const {
  byte_writer out;
  out.u8(layout);
  out.u64(static_cast<std::uint64_t>(p.room));
  out.u64(static_cast<std::uint64_t>(p.user));
  out.u64(static_cast<std::uint64_t>(p.last_seq));
  out.u64(static_cast<std::uint64_t>(to_unix_ms(clock_.wall())));
  out.append(p.session);
  out.append(account::hmac_sha256(key_, out.view()));
  return account::to_base64url(out.view());
}

std::optional<resume_point> resume_tokens::read(std::string_view token) const {
  const auto raw = account::from_base64url(token);
  if (!raw || raw->size() != plain_size + std::tuple_size_v<account::digest>) {
    return std::nullopt;
  }
  const auto plain = byte_view(*raw).first(plain_size);
  const auto signature = account::hmac_sha256(key_, plain);
  if (!account::equal_in_constant_time(signature, byte_view(*raw).subspan(plain_size))) {
    return std::nullopt;
  }
  byte_reader in(plain);
  const auto version = in.u8();
  resume_point p;
  p.room = static_cast<user_id>(in.u64());
  p.user = static_cast<user_id>(in.u64());
  p.last_seq = static_cast<std::int64_t>(in.u64());
  const auto age = clock_.wall() - from_unix_ms(static_cast<std::int64_t>(in.u64()));
  std::ranges::copy(in.take(p.session.size()), p.session.begin());
  if (version != layout || age > life || age < -clock_skew) {
    return std::nullopt;
  }
  return p;
}

}  // namespace troupe::viewer
