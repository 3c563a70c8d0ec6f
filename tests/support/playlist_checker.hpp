// SPDX-License-Identifier: GPL-3.0-or-later
// Holds playlists to the rules of RFC 8216bis (draft 16) for live low-latency streams, one text at
// a time and over successive reloads. Each complaint begins with the rule's name, then a colon.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

using complaints = std::vector<std::string>;

struct checked_part {
  std::string uri;
  double duration = 0;
  bool independent = false;
  bool gap = false;
};

struct checked_segment {
  std::int64_t msn = 0;
  bool discontinuity = false;
  std::string map;                          ///< of the EXT-X-MAP that applies
  std::optional<double> program_date_time;  ///< seconds since 1970
  std::vector<checked_part> parts;
  std::optional<double> duration;  ///< none: still open
  std::string uri;
  bool gap = false;  ///< EXT-X-GAP
};

struct checked_playlist {
  int version = 0;
  double target_duration = 0;
  double part_target = 0;
  std::map<std::string, std::string> server_control;
  std::int64_t media_sequence = 0;
  std::int64_t discontinuity_sequence = 0;
  std::int64_t skipped = 0;
  std::vector<checked_segment> segments;
  std::string preload_hint;
  bool ended = false;
};

/// Complaints about one text in itself; parsed, if given, gets what was understood.
complaints check_playlist(std::string_view text, checked_playlist* parsed = nullptr);
complaints check_master(std::string_view text);

/// full: the playlist before; delta: an update with EXT-X-SKIP; expected: the full text of the same
/// moment. The update, put onto what came before, must be it.
complaints check_delta(std::string_view before, std::string_view delta, std::string_view expected);

/// Reloads of one playlist, in order.
class playlist_watcher {
 public:
  /// standing_still: the publisher is away for its grace period: the one exception to 6.2.1, which
  /// wants a new segment every 1.5 target durations and a new part every part target.
  complaints next(std::string_view text, bool standing_still = false);

 private:
  std::optional<checked_playlist> before_;
  std::string text_;
};

}  // namespace troupe::test
