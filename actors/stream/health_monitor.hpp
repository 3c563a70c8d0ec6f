// SPDX-License-Identifier: GPL-3.0-or-later
// What the streamer's health panel says of a track, measured over the last ten seconds of the
// stream's own time. A pure function of the frames it saw. Memory: bounded (see window_frames).
// Thread: none of its own; owned by the LiveStream actor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace troupe::stream {

class track_monitor {
 public:
  /// dts_ms: not decreasing; a step back (a new publication) starts the measurement anew.
  void add(std::int64_t dts_ms, std::size_t size_bytes, bool is_key);
  void reset();

  double frame_rate() const;
  std::int64_t bitrate_bps() const;
  /// The longer of the last interval between two key frames and the time since the last one, in
  /// seconds; nothing before the first key frame.
  std::optional<double> key_frame_interval_s() const;

 private:
  struct sample {
    std::int64_t dts_ms;
    std::size_t size_bytes;
  };

  /// From the first to the last frame in the window.
  std::int64_t span_ms() const;

  std::deque<sample> samples_;
  std::size_t window_bytes_ = 0;
  std::optional<std::int64_t> last_key_ms_;
  std::int64_t last_interval_ms_ = 0;
};

}  // namespace troupe::stream
