// SPDX-License-Identifier: GPL-3.0-or-later
// Bodies of RTMP audio and video messages (FLV tag bodies) to frames. A frame's data is a slice of
// the message: nothing is copied. What does not hold together is dropped and counted; nothing a
// peer sends is an error of the connection. Thread: none of its own; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/bytes.hpp"
#include "media/frame.hpp"
#include "net/rtmp/flv_tag.hpp"
#include "net/rtmp/statistics.hpp"
#include "net/rtmp/timeline.hpp"

namespace troupe::rtmp {

/// Why a track has no picture or sound: for the streamer's health panel. Told once per track and
/// code, until the track's next frame, which ends it.
struct problem {
  media::track track = media::track::video;
  std::string code;     ///< codec_unsupported, bad_configuration
  std::string message;  ///< one English sentence

  friend bool operator==(const problem&, const problem&) = default;
};

struct demuxed {
  std::optional<media::frame> frame;
  std::optional<rtmp::problem> problem;
};

class flv_demuxer {
 public:
  /// timestamp: of the message, milliseconds modulo 2^32. Frames have number 0; whoever may still
  /// drop some numbers them.
  demuxed video(std::uint32_t timestamp, const shared_bytes& body);
  demuxed audio(std::uint32_t timestamp, const shared_bytes& body);

  /// Another publication on the same connection: formats, times and told problems begin anew,
  /// counts go on.
  void restart();

  const demuxer_statistics& statistics() const { return statistics_; }

 private:
  struct track_state {
    std::shared_ptr<const media::track_format> format;
    std::size_t nal_length_size = 0;
    std::set<std::string, std::less<>> told;  // codes of problems: a handful
  };

  demuxed take(media::track track, std::uint32_t timestamp, const shared_bytes& body,
               const result<flv_tag>& tag);
  demuxed configure(media::track track, media::codec codec, shared_bytes record);
  demuxed make_frame(media::track track, std::uint32_t timestamp, const flv_tag& tag,
                     shared_bytes data);
  bool trim(const track_state& state, shared_bytes& data);
  std::optional<problem> tell(media::track track, std::string_view code, std::string message);

  track_state& state_of(media::track track) {
    return track == media::track::video ? video_ : audio_;
  }

  track_state video_;
  track_state audio_;
  timeline timeline_;
  demuxer_statistics statistics_;
};

}  // namespace troupe::rtmp
