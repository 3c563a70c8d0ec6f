// SPDX-License-Identifier: GPL-3.0-or-later
// One parser per codec's configuration record: what parse_track() and is_idr() dispatch to.
// Thread: pure functions.
#pragma once

#include "base/result.hpp"
#include "media/track_info.hpp"

namespace troupe::media {

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) and the SPS in it (H.264, 7.3.2.1.1).
result<track_info> parse_h264_config(byte_view record);
/// HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1) and the SPS in it (H.265, 7.3.2.2).
result<track_info> parse_hevc_config(byte_view record);
/// AV1CodecConfigurationRecord (AV1 in ISOBMFF, 2.3) and the sequence header in it (AV1, 5.5).
result<track_info> parse_av1_config(byte_view record);
/// AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
result<track_info> parse_aac_config(byte_view record);

/// NAL unit type 5.
bool is_h264_idr(byte_view data, int nal_length_size);
/// NAL unit types IDR_W_RADL and IDR_N_LP.
bool is_hevc_idr(byte_view data, int nal_length_size);
/// A key frame with show_frame in a frame or frame header OBU.
bool is_av1_key(byte_view data);

/// Sample aspect ratio of aspect_ratio_idc 1 to 16 (H.264 table E-1, H.265 table E.1).
bool known_sample_aspect(unsigned idc, int& width, int& height);
/// Problems that size, depth and scan alone tell.
void add_picture_problems(track_info& info);

}  // namespace troupe::media
