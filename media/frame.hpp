// SPDX-License-Identifier: GPL-3.0-or-later
// Compressed media as ingest hands it over: one coded picture or audio frame, with the exact times
// the encoder gave.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.hpp"

namespace troupe::media {

enum class codec : std::uint8_t { h264, hevc, av1, aac, mp3, opus };
enum class track : std::uint8_t { video, audio };

/// What a decoder needs before the first frame.
/// configuration: H.264 AVCDecoderConfigurationRecord (ISO/IEC 14496-15),
/// HEVCDecoderConfigurationRecord, AV1CodecConfigurationRecord, or for AAC the AudioSpecificConfig
/// (ISO/IEC 14496-3). Empty for MP3.
struct track_format {
  media::codec codec = codec::h264;
  shared_bytes configuration;
};

/// data: H.264/HEVC as length-prefixed NAL units (length size as in the configuration), AV1 as a
/// low-overhead OBU temporal unit without temporal delimiter, AAC as a raw access unit without
/// ADTS.
struct frame {
  /// Per track, dense, given by the ingest edge after whatever it dropped.
  std::uint64_t number = 0;
  media::track track = track::video;
  /// Milliseconds on the publication's own timeline, as RTMP has them, unwrapped to 64 bits. Not
  /// decreasing per track in dts; pts >= dts is usual but not promised.
  std::int64_t dts_ms = 0;
  std::int64_t pts_ms = 0;
  /// What the container claims. Whether a frame is an IDR is read from the bitstream (design.md
  /// section 4).
  bool container_key = false;
  /// Shared by all frames until the encoder sends another configuration; compared by content.
  std::shared_ptr<const track_format> format;
  shared_bytes data;
};

template <class Inspector>
auto inspect(Inspector& f, track_format& x) {
  return f(x.codec, x.configuration);
}

template <class Inspector>
auto inspect(Inspector& f, frame& x) {
  return f(x.number, x.track, x.dts_ms, x.pts_ms, x.container_key, x.format, x.data);
}

}  // namespace troupe::media
