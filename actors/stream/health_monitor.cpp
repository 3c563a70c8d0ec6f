// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/health_monitor.hpp"

#include <algorithm>

namespace troupe::stream {
namespace {

constexpr std::int64_t window_ms = 10'000;
// 10 s at 240 frames/s; beyond it the window is shorter, not larger.
constexpr std::size_t window_frames = 2'400;

}  // namespace

void track_monitor::add(std::int64_t dts_ms, std::size_t size_bytes, bool is_key) {
  if (!samples_.empty() && dts_ms < samples_.back().dts_ms) {
    reset();
  }
  samples_.push_back({dts_ms, size_bytes});
  window_bytes_ += size_bytes;
  while (samples_.size() > window_frames || samples_.front().dts_ms < dts_ms - window_ms) {
    window_bytes_ -= samples_.front().size_bytes;
    samples_.pop_front();
  }
  if (is_key) {
    last_interval_ms_ = last_key_ms_ ? dts_ms - *last_key_ms_ : 0;
    last_key_ms_ = dts_ms;
  }
}

void track_monitor::reset() {
  *this = {};
}

std::int64_t track_monitor::span_ms() const {
  return samples_.size() < 2 ? 0 : samples_.back().dts_ms - samples_.front().dts_ms;
}

double track_monitor::frame_rate() const {
  const auto span = span_ms();
  return span == 0 ? 0
                   : static_cast<double>(samples_.size() - 1) * 1000.0 / static_cast<double>(span);
}

std::int64_t track_monitor::bitrate_bps() const {
  const auto span = span_ms();
  // The last frame's duration lies outside the span, so its bytes do too.
  return span == 0
             ? 0
             : static_cast<std::int64_t>(window_bytes_ - samples_.back().size_bytes) * 8'000 / span;
}

std::optional<double> track_monitor::key_frame_interval_s() const {
  if (!last_key_ms_ || samples_.empty()) {
    return std::nullopt;
  }
  return static_cast<double>(std::max(last_interval_ms_, samples_.back().dts_ms - *last_key_ms_)) /
         1000.0;
}

}  // namespace troupe::stream
