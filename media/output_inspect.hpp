// SPDX-License-Identifier: GPL-3.0-or-later
// Outputs of the packager in plain fields, for other nodes, in CAF 0.17's form of inspection.
#pragma once

#include "media/packager.hpp"

namespace troupe::media {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, problem& x) {
  return f(x.code, x.message);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, track_info& x) {
  return f(x.codec, x.track, x.rfc6381, x.profile, x.level, x.packaged, x.width, x.height,
           x.sar_width, x.sar_height, x.frame_rate, x.bit_depth, x.chroma_format, x.interlaced,
           x.nal_length_size, x.sample_rate, x.channels, x.samples_per_frame, x.problems);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, playlist_started& x) {
  return f(x.target_duration_s, x.part_target, x.part_hold_back);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, init_section& x) {
  return f(x.number, x.data, x.video, x.audio);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, segment_started& x) {
  return f(x.msn, x.long_msn, x.is_long, x.discontinuity, x.discontinuity_sequence, x.init_number,
           x.program_date_time);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, part& x) {
  return f(x.msn, x.index, x.duration, x.independent, x.video_frames, x.data);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, segment_finished& x) {
  return f(x.msn, x.duration, x.state);
}

}  // namespace troupe::media
