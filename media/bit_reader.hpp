// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the bit fields of codec headers. Beyond the end everything reads as zero and ok() is false.
// Thread: one at a time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace troupe::media {

class bit_reader {
 public:
  explicit bit_reader(byte_view data) : data_(data) {}

  /// count: 0 to 32.
  std::uint32_t u(unsigned count) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      value = (value << 1) | static_cast<std::uint32_t>(bit());
    }
    return value;
  }

  bool flag() { return bit(); }

  void skip(std::size_t count) {
    if (count > left()) {
      ok_ = false;
      position_ = data_.size() * 8;
    } else {
      position_ += count;
    }
  }

  /// Unsigned Exp-Golomb code, H.264 9.1. More than 31 leading zeros is an error.
  std::uint32_t ue() {
    unsigned zeros = 0;
    while (!bit()) {
      if (++zeros > 31 || !ok_) {
        ok_ = false;
        return 0;
      }
    }
    return (std::uint32_t{1} << zeros) - 1 + u(zeros);
  }

  /// Signed Exp-Golomb code, H.264 9.1.1.
  std::int32_t se() {
    const std::uint32_t k = ue();
    const auto half = static_cast<std::int32_t>(k / 2);
    return (k & 1) != 0 ? half + 1 : -half;
  }

  /// AV1 4.10.3, uvlc().
  std::uint32_t uvlc() { return ue(); }

  std::size_t left() const { return data_.size() * 8 - position_; }

  bool ok() const { return ok_; }

 private:
  bool bit() {
    if (position_ >= data_.size() * 8) {
      ok_ = false;
      return false;
    }
    const bool value = ((data_[position_ / 8] >> (7 - position_ % 8)) & 1) != 0;
    ++position_;
    return value;
  }

  byte_view data_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

/// A NAL unit's payload without emulation prevention bytes (H.264 7.3.1, HEVC 7.3.1.1); at most
/// limit bytes of it.
inline bytes unescape_nal(byte_view nal, std::size_t limit = 4096) {
  bytes out;
  out.reserve(nal.size() < limit ? nal.size() : limit);
  int zeros = 0;
  for (const auto b : nal) {
    if (zeros >= 2 && b == 3) {
      zeros = 0;
      continue;
    }
    if (out.size() == limit) {
      break;
    }
    out.push_back(b);
    zeros = b == 0 ? zeros + 1 : 0;
  }
  return out;
}

/// Calls found(nal) for each length-prefixed NAL unit until it returns false. A length beyond the
/// end ends the walk.
template <class Found>
void for_each_nal(byte_view data, int length_size, Found found) {
  byte_reader in(data);
  while (in.left() > static_cast<std::size_t>(length_size)) {
    std::size_t size = 0;
    for (int i = 0; i < length_size; ++i) {
      size = (size << 8) | in.u8();
    }
    if (size > in.left() || !found(in.take(size))) {
      return;
    }
  }
}

}  // namespace troupe::media
