// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/codec_configuration.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe::rtmp {

namespace {

std::unexpected<error> bad(std::string_view record, std::string_view why) {
  return fail(errc::data_corrupt, "bad_configuration", fmt::format("{}: {}", record, why));
}

/// Both H.264's and HEVC's records have it in two bits; three bytes are not allowed.
std::optional<std::size_t> length_size(std::uint8_t field) {
  const std::size_t size = (field & 3U) + 1;
  return size == 3 ? std::nullopt : std::optional(size);
}

/// ISO/IEC 14496-15, 5.3.3.1.
result<std::size_t> check_avc(byte_view record) {
  constexpr std::string_view name = "AVCDecoderConfigurationRecord";
  byte_reader in(record);
  if (in.u8() != 1) {
    return bad(name, "unknown version");
  }
  in.take(3);  // profile, compatibility, level
  const auto size = length_size(in.u8());
  if (!size) {
    return bad(name, "NAL lengths of 3 bytes");
  }
  const auto sets = [&](std::size_t count, unsigned nal_type) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto set = in.take(in.u16());
      if (!in.ok() || set.empty() || (set.front() & 0x1FU) != nal_type) {
        return false;
      }
    }
    return count > 0;
  };
  if (!sets(in.u8() & 0x1FU, 7)) {
    return bad(name, "no whole sequence parameter set");
  }
  if (!sets(in.u8(), 8)) {
    return bad(name, "no whole picture parameter set");
  }
  return *size;
}

/// ISO/IEC 14496-15, 8.3.3.1.
result<std::size_t> check_hevc(byte_view record) {
  constexpr std::string_view name = "HEVCDecoderConfigurationRecord";
  byte_reader in(record);
  if (in.u8() > 1) {  // 0: drafts, which phones still send
    return bad(name, "unknown version");
  }
  in.take(20);
  const auto size = length_size(in.u8());
  if (!size) {
    return bad(name, "NAL lengths of 3 bytes");
  }
  bool sps = false;
  bool pps = false;
  const unsigned arrays = in.u8();
  for (unsigned i = 0; i < arrays; ++i) {
    const unsigned type = in.u8() & 0x3FU;
    const unsigned count = in.u16();
    for (unsigned n = 0; n < count; ++n) {
      const auto unit = in.take(in.u16());
      if (!in.ok() || unit.size() < 2) {
        return bad(name, "a NAL unit is cut short");
      }
      sps = sps || type == 33;
      pps = pps || type == 34;
    }
  }
  if (!in.ok() || !sps || !pps) {
    return bad(name, "no whole sequence and picture parameter set");
  }
  return *size;
}

/// AV1 Codec ISO Media File Format Binding, 2.3.3.
result<std::size_t> check_av1(byte_view record) {
  constexpr std::string_view name = "AV1CodecConfigurationRecord";
  if (record.size() < 4) {
    return bad(name, "cut short");
  }
  if (record[0] != 0x81) {
    return bad(name, "unknown version");
  }
  if (!temporal_delimiters_size(record.subspan(4))) {
    return bad(name, "its OBUs do not add up");
  }
  return 0;
}

/// ISO/IEC 14496-3, 1.6.2.1.
result<std::size_t> check_aac(byte_view record) {
  constexpr std::string_view name = "AudioSpecificConfig";
  if (record.size() < 2) {
    return bad(name, "cut short");
  }
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    bits = (bits << 8) | (i < record.size() ? record[i] : 0U);
  }
  std::size_t used = 0;
  const auto take = [&](unsigned count) {
    const auto taken = (bits << used) >> (64 - count);
    used += count;
    return taken;
  };
  if (auto type = take(5); type == 0 || (type == 31 && take(6) == 0)) {
    return bad(name, "no object type");
  }
  const auto frequency = take(4);
  if (frequency == 13 || frequency == 14 || (frequency == 15 && take(24) == 0)) {
    return bad(name, "no sampling frequency");
  }
  take(4);  // channels: 0 means that they are described further on
  if (used > 8 * record.size()) {
    return bad(name, "cut short");
  }
  return 0;
}

/// RFC 7845, 5.1.
result<std::size_t> check_opus(byte_view record) {
  if (record.size() < 19 || as_text(record.first(8)) != "OpusHead" || record[9] == 0) {
    return bad("OpusHead", "not an identification header");
  }
  return 0;
}

}  // namespace

result<std::size_t> check_configuration(media::codec codec, byte_view record) {
  // The largest sets of H.264 have some kilobytes; more is somebody filling our memory.
  constexpr std::size_t largest = std::size_t{64} << 10;
  if (record.size() > largest) {
    return bad("decoder configuration", "over 64 KiB");
  }
  switch (codec) {
    case media::codec::h264:
      return check_avc(record);
    case media::codec::hevc:
      return check_hevc(record);
    case media::codec::av1:
      return check_av1(record);
    case media::codec::aac:
      return check_aac(record);
    case media::codec::opus:
      return check_opus(record);
    case media::codec::mp3:
      break;
  }
  return 0;
}

std::optional<std::size_t> nal_units_size(byte_view data, std::size_t length_size) {
  std::size_t at = 0;
  while (data.size() - at >= length_size) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < length_size; ++i) {
      length = (length << 8) | data[at + i];
    }
    if (length == 0) {
      break;  // padding, if nothing but zeros follows
    }
    if (length > data.size() - at - length_size) {
      return std::nullopt;
    }
    at += length_size + length;
  }
  for (const auto b : data.subspan(at)) {
    if (b != 0) {
      return std::nullopt;
    }
  }
  return at == 0 ? std::nullopt : std::optional(at);
}

std::size_t adts_header_size(byte_view data) {
  if (data.size() < 7 || data[0] != 0xFF || (data[1] & 0xF6U) != 0xF0) {
    return 0;
  }
  const std::size_t header = (data[1] & 1U) != 0 ? 7 : 9;  // with or without checksum
  const std::size_t length =
      ((data[3] & 3U) << 11) | (std::size_t{data[4]} << 3) | (std::size_t{data[5]} >> 5);
  return length == data.size() && length > header ? header : 0;
}

std::optional<std::size_t> temporal_delimiters_size(byte_view data) {
  constexpr unsigned temporal_delimiter = 2;
  std::size_t delimiters = 0;
  bool at_front = true;
  byte_reader in(data);
  while (in.left() > 0) {
    const unsigned header = in.u8();
    if ((header & 0x80U) != 0) {  // obu_forbidden_bit
      return std::nullopt;
    }
    if ((header & 4U) != 0) {  // obu_extension_flag
      in.u8();
    }
    std::uint64_t size = in.left();
    if ((header & 2U) != 0) {  // obu_has_size_field: leb128 (4.10.5)
      size = 0;
      for (unsigned i = 0; i < 8; ++i) {
        const std::uint64_t b = in.u8();
        size |= (b & 0x7FU) << (7 * i);
        if ((b & 0x80U) == 0) {
          break;
        }
      }
    }
    in.take(size);
    if (!in.ok()) {
      return std::nullopt;
    }
    at_front = at_front && ((header >> 3) & 0xFU) == temporal_delimiter;
    if (at_front) {
      delimiters = data.size() - in.left();
    }
  }
  return delimiters;
}

}  // namespace troupe::rtmp
