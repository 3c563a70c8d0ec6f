// SPDX-License-Identifier: GPL-3.0-or-later
// The first bytes of FLV's VIDEODATA and AUDIODATA bodies (Video File Format 10.1, annex E.4), with
// the additions of Enhanced RTMP version 2 (ExVideoTagHeader, ExAudioTagHeader, ModEx, Multitrack).
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "media/frame.hpp"

namespace troupe::rtmp {

enum class packet : std::uint8_t {
  configuration,  ///< a decoder configuration record
  frame,          ///< one coded picture or audio frame
  end,            ///< end of sequence
  nothing,        ///< commands, colour information, channel maps, other tracks: no media of ours
  unsupported,    ///< codec or packet we do not take: see what
};

/// A body's header, and where in the body the payload lies.
struct flv_tag {
  rtmp::packet packet = rtmp::packet::nothing;
  media::codec codec = media::codec::h264;
  /// For packet::unsupported: "Sorenson H.263", "HEVC in MPEG-2 TS".
  std::string_view what;
  bool is_key = false;
  std::int32_t composition_ms = 0;
  std::size_t offset = 0;
  std::size_t size = 0;
  /// Packets of tracks above 0 in a multitrack body.
  unsigned other_tracks = 0;
};

/// Errors: data_corrupt (flv_truncated) when the body ends inside its header.
result<flv_tag> read_video_tag(byte_view body);
result<flv_tag> read_audio_tag(byte_view body);

}  // namespace troupe::rtmp
