// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/timeline.hpp"

#include <algorithm>
#include <cstdlib>

namespace troupe::rtmp {

namespace {

/// Encoders' interleaving and clock jitter stay well below; restarts are far above.
constexpr std::int64_t jitter_ms = 3000;

}  // namespace

std::int64_t timeline::unwrap(std::uint32_t timestamp) {
  if (!started_) {
    started_ = true;
    unwrapped_ = timestamp;
    return unwrapped_;
  }
  // The nearest time with these low 32 bits: RFC 1982's comparison of serial numbers.
  unwrapped_ += static_cast<std::int32_t>(timestamp - static_cast<std::uint32_t>(unwrapped_));
  return unwrapped_;
}

timeline::instant timeline::place(media::track track, std::uint32_t timestamp,
                                  demuxer_statistics& statistics) {
  const bool first = !started_;
  const auto raw = unwrap(timestamp);
  auto& last = last_[static_cast<std::size_t>(track)];
  auto time = raw + offset_;
  if (first) {
    latest_ = time;
  }
  const auto reference = last.value_or(latest_);
  if (time < reference - jitter_ms || time > reference + jitter_ms) {
    const auto before = raw + offset_before_;
    if (offset_before_ != offset_ && std::abs(before - reference) <= jitter_ms) {
      time = before;
    } else if (time < reference) {
      ++statistics.timeline_restarts;
      offset_before_ = offset_;
      offset_ = latest_ - raw;
      time = latest_;
    }
  }
  const auto dts = std::max(time, last.value_or(time));
  if (dts != time) {
    ++statistics.timestamps_clamped;
  }
  last = dts;
  latest_ = std::max(latest_, dts);
  return {.dts_ms = dts, .origin_ms = time};
}

}  // namespace troupe::rtmp
