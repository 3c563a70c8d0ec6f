// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/handshake.hpp"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <spdlog/fmt/fmt.h>

namespace troupe::rtmp {

namespace {

constexpr std::uint8_t version = 3;
constexpr std::size_t digest_size = 32;
constexpr std::size_t after_c1 = 1 + handshake_block_size;
/// Both layouts put 728 bytes of room after their four offset bytes; the digest fills 32 of the
/// last.
constexpr std::size_t digest_places = 728;

constexpr std::string_view client_text = "Genuine Adobe Flash Player 001";
constexpr std::string_view server_text = "Genuine Adobe Flash Media Server 001";
/// The constant that every implementation of the digest handshake shares.
constexpr std::array<std::uint8_t, 32> common_secret{
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
    0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE};
/// What S1 claims to be: anything above zero makes clients check the digest.
constexpr std::array<std::uint8_t, 4> server_version{4, 5, 0, 1};

using block = std::array<std::uint8_t, handshake_block_size>;

void fill_random(std::span<std::uint8_t> target) {
  // No secret: the protocol only wants the bytes to differ. A failure leaves zeros.
  if (RAND_bytes(target.data(), static_cast<int>(target.size())) != 1) {
    std::ranges::fill(target, std::uint8_t{0});
  }
}

void append(bytes& output, byte_view data) {
  output.insert(output.end(), data.begin(), data.end());
}

block random_block() {
  block made{};
  fill_random(std::span(made).subspan(8));
  return made;
}

}  // namespace

byte_view client_key() {
  return as_bytes(client_text);
}

byte_view server_key() {
  return as_bytes(server_text);
}

byte_view server_full_key() {
  static const bytes key = [] {
    bytes made(server_text.begin(), server_text.end());
    append(made, common_secret);
    return made;
  }();
  return key;
}

std::size_t digest_offset(std::span<const std::uint8_t, handshake_block_size> b,
                          digest_layout layout) {
  const auto base = static_cast<std::size_t>(layout);
  const std::size_t sum = std::size_t{b[base]} + b[base + 1] + b[base + 2] + b[base + 3];
  return base + 4 + sum % digest_places;
}

handshake_digest hmac_sha256(byte_view key, byte_view data) {
  handshake_digest digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(),
       digest.data(), &size);
  return digest;
}

handshake_digest block_digest(std::span<const std::uint8_t, handshake_block_size> b,
                              std::size_t offset, byte_view key) {
  bytes rest(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(offset));
  rest.insert(rest.end(), b.begin() + static_cast<std::ptrdiff_t>(offset + digest_size), b.end());
  return hmac_sha256(key, rest);
}

result<void> handshake::read(byte_view& input, bytes& output) {
  if (received_ == 0 && !input.empty()) {
    if (input.front() != version) {
      return fail(errc::invalid_argument, "rtmp_protocol",
                  fmt::format("not RTMP version 3: the first byte is {}", input.front()));
    }
    input = input.subspan(1);
    received_ = 1;
  }
  if (received_ < after_c1) {
    const auto count = std::min(after_c1 - received_, input.size());
    std::copy_n(input.begin(), count, c1_.begin() + static_cast<std::ptrdiff_t>(received_ - 1));
    received_ += count;
    input = input.subspan(count);
    if (received_ < after_c1) {
      return {};
    }
    if (count > 0) {
      answer(output);
    }
  }
  const auto count = std::min(after_c1 + handshake_block_size - received_, input.size());
  received_ += count;
  input = input.subspan(count);
  return {};
}

std::optional<digest_layout> handshake::find_digest() const {
  for (const auto layout : {digest_layout::second_half, digest_layout::first_half}) {
    const auto offset = digest_offset(c1_, layout);
    const auto expected = block_digest(c1_, offset, client_key());
    if (CRYPTO_memcmp(expected.data(), c1_.data() + offset, digest_size) == 0) {
      return layout;
    }
  }
  return std::nullopt;
}

void handshake::answer(bytes& output) {
  output.push_back(version);
  auto s1 = random_block();
  const auto layout = find_digest();
  if (!layout) {
    kind_ = kind::plain;
    append(output, s1);
    append(output, c1_);  // S2 is C1 (5.2.4); its second time field may stay as it came
    return;
  }
  kind_ = kind::digest;
  std::ranges::copy(server_version, s1.begin() + 4);
  const auto offset = digest_offset(s1, *layout);
  std::ranges::copy(block_digest(s1, offset, server_key()),
                    s1.begin() + static_cast<std::ptrdiff_t>(offset));
  append(output, s1);

  auto s2 = random_block();
  const byte_view client_digest = byte_view(c1_).subspan(digest_offset(c1_, *layout), digest_size);
  const auto key = hmac_sha256(server_full_key(), client_digest);
  constexpr auto tail = handshake_block_size - digest_size;
  std::ranges::copy(hmac_sha256(key, byte_view(s2).first(tail)), s2.begin() + tail);
  append(output, s2);
}

}  // namespace troupe::rtmp
