// SPDX-License-Identifier: GPL-3.0-or-later
// Is it UTF-8 (RFC 3629)? Asked piece by piece: a text message may be cut anywhere, and one that is
// wrong is refused at its first wrong byte (RFC 6455 8.1). Thread: one at a time.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace troupe::ws {

class utf8_checker {
 public:
  /// False from the first byte on that cannot stand there.
  bool put(byte_view data);

  /// Nothing is cut off at the end.
  bool is_complete() const { return missing_ == 0; }

  void reset() { *this = {}; }

 private:
  bool begin(std::uint8_t lead);

  std::uint8_t missing_ = 0;   // continuation bytes of the present code point
  std::uint8_t least_ = 0x80;  // what the next of them may be
  std::uint8_t most_ = 0xBF;
};

/// Of a whole text.
bool is_utf8(byte_view data);

}  // namespace troupe::ws
