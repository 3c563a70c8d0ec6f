// SPDX-License-Identifier: GPL-3.0-or-later
// H.264 (ITU-T H.264, section numbers below) as far as a packager needs it.
#include <algorithm>

#include "media/bit_reader.hpp"
#include "media/codec_config.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe::media {
namespace {

constexpr int nal_sps = 7;
constexpr int nal_idr = 5;
constexpr std::uint32_t largest_side = 16384;  // level 6.2 allows 16,880 on one side at most

bool has_chroma_fields(std::uint32_t profile) {
  static constexpr std::uint32_t with[] = {100, 110, 122, 244, 44,  83, 86,
                                           118, 128, 138, 139, 134, 135};
  return std::ranges::find(with, profile) != std::end(with);
}

// 7.3.2.1.1.1
void skip_scaling_list(bit_reader& in, int size) {
  int last = 8;
  int next = 8;
  for (int i = 0; i < size && in.ok(); ++i) {
    if (next != 0) {
      next = (last + in.se() % 256 + 256) % 256;
    }
    last = next == 0 ? last : next;
  }
}

// E.1.1, up to the timing information.
void read_vui(bit_reader& in, track_info& info) {
  if (in.flag()) {  // aspect_ratio_info_present_flag
    const auto idc = in.u(8);
    if (idc == 255) {
      info.sar_width = static_cast<int>(in.u(16));
      info.sar_height = static_cast<int>(in.u(16));
    } else {
      known_sample_aspect(idc, info.sar_width, info.sar_height);
    }
  }
  if (in.flag()) {  // overscan_info_present_flag
    in.skip(1);
  }
  if (in.flag()) {  // video_signal_type_present_flag
    in.skip(4);
    if (in.flag()) {
      in.skip(24);
    }
  }
  if (in.flag()) {  // chroma_loc_info_present_flag
    in.ue();
    in.ue();
  }
  if (in.flag()) {  // timing_info_present_flag
    const double units = in.u(32);
    const double scale = in.u(32);
    if (in.ok() && units > 0) {
      info.frame_rate = scale / units / 2;  // a tick is a field
    }
  }
  if (info.sar_width == 0 || info.sar_height == 0) {
    info.sar_width = info.sar_height = 1;
  }
}

void read_chroma(bit_reader& in, track_info& info) {
  info.chroma_format = static_cast<int>(std::min(in.ue(), 3U));
  if (info.chroma_format == 3) {
    in.skip(1);  // separate_colour_plane_flag
  }
  info.bit_depth = static_cast<int>(std::min(in.ue(), 6U)) + 8;
  in.ue();  // bit_depth_chroma_minus8
  in.skip(1);
  if (in.flag()) {  // seq_scaling_matrix_present_flag
    const int lists = info.chroma_format == 3 ? 12 : 8;
    for (int i = 0; i < lists && in.ok(); ++i) {
      if (in.flag()) {
        skip_scaling_list(in, i < 6 ? 16 : 64);
      }
    }
  }
}

void skip_picture_order(bit_reader& in) {
  in.ue();  // log2_max_frame_num_minus4
  const auto type = in.ue();
  if (type == 0) {
    in.ue();
  } else if (type == 1) {
    in.skip(1);
    in.se();
    in.se();
    const auto cycle = in.ue();
    for (std::uint32_t i = 0; i < cycle && i < 256 && in.ok(); ++i) {
      in.se();
    }
  }
}

// 7.4.2.1.1: crop units depend on chroma format and frame_mbs_only_flag.
bool read_size(bit_reader& in, track_info& info) {
  const auto width_mbs = in.ue();
  const auto height_units = in.ue();
  const bool frames_only = in.flag();
  if (!frames_only) {
    in.skip(1);  // mb_adaptive_frame_field_flag
    info.interlaced = true;
  }
  in.skip(1);  // direct_8x8_inference_flag
  if (width_mbs >= largest_side / 16 || height_units >= largest_side / 16) {
    return false;
  }
  auto width = static_cast<std::int64_t>(width_mbs + 1) * 16;
  auto height = static_cast<std::int64_t>(height_units + 1) * 16 * (frames_only ? 1 : 2);
  if (in.flag()) {
    const std::int64_t unit_x = info.chroma_format == 1 || info.chroma_format == 2 ? 2 : 1;
    const std::int64_t unit_y = (info.chroma_format == 1 ? 2 : 1) * (frames_only ? 1 : 2);
    const auto left = std::int64_t{in.ue()};
    const auto right = std::int64_t{in.ue()};
    const auto top = std::int64_t{in.ue()};
    const auto bottom = std::int64_t{in.ue()};
    width -= (left + right) * unit_x;
    height -= (top + bottom) * unit_y;
  }
  info.width = static_cast<int>(std::max<std::int64_t>(width, 0));
  info.height = static_cast<int>(std::max<std::int64_t>(height, 0));
  return info.width > 0 && info.height > 0;
}

bool read_sps(byte_view nal, track_info& info) {
  const auto payload = unescape_nal(nal);
  bit_reader in(payload);
  in.skip(8);  // NAL unit header
  const auto profile = in.u(8);
  in.skip(16);  // constraint flags, level: as in the record
  in.ue();      // seq_parameter_set_id
  if (has_chroma_fields(profile)) {
    read_chroma(in, info);
  }
  skip_picture_order(in);
  in.ue();  // max_num_ref_frames
  in.skip(1);
  if (!read_size(in, info) || !in.ok()) {
    return false;
  }
  if (in.flag()) {
    read_vui(in, info);
  }
  return true;
}

}  // namespace

result<track_info> parse_h264_config(byte_view record) {
  byte_reader in(record);
  const int version = in.u8();
  track_info info;
  info.codec = codec::h264;
  info.profile = in.u8();
  const int constraints = in.u8();
  info.level = in.u8();
  info.nal_length_size = (in.u8() & 3) + 1;
  const int sps_count = in.u8() & 0x1F;
  const auto sps = in.take(in.u16());
  if (!in.ok() || version != 1 || sps_count == 0 || sps.size() < 4 || (sps[0] & 0x1F) != nal_sps) {
    return fail(errc::data_corrupt, "the AVC decoder configuration record does not parse");
  }
  if (info.nal_length_size == 3) {
    return fail(errc::data_corrupt, "NAL unit lengths of 3 bytes do not exist");
  }
  if (!read_sps(sps, info)) {
    return fail(errc::data_corrupt, "the sequence parameter set does not parse");
  }
  info.rfc6381 = fmt::format("avc1.{:02x}{:02x}{:02x}", info.profile, constraints, info.level);
  add_picture_problems(info);
  return info;
}

bool is_h264_idr(byte_view data, int nal_length_size) {
  bool idr = false;
  for_each_nal(data, nal_length_size, [&](byte_view nal) {
    const int type = nal.empty() ? 0 : nal[0] & 0x1F;
    idr = type == nal_idr;
    return !idr && (type < 1 || type > 4);  // the first slice decides
  });
  return idr;
}

}  // namespace troupe::media
