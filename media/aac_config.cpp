// SPDX-License-Identifier: GPL-3.0-or-later
// AudioSpecificConfig, ISO/IEC 14496-3, 1.6.2.1.
#include <array>

#include "media/bit_reader.hpp"
#include "media/codec_config.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe::media {
namespace {

constexpr int sbr = 5;
constexpr int parametric_stereo = 29;

int read_object_type(bit_reader& in) {
  const auto type = in.u(5);
  return static_cast<int>(type == 31 ? 32 + in.u(6) : type);
}

// Table 1.18; index 15 is followed by the rate itself.
int read_rate(bit_reader& in) {
  static constexpr std::array<int, 13> rates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                             22050, 16000, 12000, 11025, 8000,  7350};
  const auto index = in.u(4);
  if (index == 15) {
    return static_cast<int>(in.u(24));
  }
  return index < rates.size() ? rates[index] : 0;
}

// Table 1.19
int channels_of(unsigned configuration) {
  static constexpr std::array<int, 15> channels{0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8};
  return configuration < channels.size() ? channels[configuration] : 0;
}

// 4.4.1.1, as far as the number of channels; each element is flagged or not as a pair.
int channels_of_program(bit_reader& in) {
  in.skip(4 + 2 + 4);  // instance tag, object type, sampling frequency index
  const auto front = in.u(4);
  const auto side = in.u(4);
  const auto back = in.u(4);
  const auto lfe = in.u(2);
  in.skip(3 + 4);  // associated data and valid coupling elements
  for (const unsigned bits : {4U, 4U, 3U}) {
    if (in.flag()) {  // mono, stereo and matrix mixdown
      in.skip(bits);
    }
  }
  auto total = static_cast<int>(lfe);
  for (unsigned i = 0; i < front + side + back; ++i) {
    total += in.flag() ? 2 : 1;
    in.skip(4);
  }
  return total;
}

}  // namespace

result<track_info> parse_aac_config(byte_view record) {
  bit_reader in(record);
  track_info info;
  info.codec = codec::aac;
  info.track = track::audio;
  const int signalled = read_object_type(in);
  info.sample_rate = read_rate(in);
  const auto configuration = in.u(4);
  info.channels = channels_of(configuration);
  int core = signalled;
  if (signalled == sbr || signalled == parametric_stereo) {
    read_rate(in);  // of the extension; the core's is what frames count
    core = read_object_type(in);
  }
  info.profile = signalled;
  const bool general_audio = core >= 1 && core <= 4;  // main, LC, SSR, LTP
  if (!in.ok() || info.sample_rate < 7350 || info.sample_rate > 96000) {
    return fail(errc::data_corrupt, "the AudioSpecificConfig does not parse");
  }
  if (!general_audio) {
    return fail(errc::unsupported, fmt::format("audio object type {} is not packaged", core));
  }
  const bool short_frames = in.flag();
  if (in.flag()) {  // dependsOnCoreCoder
    in.skip(14);
  }
  in.skip(1);  // extensionFlag
  if (configuration == 0) {
    info.channels = channels_of_program(in);
  }
  if (!in.ok() || info.channels == 0) {
    return fail(errc::data_corrupt, "the AudioSpecificConfig names no channels");
  }
  info.samples_per_frame = short_frames ? 960 : 1024;
  info.rfc6381 = fmt::format("mp4a.40.{}", signalled);
  return info;
}

}  // namespace troupe::media
