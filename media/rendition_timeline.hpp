// SPDX-License-Identifier: GPL-3.0-or-later
// One rendition's media as viewers may fetch it, and its two playlists over the same parts: the
// usual one, and the one for key-frame intervals beyond its target duration (TARGETDURATION 10),
// where several stored segments make one listed one. Thread: one at a time.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/packager.hpp"
#include "media/playlist.hpp"
#include "media/segment_cache.hpp"

namespace troupe::media {

enum class view : std::uint8_t { usual, long_gop };

constexpr std::string_view usual_playlist = "media.m3u8";
constexpr std::string_view long_playlist = "media10.m3u8";
constexpr int long_target_duration_s = 10;

/// What a request for a playlist waits for; part -1: the whole segment.
struct playlist_position {
  std::int64_t msn = 0;
  std::int64_t part = -1;
};

enum class readiness : std::uint8_t { ready, not_yet, too_far, never };

class rendition_timeline {
 public:
  rendition_timeline(std::string name, const cache_options& options);

  /// False: it was there already.
  bool take(const output& o);
  void end();
  /// Drops the oldest segments while there are more bytes than limit, or more of them than any
  /// stream needs; of the newest one the oldest parts become gaps. The newest part stays. Returns
  /// how many segments were lost, wholly or in part.
  std::size_t trim(std::size_t limit_bytes);

  const std::string& name() const { return name_; }

  std::size_t size_bytes() const { return bytes_; }

  bool has_media() const { return !segments_.empty() && !segments_.front().parts.empty(); }

  bool has_long_view() const { return has_long_view_; }

  int target_duration_s(view v) const {
    return v == view::usual ? params_.target_duration_s : long_target_duration_s;
  }

  variant_stream variant() const;
  /// Rendered once per change.
  const shared_bytes& playlist(view v, bool delta);
  readiness check(view v, const playlist_position& wanted);

  /// The part's bytes; not_yet: it is hinted; never: 404.
  readiness check_part(std::int64_t msn, std::int64_t index) const;
  const shared_bytes& part_data(std::int64_t msn, std::int64_t index) const;
  /// The parts of the finished segments from first to last; empty: 404.
  std::vector<shared_bytes> segment_data(std::int64_t first, std::int64_t last) const;
  std::optional<shared_bytes> init_data(std::int64_t number) const;

  // As cache_archive has them.
  std::optional<cache_position> position() const;
  std::vector<output> copy(std::int64_t from_msn) const;

 private:
  struct stored_segment {
    segment_started head;
    std::vector<part> parts;
    bool finished = false;
    bool ends_long = false;
    bool has_lost_parts = false;
    std::chrono::microseconds duration{0};
    std::size_t bytes = 0;
  };

  /// A segment as one view lists it: stored segments first to first + count - 1.
  struct listed {
    std::int64_t number = 0;
    std::size_t first = 0;
    std::size_t count = 0;
    std::int64_t parts = 0;
    bool finished = false;
    std::chrono::microseconds duration{0};
  };

  struct rendered {
    std::uint64_t version = 0;  ///< of groups and texts; 0: never
    std::vector<listed> groups;
    std::array<std::optional<shared_bytes>, 2> texts;  ///< full, delta
  };

  bool take_segment(const segment_started& s);
  bool take_part(const part& p);
  bool finish_segment(const segment_finished& f);
  void forget_old();
  void pop_front();
  bool drop_parts(std::size_t limit_bytes);
  void measure(const stored_segment& s);
  rendered& refresh(view v);
  media_playlist model(view v, const std::vector<listed>& groups) const;
  listed_segment entry(view v, const listed& g, std::chrono::microseconds from_end) const;
  std::pair<std::int64_t, std::int64_t> next_part() const;
  const stored_segment* find(std::int64_t msn) const;

  const std::string name_;
  const cache_options& options_;
  playlist_started params_;
  bool ended_ = false;
  bool has_long_view_ = false;
  std::map<std::int64_t, init_section> inits_;
  std::deque<stored_segment> segments_;  // dense in msn
  std::optional<checkpoint> reached_;    // where the last finished one ended
  std::size_t bytes_ = 0;
  std::uint64_t version_ = 1;
  std::array<rendered, 2> rendered_;
  // Of the whole stream, for the master playlist.
  std::int64_t peak_bps_ = 0;
  std::int64_t total_bytes_ = 0;
  std::int64_t total_frames_ = 0;
  std::chrono::microseconds total_duration_{0};
};

}  // namespace troupe::media
