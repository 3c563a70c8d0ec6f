// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/track_info.hpp"

#include <array>

#include "media/codec_config.hpp"

namespace troupe::media {
namespace {

track_info unpackaged(codec c, std::string rfc6381, problem why) {
  track_info info;
  info.codec = c;
  info.track = track::audio;
  info.rfc6381 = std::move(rfc6381);
  info.packaged = false;
  info.problems.push_back(std::move(why));
  return info;
}

result<track_info> dispatch(const track_format& format) {
  const auto record = format.configuration.view();
  switch (format.codec) {
    case codec::h264:
      return parse_h264_config(record);
    case codec::hevc:
      return parse_hevc_config(record);
    case codec::av1:
      return parse_av1_config(record);
    case codec::aac:
      return parse_aac_config(record);
    case codec::mp3:
      return unpackaged(codec::mp3, "mp4a.40.34",
                        {"audio_mp3",
                         "The sound is MP3, which is not passed on to viewers: choose AAC in the "
                         "encoder's audio settings."});
    case codec::opus:
      return unpackaged(codec::opus, "opus",
                        {"audio_opus",
                         "The sound is Opus, which is not passed on to viewers yet: choose AAC in "
                         "the encoder's audio settings."});
  }
  return fail(errc::unsupported, "unknown codec");
}

}  // namespace

result<track_info> parse_track(const track_format& format) {
  auto info = dispatch(format);
  if (!info) {
    return fail(info.error().with(to_string(format.codec)));
  }
  return info;
}

bool is_idr(const track_info& info, byte_view data) {
  switch (info.codec) {
    case codec::h264:
      return is_h264_idr(data, info.nal_length_size);
    case codec::hevc:
      return is_hevc_idr(data, info.nal_length_size);
    case codec::av1:
      return is_av1_key(data);
    default:
      return false;
  }
}

std::string_view to_string(codec c) {
  switch (c) {
    case codec::h264:
      return "h264";
    case codec::hevc:
      return "hevc";
    case codec::av1:
      return "av1";
    case codec::aac:
      return "aac";
    case codec::mp3:
      return "mp3";
    case codec::opus:
      return "opus";
  }
  return "unknown";
}

bool known_sample_aspect(unsigned idc, int& width, int& height) {
  struct ratio {
    int width;
    int height;
  };

  static constexpr std::array<ratio, 17> table{{{1, 1},
                                                {1, 1},
                                                {12, 11},
                                                {10, 11},
                                                {16, 11},
                                                {40, 33},
                                                {24, 11},
                                                {20, 11},
                                                {32, 11},
                                                {80, 33},
                                                {18, 11},
                                                {15, 11},
                                                {64, 33},
                                                {160, 99},
                                                {4, 3},
                                                {3, 2},
                                                {2, 1}}};
  if (idc == 0 || idc >= table.size()) {
    return false;
  }
  width = table[idc].width;
  height = table[idc].height;
  return true;
}

void add_picture_problems(track_info& info) {
  if (info.chroma_format == 3) {
    info.problems.push_back({"chroma_444",
                             "The picture has 4:4:4 colour, which browsers cannot play: choose the "
                             "colour format NV12 (4:2:0) in the encoder."});
  } else if (info.chroma_format == 2) {
    info.problems.push_back(
        {"chroma_422",
         "The picture has 4:2:2 colour, which most browsers cannot play: choose "
         "the colour format NV12 (4:2:0) in the encoder."});
  }
  if (info.codec == codec::h264 && info.bit_depth > 8) {
    info.problems.push_back(
        {"h264_bit_depth",
         "The picture is H.264 with more than 8 bits per sample, which browsers "
         "cannot play: choose 8 bits, or HEVC or AV1."});
  }
  if (info.interlaced) {
    info.problems.push_back({"interlaced",
                             "The picture is interlaced, which browsers show with combed edges: "
                             "deinterlace it in the encoder."});
  }
  if (info.codec == codec::hevc) {
    info.problems.push_back({"hevc_support",
                             "The picture is HEVC, which only some browsers and devices can play: "
                             "H.264 reaches every viewer."});
  }
}

}  // namespace troupe::media
