// SPDX-License-Identifier: GPL-3.0-or-later
// RTMP's 32-bit milliseconds as 64-bit ones that never go back on a track.
// The 32 bits wrap after 49.7 days. Steps back of up to three seconds are an encoder's jitter: the
// time stands still until it has caught up. Further back is an encoder that began anew: both tracks
// go on from the last time. Steps forward are kept: what lies between was not sent.
// Thread: none of its own; one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "media/frame.hpp"
#include "net/rtmp/statistics.hpp"

namespace troupe::rtmp {

class timeline {
 public:
  struct instant {
    std::int64_t dts_ms = 0;
    /// What a presentation time is counted from: dts before it was held back.
    std::int64_t origin_ms = 0;
  };

  instant place(media::track track, std::uint32_t timestamp, demuxer_statistics& statistics);

 private:
  std::int64_t unwrap(std::uint32_t timestamp);

  bool started_ = false;
  std::int64_t unwrapped_ = 0;
  std::int64_t offset_ = 0;
  std::int64_t offset_before_ = 0;  // until the last restart: frames of the other track may be late
  std::int64_t latest_ = 0;         // over both tracks
  std::array<std::optional<std::int64_t>, 2> last_;
};

}  // namespace troupe::rtmp
