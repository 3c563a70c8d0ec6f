// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/utf8.hpp"

namespace troupe::ws {

bool utf8_checker::put(byte_view data) {
  for (const auto byte : data) {
    if (missing_ == 0) {
      if (byte >= 0x80 && !begin(byte)) {
        return false;
      }
    } else if (byte < least_ || byte > most_) {
      return false;
    } else {
      --missing_;
      least_ = 0x80;
      most_ = 0xBF;
    }
  }
  return true;
}

/// RFC 3629 section 4: what may follow keeps out overlong forms, surrogates and all above U+10FFFF.
bool utf8_checker::begin(std::uint8_t lead) {
  if (lead >= 0xC2 && lead <= 0xDF) {
    missing_ = 1;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    missing_ = 2;
    least_ = lead == 0xE0 ? 0xA0 : 0x80;
    most_ = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    missing_ = 3;
    least_ = lead == 0xF0 ? 0x90 : 0x80;
    most_ = lead == 0xF4 ? 0x8F : 0xBF;
  } else {
    return false;
  }
  return true;
}

bool is_utf8(byte_view data) {
  utf8_checker checker;
  return checker.put(data) && checker.is_complete();
}

}  // namespace troupe::ws
