// SPDX-License-Identifier: GPL-3.0-or-later
// HLS playlists as a model and their text (RFC 8216bis, draft 16). What may be in one and when is
// decided by rendition_timeline; here is only how it is written.
// Thread: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace troupe::media {

struct listed_part {
  std::string uri;
  std::chrono::microseconds duration{0};
  bool independent = false;
  bool gap = false;
};

struct listed_segment {
  bool discontinuity = false;
  std::string map_uri;  ///< EXT-X-MAP; empty: the one before goes on
  wall_time program_date_time;
  std::vector<listed_part> parts;  ///< empty when they are no longer listed
  bool gap = false;                ///< one of its parts is, listed or not
  bool finished = false;           ///< has EXTINF and uri
  std::chrono::microseconds duration{0};
  std::string uri;
};

struct media_playlist {
  int target_duration_s = 4;
  std::chrono::milliseconds part_target{334};
  std::chrono::milliseconds part_hold_back{1002};
  std::int64_t media_sequence = 0;
  std::int64_t discontinuity_sequence = 0;
  std::vector<listed_segment> segments;
  std::string preload_hint;  ///< the next part's address
  bool ended = false;
};

/// HOLD-BACK and CAN-SKIP-UNTIL, in target durations.
constexpr int hold_back_targets = 3;
constexpr int skip_boundary_targets = 6;

/// delta: the segments beyond the skip boundary become one EXT-X-SKIP (6.2.5.1), where there are
/// any.
std::string to_text(const media_playlist& p, bool delta);

struct variant_stream {
  std::string uri;
  std::string codecs;
  int width = 0;  ///< 0: no picture
  int height = 0;
  double frame_rate = 0;
  std::int64_t bandwidth_bps = 0;
  std::int64_t average_bandwidth_bps = 0;
};

std::string to_text(const std::vector<variant_stream>& variants);

}  // namespace troupe::media
