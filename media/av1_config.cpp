// SPDX-License-Identifier: GPL-3.0-or-later
// AV1 (AV1 Bitstream and Decoding Process Specification, section numbers below) as far as a
// packager needs it.
#include <optional>

#include "media/bit_reader.hpp"
#include "media/codec_config.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe::media {
namespace {

constexpr int obu_sequence_header = 1;
constexpr int obu_frame_header = 3;
constexpr int obu_frame = 6;

struct obu {
  int type = 0;
  byte_view payload;
};

// 5.3.1, 4.10.5. Nothing when the data ends or does not parse.
std::optional<obu> next_obu(byte_reader& in) {
  if (in.left() == 0) {
    return std::nullopt;
  }
  const int header = in.u8();
  if ((header & 0x80) != 0) {
    return std::nullopt;
  }
  if ((header & 4) != 0) {
    in.u8();  // obu_extension_header
  }
  std::uint64_t size = in.left();
  if ((header & 2) != 0) {
    size = 0;
    for (unsigned i = 0; i < 8; ++i) {
      const std::uint64_t b = in.u8();
      size |= (b & 0x7F) << (7 * i);
      if ((b & 0x80) == 0) {
        break;
      }
    }
  }
  if (size > in.left()) {
    return std::nullopt;
  }
  const obu found{(header >> 3) & 15, in.take(static_cast<std::size_t>(size))};
  return in.ok() ? std::optional(found) : std::nullopt;
}

// 5.5.1, the part for each operating point.
void skip_operating_points(bit_reader& in, bool decoder_model, unsigned delay_bits) {
  const bool delays_present = in.flag();
  const auto count = in.u(5) + 1;
  for (unsigned i = 0; i < count; ++i) {
    in.skip(12);
    if (in.u(5) > 7) {
      in.skip(1);  // seq_tier
    }
    if (decoder_model && in.flag()) {
      in.skip(2 * delay_bits + 1);
    }
    if (delays_present && in.flag()) {
      in.skip(4);
    }
  }
}

// 5.5.3: with equal pictures a frame lasts num_ticks_per_picture ticks.
double read_timing(bit_reader& in) {
  const double units = in.u(32);
  const double scale = in.u(32);
  if (!in.flag() || units <= 0) {
    return 0;
  }
  const double ticks = in.uvlc() + 1.0;
  return in.ok() ? scale / units / ticks : 0;
}

// 5.5.1, up to the picture size.
bool read_sequence_header(byte_view payload, track_info& info) {
  bit_reader in(payload);
  in.skip(3 + 1);   // seq_profile, still_picture
  if (in.flag()) {  // reduced_still_picture_header
    in.skip(5);
  } else {
    bool decoder_model = false;
    unsigned delay_bits = 0;
    if (in.flag()) {  // timing_info_present_flag
      info.frame_rate = read_timing(in);
      decoder_model = in.flag();
      if (decoder_model) {
        delay_bits = in.u(5) + 1;
        in.skip(32 + 5 + 5);
      }
    }
    skip_operating_points(in, decoder_model, delay_bits);
  }
  const auto width_bits = in.u(4) + 1;
  const auto height_bits = in.u(4) + 1;
  info.width = static_cast<int>(in.u(width_bits)) + 1;
  info.height = static_cast<int>(in.u(height_bits)) + 1;
  return in.ok();
}

}  // namespace

result<track_info> parse_av1_config(byte_view record) {
  byte_reader in(record);
  const int marker = in.u8();
  const int profile_level = in.u8();
  const int flags = in.u8();
  in.u8();  // initial presentation delay
  if (!in.ok() || marker != 0x81) {
    return fail(errc::data_corrupt, "the AV1 codec configuration record does not parse");
  }
  track_info info;
  info.codec = codec::av1;
  info.profile = profile_level >> 5;
  info.level = profile_level & 0x1F;
  const bool high_bitdepth = (flags & 0x40) != 0;
  const bool twelve_bit = (flags & 0x20) != 0;
  info.bit_depth = !high_bitdepth ? 8 : (twelve_bit ? 12 : 10);
  const bool monochrome = (flags & 0x10) != 0;
  const bool subsampled_x = (flags & 8) != 0;
  const bool subsampled_y = (flags & 4) != 0;
  info.chroma_format = monochrome ? 0 : (!subsampled_x ? 3 : (subsampled_y ? 1 : 2));
  byte_reader obus(in.rest());
  bool found = false;
  while (const auto unit = next_obu(obus)) {
    if (unit->type == obu_sequence_header) {
      found = read_sequence_header(unit->payload, info);
      break;
    }
  }
  if (!found) {
    return fail(errc::data_corrupt, "the AV1 configuration has no sequence header");
  }
  info.rfc6381 = fmt::format("av01.{}.{:02}{}.{:02}", info.profile, info.level,
                             (flags & 0x80) != 0 ? 'H' : 'M', info.bit_depth);
  add_picture_problems(info);
  return info;
}

bool is_av1_key(byte_view data) {
  byte_reader in(data);
  bool reduced = false;
  while (const auto unit = next_obu(in)) {
    if (unit->type == obu_sequence_header && !unit->payload.empty()) {
      reduced = (unit->payload[0] & 0x08) != 0;  // reduced_still_picture_header: always a shown key
    }
    if ((unit->type == obu_frame || unit->type == obu_frame_header) && !unit->payload.empty()) {
      // 5.9.2: show_existing_frame, frame_type (0 = key), show_frame
      const int first = unit->payload[0];
      return reduced || ((first & 0x80) == 0 && (first & 0x60) == 0 && (first & 0x10) != 0);
    }
  }
  return false;
}

}  // namespace troupe::media
