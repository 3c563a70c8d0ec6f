// SPDX-License-Identifier: GPL-3.0-or-later
// The server's half of the RTMP handshake (RTMP 1.0, section 5.2), plain or with the digests that
// Flash Player 9 brought: C1 and S1 (1536 bytes) then hold an HMAC-SHA256 at a place named by four
// bytes, in one of two layouts. The answer to C1 goes out as soon as C1 is whole; C2 is read and
// not compared, because many encoders send it wrong.
// Thread: none of its own; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace troupe::rtmp {

constexpr std::size_t handshake_block_size = 1536;
using handshake_digest = std::array<std::uint8_t, 32>;

/// Where the four bytes stand that say where the digest is.
enum class digest_layout : std::uint16_t { first_half = 8, second_half = 772 };

/// Offset of the digest in a C1 or S1 block.
std::size_t digest_offset(std::span<const std::uint8_t, handshake_block_size> block,
                          digest_layout layout);
handshake_digest hmac_sha256(byte_view key, byte_view data);
/// The digest a block should have at this offset: over everything but those 32 bytes.
handshake_digest block_digest(std::span<const std::uint8_t, handshake_block_size> block,
                              std::size_t offset, byte_view key);
/// Keys of the digest in C1 (30 bytes), of the one in S1 (36 bytes), of the one in S2 (68 bytes).
byte_view client_key();
byte_view server_key();
byte_view server_full_key();

class handshake {
 public:
  enum class kind : std::uint8_t { unknown, plain, digest };

  /// Takes what it needs off the front of input, appends answers to output.
  /// Errors: invalid_argument (rtmp_protocol) for anything but version 3.
  result<void> read(byte_view& input, bytes& output);

  bool done() const { return received_ == 1 + 2 * handshake_block_size; }

  kind client_kind() const { return kind_; }

 private:
  void answer(bytes& output);
  std::optional<digest_layout> find_digest() const;

  std::array<std::uint8_t, handshake_block_size> c1_{};
  std::size_t received_ = 0;  // of C0, C1, C2 together
  kind kind_ = kind::unknown;
};

}  // namespace troupe::rtmp
