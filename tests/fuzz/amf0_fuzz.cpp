// SPDX-License-Identifier: GPL-3.0-or-later
// AMF0: whatever decodes must encode to something that decodes to the same bytes again.
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "net/rtmp/amf0.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto values = troupe::rtmp::amf0::decode_all({data, size});
  if (values) {
    const auto encoded = troupe::rtmp::amf0::encode_all(*values);
    const auto again = troupe::rtmp::amf0::decode_all(encoded);
    TROUPE_CHECK(again, "what we encode must decode");
    // Bytes, not values: a number may be NaN, which equals nothing.
    TROUPE_CHECK(troupe::rtmp::amf0::encode_all(*again) == encoded, "encoding must be stable");
  }
  return 0;
}
