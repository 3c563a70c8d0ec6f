// SPDX-License-Identifier: GPL-3.0-or-later
// What a track's configuration says about it, read without any decoder: size, rate, the codec
// string of RFC 6381 for the master playlist, and what players cannot play, as sentences for the
// streamer. Thread: pure functions, from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "media/frame.hpp"

namespace troupe::media {

/// Why some or all players cannot play a track. It is passed through all the same unless packaged
/// is false in its track_info.
struct problem {
  std::string code;     ///< stable, the page translates it: "chroma_444", "interlaced", …
  std::string message;  ///< one English sentence that says what to change

  friend bool operator==(const problem&, const problem&) = default;
};

/// Numbers are 0 where the configuration does not say them.
struct track_info {
  media::codec codec = media::codec::h264;
  media::track track = media::track::video;
  std::string rfc6381;   ///< "avc1.64001f", "hvc1.1.6.L90.B0", "av01.0.04M.08", "mp4a.40.2"
  int profile = 0;       ///< profile_idc, general_profile_idc, seq_profile, audio object type
  int level = 0;         ///< level_idc, general_level_idc, seq_level_idx; 0 for audio
  bool packaged = true;  ///< false: the packager leaves this track out (problems say why)

  int width = 0;  ///< as shown, after cropping, before the sample aspect ratio
  int height = 0;
  int sar_width = 1;  ///< sample aspect ratio
  int sar_height = 1;
  double frame_rate = 0;  ///< from the bitstream's timing information
  int bit_depth = 8;
  int chroma_format = 1;  ///< chroma_format_idc: 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4
  bool interlaced = false;
  int nal_length_size = 4;  ///< bytes before each NAL unit; H.264 and HEVC

  int sample_rate = 0;  ///< of the core decoder: what samples_per_frame counts
  int channels = 0;
  int samples_per_frame = 0;  ///< 1024 or 960

  std::vector<problem> problems;
};

/// Errors: unsupported (a codec we do not package, MP3 excepted: see packaged), data_corrupt.
[[nodiscard]] result<track_info> parse_track(const track_format& format);

/// Whether a decoder can start at this frame with nothing before it, read from the bitstream: H.264
/// and HEVC IDR pictures (neither CRA nor recovery points), an AV1 key frame that is shown. False
/// for audio and for what does not parse. info: parse_track() of the frame's format.
[[nodiscard]] bool is_idr(const track_info& info, byte_view data);

std::string_view to_string(codec c);

}  // namespace troupe::media
