// SPDX-License-Identifier: GPL-3.0-or-later
// What one session counts; the edge exports the sums. Thread: plain data.
#pragma once

#include <cstdint>

namespace troupe::rtmp {

struct demuxer_statistics {
  std::uint64_t video_frames = 0;
  std::uint64_t audio_frames = 0;
  std::uint64_t configurations = 0;  ///< changes of a track's format
  std::uint64_t broken_bodies = 0;   ///< dropped: cut short, or NAL lengths that do not add up
  std::uint64_t without_configuration = 0;  ///< dropped: before the first sequence header
  std::uint64_t unsupported = 0;            ///< dropped: a codec or packet we do not take
  std::uint64_t other_tracks = 0;           ///< dropped: multitrack packets of tracks above 0
  std::uint64_t timestamps_clamped = 0;     ///< went back a little: held at the last time
  std::uint64_t timeline_restarts = 0;      ///< went back far: joined to the last time
  std::uint64_t composition_repaired = 0;   ///< composition time beyond reason: taken as 0
  std::uint64_t payload_repaired = 0;       ///< ADTS header or padding taken off
};

struct session_statistics {
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t messages = 0;
  std::uint64_t messages_abandoned = 0;  ///< begun, then aborted by the peer
  std::uint64_t messages_ignored = 0;    ///< of a type or name we have no use for
  std::uint64_t media_ignored = 0;       ///< media outside of a publication
  std::uint64_t metadata_refused = 0;    ///< onMetaData that is no AMF0
  std::uint64_t acknowledgements_sent = 0;
  std::uint64_t acknowledgements_received = 0;
  std::uint64_t pings_answered = 0;
  std::uint64_t pongs_received = 0;
  demuxer_statistics media;
};

}  // namespace troupe::rtmp
