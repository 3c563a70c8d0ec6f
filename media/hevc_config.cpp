// SPDX-License-Identifier: GPL-3.0-or-later
// HEVC (ITU-T H.265, section numbers below) as far as a packager needs it.
#include <algorithm>
#include <array>
#include <string>

#include "media/bit_reader.hpp"
#include "media/codec_config.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe::media {
namespace {

constexpr int nal_sps = 33;
constexpr int nal_idr_w_radl = 19;
constexpr int nal_idr_n_lp = 20;
constexpr int largest_vcl_type = 31;
constexpr std::uint32_t largest_side = 16384;

int nal_type(byte_view nal) {
  return nal.empty() ? 64 : (nal[0] >> 1) & 0x3F;
}

// ISO/IEC 14496-15, E.3: profile space and profile, compatibility flags in reverse bit order, tier
// and level, constraint bytes without trailing zeros.
std::string rfc6381_of(int space_tier_profile, std::uint32_t compatibility, byte_view constraints,
                       int level) {
  std::uint32_t reversed = 0;
  for (unsigned i = 0; i < 32; ++i) {
    reversed |= ((compatibility >> i) & 1) << (31 - i);
  }
  static constexpr std::array<const char*, 4> spaces{"", "A", "B", "C"};
  auto text = fmt::format(
      "hvc1.{}{}.{:X}.{}{}", spaces[static_cast<std::size_t>(space_tier_profile >> 6)],
      space_tier_profile & 0x1F, reversed, (space_tier_profile & 0x20) != 0 ? 'H' : 'L', level);
  auto used = constraints.size();
  while (used > 0 && constraints[used - 1] == 0) {
    --used;
  }
  for (const auto b : constraints.first(used)) {
    text += fmt::format(".{:X}", b);
  }
  return text;
}

// 7.3.3
void skip_profile_tier_level(bit_reader& in, unsigned sub_layers) {
  in.skip(88 + 8);
  std::array<bool, 8> profile{};
  std::array<bool, 8> level{};
  for (unsigned i = 0; i < sub_layers; ++i) {
    profile[i] = in.flag();
    level[i] = in.flag();
  }
  if (sub_layers > 0) {
    in.skip(2 * (8 - sub_layers));
  }
  for (unsigned i = 0; i < sub_layers; ++i) {
    in.skip((profile[i] ? 88U : 0U) + (level[i] ? 8U : 0U));
  }
}

// 7.3.4
void skip_scaling_lists(bit_reader& in) {
  for (unsigned size = 0; size < 4; ++size) {
    for (unsigned matrix = 0; matrix < 6 && in.ok(); matrix += size == 3 ? 3 : 1) {
      if (!in.flag()) {
        in.ue();
        continue;
      }
      if (size > 1) {
        in.se();
      }
      const int count = std::min(64, 1 << (4 + 2 * size));
      for (int i = 0; i < count && in.ok(); ++i) {
        in.se();
      }
    }
  }
}

// 7.3.7; deltas: number of pictures in each set so far.
bool skip_reference_set(bit_reader& in, unsigned index, std::array<unsigned, 65>& deltas) {
  if (index > 0 && in.flag()) {  // inter_ref_pic_set_prediction_flag; delta_idx is 1 in an SPS
    in.skip(1);
    in.ue();
    unsigned count = 0;
    for (unsigned i = 0; i <= deltas[index - 1] && in.ok(); ++i) {
      const bool used = in.flag();
      const bool kept = used || in.flag();
      count += kept ? 1 : 0;
    }
    deltas[index] = count;
    return in.ok();
  }
  const auto negative = in.ue();
  const auto positive = in.ue();
  if (!in.ok() || negative > 16 || positive > 16) {
    return false;
  }
  deltas[index] = negative + positive;
  for (unsigned i = 0; i < negative + positive; ++i) {
    in.ue();
    in.skip(1);
  }
  return in.ok();
}

// E.2.1, up to the timing information.
void read_vui(bit_reader& in, track_info& info) {
  if (in.flag()) {
    const auto idc = in.u(8);
    if (idc == 255) {
      info.sar_width = static_cast<int>(in.u(16));
      info.sar_height = static_cast<int>(in.u(16));
    } else {
      known_sample_aspect(idc, info.sar_width, info.sar_height);
    }
  }
  if (in.flag()) {
    in.skip(1);  // overscan_appropriate_flag
  }
  if (in.flag()) {
    in.skip(4);
    if (in.flag()) {
      in.skip(24);
    }
  }
  if (in.flag()) {
    in.ue();
    in.ue();
  }
  in.skip(1);                   // neutral_chroma_indication_flag
  info.interlaced = in.flag();  // field_seq_flag
  in.skip(1);
  if (in.flag()) {  // default display window
    for (int i = 0; i < 4; ++i) {
      in.ue();
    }
  }
  if (in.flag()) {
    const double units = in.u(32);
    const double scale = in.u(32);
    if (in.ok() && units > 0) {
      info.frame_rate = scale / units;
    }
  }
  if (!in.ok() || info.sar_width == 0 || info.sar_height == 0) {
    info.sar_width = info.sar_height = 1;
  }
}

bool read_size(bit_reader& in, track_info& info) {
  info.chroma_format = static_cast<int>(std::min(in.ue(), 3U));
  if (info.chroma_format == 3) {
    in.skip(1);
  }
  const auto width = in.ue();
  const auto height = in.ue();
  if (width > largest_side || height > largest_side) {
    return false;
  }
  std::int64_t cropped_x = 0;
  std::int64_t cropped_y = 0;
  if (in.flag()) {  // conformance window
    const std::int64_t unit_x = info.chroma_format == 1 || info.chroma_format == 2 ? 2 : 1;
    const std::int64_t unit_y = info.chroma_format == 1 ? 2 : 1;
    cropped_x = std::int64_t{in.ue()} * unit_x;
    cropped_x += std::int64_t{in.ue()} * unit_x;
    cropped_y = std::int64_t{in.ue()} * unit_y;
    cropped_y += std::int64_t{in.ue()} * unit_y;
  }
  info.width = static_cast<int>(std::max<std::int64_t>(std::int64_t{width} - cropped_x, 0));
  info.height = static_cast<int>(std::max<std::int64_t>(std::int64_t{height} - cropped_y, 0));
  return info.width > 0 && info.height > 0;
}

// Between the size and the VUI; false: the VUI cannot be found.
bool skip_coding_tools(bit_reader& in, unsigned sub_layers) {
  const auto poc_bits = in.ue() + 4;
  for (unsigned i = in.flag() ? 0 : sub_layers; i <= sub_layers; ++i) {
    in.ue();
    in.ue();
    in.ue();
  }
  for (int i = 0; i < 6; ++i) {
    in.ue();
  }
  if (in.flag() && in.flag()) {  // scaling_list_enabled_flag, sps_scaling_list_data_present_flag
    skip_scaling_lists(in);
  }
  in.skip(2);
  if (in.flag()) {  // pcm_enabled_flag
    in.skip(8);
    in.ue();
    in.ue();
    in.skip(1);
  }
  const auto sets = in.ue();
  if (sets > 64 || poc_bits > 16) {
    return false;
  }
  std::array<unsigned, 65> deltas{};
  for (unsigned i = 0; i < sets; ++i) {
    if (!skip_reference_set(in, i, deltas)) {
      return false;
    }
  }
  if (in.flag()) {  // long_term_ref_pics_present_flag
    const auto count = in.ue();
    for (std::uint32_t i = 0; i < count && i < 33 && in.ok(); ++i) {
      in.skip(poc_bits + 1);
    }
  }
  in.skip(2);
  return in.ok();
}

// 7.3.2.2.1
bool read_sps(byte_view nal, track_info& info) {
  const auto payload = unescape_nal(nal);
  bit_reader in(payload);
  in.skip(16 + 4);
  const auto sub_layers = std::min(in.u(3), 6U);
  in.skip(1);
  skip_profile_tier_level(in, sub_layers);
  in.ue();
  if (!read_size(in, info)) {
    return false;
  }
  info.bit_depth = static_cast<int>(std::min(in.ue(), 8U)) + 8;
  in.ue();
  if (!in.ok()) {
    return false;
  }
  if (skip_coding_tools(in, sub_layers) && in.flag()) {
    read_vui(in, info);
  }
  return true;
}

// The record's arrays of parameter sets: the first SPS, or nothing.
byte_view find_sps(byte_reader& in) {
  const int arrays = in.u8();
  for (int a = 0; a < arrays && in.ok(); ++a) {
    const int type = in.u8() & 0x3F;
    const int count = in.u16();
    for (int n = 0; n < count && in.ok(); ++n) {
      const auto nal = in.take(in.u16());
      if (type == nal_sps && in.ok()) {
        return nal;
      }
    }
  }
  return {};
}

}  // namespace

result<track_info> parse_hevc_config(byte_view record) {
  byte_reader in(record);
  const int version = in.u8();
  const int space_tier_profile = in.u8();
  const auto compatibility = in.u32();
  const auto constraints = in.take(6);
  track_info info;
  info.codec = codec::hevc;
  info.profile = space_tier_profile & 0x1F;
  info.level = in.u8();
  in.take(8);  // segmentation, parallelism, chroma, depths, average rate: the SPS knows better
  info.nal_length_size = (in.u8() & 3) + 1;
  const auto sps = find_sps(in);
  // Some encoders leave the version 0 of the standard's drafts.
  if (!in.ok() || version > 1 || sps.size() < 4 || nal_type(sps) != nal_sps ||
      info.nal_length_size == 3) {
    return fail(errc::data_corrupt, "the HEVC decoder configuration record does not parse");
  }
  if (!read_sps(sps, info)) {
    return fail(errc::data_corrupt, "the sequence parameter set does not parse");
  }
  info.rfc6381 = rfc6381_of(space_tier_profile, compatibility, constraints, info.level);
  add_picture_problems(info);
  return info;
}

bool is_hevc_idr(byte_view data, int nal_length_size) {
  bool idr = false;
  for_each_nal(data, nal_length_size, [&](byte_view nal) {
    const int type = nal_type(nal);
    idr = type == nal_idr_w_radl || type == nal_idr_n_lp;
    return !idr && type > largest_vcl_type;  // the first slice decides
  });
  return idr;
}

}  // namespace troupe::media
