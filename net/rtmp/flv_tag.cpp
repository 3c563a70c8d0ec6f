// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/flv_tag.hpp"

#include <algorithm>
#include <array>

namespace troupe::rtmp {

namespace {

constexpr std::uint32_t four_cc(const char (&text)[5]) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    value = (value << 8) | static_cast<std::uint8_t>(text[i]);
  }
  return value;
}

struct known_codec {
  std::uint32_t four_cc = 0;
  std::optional<media::codec> codec;
  std::string_view name;
};

constexpr std::array video_codecs{
    known_codec{four_cc("avc1"), media::codec::h264, "H.264"},
    known_codec{four_cc("hvc1"), media::codec::hevc, "HEVC"},
    known_codec{four_cc("av01"), media::codec::av1, "AV1"},
    known_codec{four_cc("vp08"), std::nullopt, "VP8"},
    known_codec{four_cc("vp09"), std::nullopt, "VP9"},
    known_codec{four_cc("vvc1"), std::nullopt, "VVC"},
};

constexpr std::array audio_codecs{
    known_codec{four_cc("mp4a"), media::codec::aac, "AAC"},
    known_codec{four_cc("Opus"), media::codec::opus, "Opus"},
    known_codec{four_cc(".mp3"), media::codec::mp3, "MP3"},
    known_codec{four_cc("ac-3"), std::nullopt, "AC-3"},
    known_codec{four_cc("ec-3"), std::nullopt, "E-AC-3"},
    known_codec{four_cc("fLaC"), std::nullopt, "FLAC"},
};

/// CodecID of FLV, E.4.3.1; 12 is what phone encoders made up for HEVC and 13 for AV1.
constexpr std::array<std::string_view, 16> old_video_codecs{"reserved codec 0",
                                                            "JPEG",
                                                            "Sorenson H.263",
                                                            "Screen video",
                                                            "On2 VP6",
                                                            "On2 VP6 with alpha",
                                                            "Screen video 2",
                                                            "H.264",
                                                            "reserved codec 8",
                                                            "reserved codec 9",
                                                            "reserved codec 10",
                                                            "reserved codec 11",
                                                            "HEVC",
                                                            "reserved codec 13",
                                                            "reserved codec 14",
                                                            "reserved codec 15"};

/// SoundFormat, E.4.2.1.
constexpr std::array<std::string_view, 16> old_audio_codecs{"Linear PCM",
                                                            "ADPCM",
                                                            "MP3",
                                                            "Linear PCM",
                                                            "Nellymoser",
                                                            "Nellymoser",
                                                            "Nellymoser",
                                                            "G.711 A-law",
                                                            "G.711 mu-law",
                                                            "Enhanced RTMP",
                                                            "AAC",
                                                            "Speex",
                                                            "reserved format 12",
                                                            "reserved format 13",
                                                            "MP3 at 8 kHz",
                                                            "device-specific sound"};

constexpr unsigned key_frame = 1;
constexpr unsigned command_frame = 5;

/// VideoPacketType and AudioPacketType agree on the first three.
enum class enhanced : std::uint8_t {
  sequence_start = 0,
  coded_frames = 1,
  sequence_end = 2,
};

std::unexpected<error> truncated() {
  return fail(errc::data_corrupt, "flv_truncated", "an FLV body ends inside its header");
}

std::int32_t signed_24(std::uint32_t value) {
  return static_cast<std::int32_t>(value << 8) >> 8;
}

void unsupported(flv_tag& tag, std::string_view what) {
  tag.packet = packet::unsupported;
  tag.what = what;
}

/// What Enhanced RTMP's audio and video headers have in common: ModEx prefixes, then one packet or
/// several tracks of packets. Leaves `in` at track 0's payload.
struct enhanced_header {
  unsigned type = 0;  // VideoPacketType or AudioPacketType
  std::uint32_t codec = 0;
  bool is_command = false;
  bool has_track = true;  // false: all tracks are above 0
  unsigned other_tracks = 0;
  byte_view payload;
};

struct enhanced_numbers {
  unsigned multitrack;
  unsigned mod_ex;
  unsigned metadata;  // the type for which a command frame is none
};

constexpr enhanced_numbers video_numbers{6, 7, 4};
constexpr enhanced_numbers audio_numbers{5, 7, 0xFF};

/// Modifiers stand before the packet they modify; the one there is (nanoseconds to add to the time)
/// is finer than anything behind us can use.
unsigned skip_modifiers(byte_reader& in, unsigned type, unsigned mod_ex) {
  while (type == mod_ex && in.ok()) {
    std::size_t size = std::size_t{in.u8()} + 1;
    if (size == 256) {
      size = std::size_t{in.u16()} + 1;
    }
    in.take(size);
    type = in.u8() & 0xFU;  // the upper half says which modifier it was
  }
  return type;
}

/// OneTrack 0, ManyTracks 1, ManyTracksManyCodecs 2.
bool read_tracks(byte_reader& in, unsigned layout, enhanced_header& header) {
  const bool many = layout != 0;
  bool found = false;
  do {
    const auto codec = layout == 2 ? in.u32() : header.codec;
    const auto track = in.u8();
    const auto size = many ? in.u24() : in.left();
    const auto payload = in.take(size);
    if (!in.ok()) {
      return false;
    }
    if (track == 0 && !found) {
      found = true;
      header.codec = codec;
      header.payload = payload;
    } else {
      ++header.other_tracks;
    }
  } while (many && in.left() > 0);
  header.has_track = found;
  return true;
}

std::optional<enhanced_header> read_enhanced(byte_reader& in, unsigned type, bool is_command,
                                             const enhanced_numbers& numbers) {
  enhanced_header header;
  header.type = skip_modifiers(in, type, numbers.mod_ex);
  if (is_command && header.type != numbers.metadata) {
    header.is_command = true;
    return in.ok() ? std::optional(header) : std::nullopt;
  }
  if (header.type != numbers.multitrack) {
    header.codec = in.u32();
    header.payload = in.rest();
    return in.ok() ? std::optional(header) : std::nullopt;
  }
  const unsigned layout_and_type = in.u8();
  const unsigned layout = layout_and_type >> 4;
  header.type = layout_and_type & 0xFU;
  if (header.type == numbers.multitrack || layout > 2) {
    return std::nullopt;
  }
  if (layout != 2) {
    header.codec = in.u32();
  }
  return in.ok() && read_tracks(in, layout, header) ? std::optional(header) : std::nullopt;
}

/// False when nothing is left to read of it.
template <std::size_t Size>
bool find_codec(const std::array<known_codec, Size>& codecs, const enhanced_header& header,
                flv_tag& tag) {
  tag.other_tracks = header.other_tracks;
  if (header.is_command || !header.has_track) {
    return false;
  }
  const auto known = std::ranges::find(codecs, header.codec, &known_codec::four_cc);
  if (known == codecs.end()) {
    unsupported(tag, "a codec we do not know");
    return false;
  }
  if (!known->codec) {
    unsupported(tag, known->name);
    return false;
  }
  tag.codec = *known->codec;
  return true;
}

void set_payload(flv_tag& tag, byte_view body, byte_view payload) {
  tag.offset = static_cast<std::size_t>(payload.data() - body.data());
  tag.size = payload.size();
}

result<flv_tag> read_enhanced_video(byte_view body) {
  byte_reader in(body);
  const unsigned first = in.u8();
  const unsigned frame_type = (first >> 4) & 7U;
  const auto header = read_enhanced(in, first & 0xFU, frame_type == command_frame, video_numbers);
  if (!header) {
    return truncated();
  }
  flv_tag tag;
  tag.is_key = frame_type == key_frame;
  if (!find_codec(video_codecs, *header, tag)) {
    return tag;
  }
  byte_reader payload(header->payload);
  switch (header->type) {
    case static_cast<unsigned>(enhanced::sequence_start):
      tag.packet = packet::configuration;
      break;
    case static_cast<unsigned>(enhanced::coded_frames):
      tag.packet = packet::frame;
      if (tag.codec != media::codec::av1) {  // AV1 has none
        tag.composition_ms = signed_24(payload.u24());
      }
      break;
    case static_cast<unsigned>(enhanced::sequence_end):
      tag.packet = packet::end;
      break;
    case 3:  // CodedFramesX: composition time 0
      tag.packet = packet::frame;
      break;
    case 4:  // Metadata: colour
      tag.packet = packet::nothing;
      break;
    case 5:
      unsupported(tag, "AV1 in MPEG-2 TS");
      break;
    default:
      unsupported(tag, "a packet type of Enhanced RTMP we do not know");
  }
  if (!payload.ok()) {
    return truncated();
  }
  set_payload(tag, body, payload.rest());
  return tag;
}

result<flv_tag> read_enhanced_audio(byte_view body) {
  byte_reader in(body);
  const unsigned first = in.u8();
  const auto header = read_enhanced(in, first & 0xFU, false, audio_numbers);
  if (!header) {
    return truncated();
  }
  flv_tag tag;
  tag.is_key = true;
  if (!find_codec(audio_codecs, *header, tag)) {
    return tag;
  }
  switch (header->type) {
    case static_cast<unsigned>(enhanced::sequence_start):
      // MP3 describes itself in every frame.
      tag.packet = tag.codec == media::codec::mp3 ? packet::nothing : packet::configuration;
      break;
    case static_cast<unsigned>(enhanced::coded_frames):
      tag.packet = packet::frame;
      break;
    case static_cast<unsigned>(enhanced::sequence_end):
      tag.packet = packet::end;
      break;
    case 4:  // MultichannelConfig: the codecs' own configuration says the same
      tag.packet = packet::nothing;
      break;
    default:
      unsupported(tag, "a packet type of Enhanced RTMP we do not know");
  }
  set_payload(tag, body, header->payload);
  return tag;
}

std::optional<packet> old_packet(unsigned type) {
  switch (type) {
    case 0:
      return packet::configuration;
    case 1:
      return packet::frame;
    case 2:
      return packet::end;
    default:
      return std::nullopt;
  }
}

}  // namespace

result<flv_tag> read_video_tag(byte_view body) {
  if (body.empty()) {
    return flv_tag{};  // some encoders send empty ones to keep the connection open
  }
  if ((body[0] & 0x80U) != 0) {
    return read_enhanced_video(body);
  }
  byte_reader in(body);
  const unsigned first = in.u8();
  flv_tag tag;
  tag.is_key = first >> 4 == key_frame;
  if (first >> 4 == command_frame) {
    return tag;
  }
  const auto codec = first & 0xFU;
  if (codec != 7 && codec != 12) {
    unsupported(tag, old_video_codecs[codec]);
    return tag;
  }
  tag.codec = codec == 7 ? media::codec::h264 : media::codec::hevc;
  const auto kind = old_packet(in.u8());
  tag.composition_ms = signed_24(in.u24());
  if (!in.ok()) {
    return truncated();
  }
  tag.packet = kind.value_or(packet::nothing);
  set_payload(tag, body, in.rest());
  return tag;
}

result<flv_tag> read_audio_tag(byte_view body) {
  if (body.empty()) {
    return flv_tag{};
  }
  const auto format = static_cast<std::size_t>(body[0] >> 4);
  if (format == 9) {
    return read_enhanced_audio(body);
  }
  byte_reader in(body);
  in.u8();
  flv_tag tag;
  tag.is_key = true;
  if (format == 10) {
    tag.codec = media::codec::aac;
    const auto kind = old_packet(in.u8());
    if (!in.ok()) {
      return truncated();
    }
    tag.packet = kind.value_or(packet::nothing);
  } else if (format == 2 || format == 14) {
    tag.codec = media::codec::mp3;
    tag.packet = packet::frame;
  } else {
    unsupported(tag, old_audio_codecs[format]);
    return tag;
  }
  set_payload(tag, body, in.rest());
  return tag;
}

}  // namespace troupe::rtmp
