// SPDX-License-Identifier: GPL-3.0-or-later
// Where packaging can go on after a segment's end, in plain fields: it travels in acknowledgements
// and between nodes. Thread: plain data.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"

namespace troupe::media {

/// One connection of a publisher.
struct publication {
  /// Counted by the stream, from 1: another number is a reconnect.
  std::uint64_t number = 0;
  /// The wall clock (microseconds since 1970, as the ingest edge read it) at anchor_ms of the
  /// publication's timeline: what EXT-X-PROGRAM-DATE-TIME counts from.
  std::int64_t anchor_wall_us = 0;
  std::int64_t anchor_ms = 0;
  /// What the publisher's metadata announced. A track that is expected is waited for, up to 1 s of
  /// the other track's time; true when the metadata says nothing.
  bool expects_video = true;
  bool expects_audio = true;

  friend bool operator==(const publication&, const publication&) = default;
};

struct track_checkpoint {
  bool present = false;  ///< in the init section of the next segment
  std::uint8_t codec = 0;
  bytes configuration;
  std::uint64_t next_frame = 0;  ///< first frame that no segment holds yet
  /// Where the next sample begins, in the track's timescale; below 0: where its time says.
  std::int64_t end = -1;
  std::int64_t usual_duration =
      0;  ///< of a sample, in the track's timescale: fills in at ends and stalls
  /// Publication time minus this is media time. Grows when a stall is collapsed.
  std::int64_t shift_ms = 0;
  bool needs_idr = true;  ///< frames are skipped until the next IDR

  friend bool operator==(const track_checkpoint&, const track_checkpoint&) = default;
};

struct checkpoint {
  media::publication publication;
  bool started = false;   ///< the publication's first segment has begun
  bool finished = false;  ///< the publication is over
  int target_duration_s = 4;
  int part_target_ms = 0;  ///< 0: not chosen yet
  int part_hold_back_ms = 0;
  std::int64_t next_msn = 0;
  std::int64_t long_msn = 0;  ///< of the long segment that the next segment belongs to
  bool is_long = false;
  std::int64_t discontinuity_sequence = 0;
  bool discontinuity = false;    ///< the next segment begins with one
  std::int64_t init_number = 0;  ///< of the last init section made
  bool needs_init = true;        ///< the next segment begins with a new one
  std::int64_t fragment_index = 1;
  /// End of what was published, on whichever track leads; 1/705,600,000 s.
  std::int64_t lead = 0;
  /// Where the running long segment began, in the same unit; below 0: the next segment begins one.
  std::int64_t long_start = -1;
  track_checkpoint video;
  track_checkpoint audio;

  friend bool operator==(const checkpoint&, const checkpoint&) = default;
};

// CAF 0.17's form of inspection, without its headers.
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, publication& x) {
  return f(x.number, x.anchor_wall_us, x.anchor_ms, x.expects_video, x.expects_audio);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, track_checkpoint& x) {
  return f(x.present, x.codec, x.configuration, x.next_frame, x.end, x.usual_duration, x.shift_ms,
           x.needs_idr);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, checkpoint& x) {
  return f(x.publication, x.started, x.finished, x.target_duration_s, x.part_target_ms,
           x.part_hold_back_ms, x.next_msn, x.long_msn, x.is_long, x.discontinuity_sequence,
           x.discontinuity, x.init_number, x.needs_init, x.fragment_index, x.lead, x.long_start,
           x.video, x.audio);
}

}  // namespace troupe::media
