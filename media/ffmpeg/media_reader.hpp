// SPDX-License-Identifier: GPL-3.0-or-later
// Packets of a media file in memory, as libavformat sees them: the frames a publisher would send,
// and what a player finds in packaged media. Not for untrusted files (those belong into a child
// process). Thread: pure functions. They read all of it at once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.hpp"
#include "media/frame.hpp"

namespace troupe::media {

struct media_packet {
  media::track track = media::track::video;
  std::int64_t dts = 0;  ///< in the track's timescale
  std::int64_t pts = 0;
  std::int64_t duration = 0;
  bool key = false;  ///< the container's flag
  shared_bytes data;
};

struct media_file {
  std::shared_ptr<const track_format> video;  ///< null without one, or when its codec is not ours
  std::shared_ptr<const track_format> audio;
  std::int64_t video_timescale = 0;  ///< ticks per second
  std::int64_t audio_timescale = 0;
  std::vector<media_packet> packets;  ///< in the order of the file
};

[[nodiscard]] result<media_file> read_media(byte_view file);

/// As RTMP carries them: times rounded to milliseconds from start_ms on, interleaved by dts,
/// numbered from 0 per track.
[[nodiscard]] std::vector<frame> frames_of(const media_file& file, std::int64_t start_ms = 0);

/// Decodes everything and counts pictures and sample frames. Errors: data_corrupt with the first
/// complaint of a decoder.
struct decoded_counts {
  std::int64_t pictures = 0;
  std::int64_t samples = 0;
};

[[nodiscard]] result<decoded_counts> decode_media(byte_view file);

}  // namespace troupe::media
