// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/flv_demuxer.hpp"

#include <algorithm>
#include <cstdlib>

#include <spdlog/fmt/fmt.h>

#include "net/rtmp/codec_configuration.hpp"

namespace troupe::rtmp {

namespace {

/// A picture is shown within the encoder's reordering delay: 16 frames at one frame per second.
constexpr std::int32_t largest_composition_ms = 60'000;

std::string_view name_of(media::track track) {
  return track == media::track::video ? "Video" : "Audio";
}

bool same(byte_view a, byte_view b) {
  return std::ranges::equal(a, b);
}

/// A slice keeps its whole message in memory, which limits of held frames do not see: what uses
/// less than half of it is copied.
shared_bytes without_waste(const shared_bytes& body, shared_bytes part) {
  if (part.size() >= body.size() / 2) {
    return part;
  }
  return shared_bytes(bytes(part.view().begin(), part.view().end()));
}

}  // namespace

void flv_demuxer::restart() {
  video_ = {};
  audio_ = {};
  timeline_ = {};
}

demuxed flv_demuxer::video(std::uint32_t timestamp, const shared_bytes& body) {
  return take(media::track::video, timestamp, body, read_video_tag(body.view()));
}

demuxed flv_demuxer::audio(std::uint32_t timestamp, const shared_bytes& body) {
  return take(media::track::audio, timestamp, body, read_audio_tag(body.view()));
}

demuxed flv_demuxer::take(media::track track, std::uint32_t timestamp, const shared_bytes& body,
                          const result<flv_tag>& tag) {
  if (!tag) {
    ++statistics_.broken_bodies;
    return {};
  }
  statistics_.other_tracks += tag->other_tracks;
  switch (tag->packet) {
    case packet::configuration:
      return configure(track, tag->codec, without_waste(body, body.slice(tag->offset, tag->size)));
    case packet::frame: {
      auto made = make_frame(track, timestamp, *tag, body.slice(tag->offset, tag->size));
      if (made.frame) {
        made.frame->data = without_waste(body, std::move(made.frame->data));
      }
      return made;
    }
    case packet::unsupported:
      ++statistics_.unsupported;
      return {
          .frame = std::nullopt,
          .problem = tell(
              track, "codec_unsupported",
              fmt::format("{} is not accepted: {}. Set the encoder to {}.", name_of(track),
                          tag->what, track == media::track::video ? "H.264, HEVC or AV1" : "AAC"))};
    case packet::end:
    case packet::nothing:
      break;
  }
  return {};
}

demuxed flv_demuxer::configure(media::track track, media::codec codec, shared_bytes record) {
  if (codec == media::codec::aac && record.empty()) {
    return {};  // ffmpeg copying AAC out of MPEG-TS: it does not know yet, and sends another
  }
  auto& state = state_of(track);
  if (state.format && state.format->codec == codec &&
      same(state.format->configuration.view(), record.view())) {
    return {};
  }
  const auto checked = check_configuration(codec, record.view());
  if (!checked) {
    ++statistics_.broken_bodies;
    return {.frame = std::nullopt,
            .problem = tell(
                track, "bad_configuration",
                fmt::format("{} cannot be decoded: {}.", name_of(track), checked.error().message))};
  }
  ++statistics_.configurations;
  state.nal_length_size = *checked;
  state.format = std::make_shared<const media::track_format>(
      media::track_format{.codec = codec, .configuration = std::move(record)});
  return {};
}

/// Takes off what does not belong to the frame. False: the frame is broken.
bool flv_demuxer::trim(const track_state& state, shared_bytes& data) {
  std::size_t begin = 0;
  std::size_t end = data.size();
  if (state.nal_length_size > 0) {
    const auto whole = nal_units_size(data.view(), state.nal_length_size);
    if (!whole) {
      return false;
    }
    end = *whole;
  } else if (state.format->codec == media::codec::av1) {
    const auto delimiters = temporal_delimiters_size(data.view());
    if (!delimiters) {
      return false;
    }
    begin = *delimiters;
  } else if (state.format->codec == media::codec::aac) {
    begin = adts_header_size(data.view());
  }
  if (begin >= end) {
    return false;
  }
  if (begin > 0 || end < data.size()) {
    // A delimiter at the front is how AV1 is often sent; the rest is an encoder's mistake.
    statistics_.payload_repaired += state.format->codec == media::codec::av1 ? 0 : 1;
    data = data.slice(begin, end - begin);
  }
  return true;
}

demuxed flv_demuxer::make_frame(media::track track, std::uint32_t timestamp, const flv_tag& tag,
                                shared_bytes data) {
  auto& state = state_of(track);
  if (tag.codec == media::codec::mp3 && (!state.format || state.format->codec != tag.codec)) {
    configure(track, media::codec::mp3, {});
  }
  if (!state.format || state.format->codec != tag.codec) {
    ++statistics_.without_configuration;
    return {};
  }
  if (!trim(state, data)) {
    ++statistics_.broken_bodies;
    return {};
  }
  auto composition = tag.composition_ms;
  if (std::abs(composition) > largest_composition_ms) {
    ++statistics_.composition_repaired;
    composition = 0;
  }
  const auto when = timeline_.place(track, timestamp, statistics_);
  ++(track == media::track::video ? statistics_.video_frames : statistics_.audio_frames);
  state.told.clear();  // what was wrong is over, and would be news again
  return {.frame = media::frame{.number = 0,
                                .track = track,
                                .dts_ms = when.dts_ms,
                                .pts_ms = when.origin_ms + composition,
                                .container_key = tag.is_key,
                                .format = state.format,
                                .data = std::move(data)},
          .problem = std::nullopt};
}

std::optional<problem> flv_demuxer::tell(media::track track, std::string_view code,
                                         std::string message) {
  if (!state_of(track).told.emplace(code).second) {
    return std::nullopt;
  }
  return problem{track, std::string(code), std::move(message)};
}

}  // namespace troupe::rtmp
