// SPDX-License-Identifier: GPL-3.0-or-later
// Codec configuration records, and key-frame detection in frames. The first byte chooses the codec;
// the rest is the configuration, and, once more, a frame.
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "media/track_info.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace troupe::media;
  if (size == 0) {
    return 0;
  }
  const auto chosen = static_cast<codec>(data[0] % 6);
  const troupe::bytes rest(data + 1, data + size);
  if (const auto info = parse_track({chosen, troupe::shared_bytes(rest)})) {
    TROUPE_CHECK(!info->rfc6381.empty(), "a parsed track has a codec string");
    TROUPE_CHECK(info->sar_width > 0 && info->sar_height > 0, "an aspect ratio is never 0");
    if (info->track == track::video) {
      TROUPE_CHECK(info->width > 0 && info->height > 0, "a picture has a size");
    } else if (info->packaged) {
      TROUPE_CHECK(info->sample_rate > 0 && info->channels > 0 && info->samples_per_frame > 0,
                   "a sound has a rate, channels and a frame size");
    }
  }
  track_info any;
  any.codec = chosen;
  for (const int length_size : {1, 2, 4}) {
    any.nal_length_size = length_size;
    static_cast<void>(is_idr(any, rest));
  }
  return 0;
}
