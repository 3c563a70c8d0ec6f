// SPDX-License-Identifier: GPL-3.0-or-later
// From compressed frames to CMAF parts and segments (design.md, section 4): a pure function of a
// checkpoint and the frames after it. No clock, queue length or arrival time decides anything.
// Thread: one at a time; touches nothing shared. Never blocks.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "media/checkpoint.hpp"
#include "media/frame.hpp"
#include "media/track_info.hpp"

namespace troupe::media {

struct packager_options {
  /// 4, or the channel's remembered longest key-frame interval rounded up, at most 10; fixed for
  /// the playlist's life and the same in every rung.
  int target_duration_s = 4;
  /// A ladder is configured: PART-HOLD-BACK is 1.5 s from the first playlist on.
  bool has_ladder = false;
};

/// Said first, and again by a packager that was restored. Constant for the playlist's life.
struct playlist_started {
  int target_duration_s = 4;
  std::chrono::milliseconds part_target{334};
  std::chrono::milliseconds part_hold_back{1002};
};

/// Said again by a packager that was restored, with the same bytes.
struct init_section {
  std::int64_t number = 0;  ///< from 1
  shared_bytes data;        ///< ftyp + moov
  std::optional<track_info> video;
  std::optional<track_info> audio;
};

struct segment_started {
  std::int64_t msn = 0;  ///< media sequence number, from 0
  /// Number of the longer segment that this one is, or is a piece of, in the playlist for long
  /// key-frame intervals (TARGETDURATION 10). Several segments share it once is_long holds.
  std::int64_t long_msn = 0;
  bool is_long = false;        ///< key frames proved further apart than target_duration_s
  bool discontinuity = false;  ///< EXT-X-DISCONTINUITY stands before it
  std::int64_t discontinuity_sequence = 0;  ///< discontinuities up to and including this segment
  std::int64_t init_number = 0;
  wall_time program_date_time;
};

struct part {
  std::int64_t msn = 0;
  int index = 0;
  std::chrono::microseconds duration{0};
  bool independent = false;
  int video_frames = 0;
  shared_bytes data;  ///< moof + mdat; empty means GAP=YES
};

struct segment_finished {
  std::int64_t msn = 0;
  std::chrono::microseconds duration{0};  ///< the sum of its parts
  /// Continuing from here makes the same bytes. Frames before video.next_frame and
  /// audio.next_frame need not be kept.
  checkpoint state;
};

/// In the order in which they take effect; hand all of them to cache_writer::publish().
using output =
    std::variant<playlist_started, init_section, segment_started, part, segment_finished>;

class packager {
 public:
  explicit packager(const packager_options& options);
  /// Continues after a segment_finished.
  explicit packager(const checkpoint& from);
  ~packager();
  packager(packager&&) noexcept;
  packager& operator=(packager&&) noexcept;

  /// A publisher (re)connected. Finishes the publication before and starts a discontinuity, unless
  /// it is the first one. The same number as the running one's does nothing: so a replay may begin
  /// with it.
  [[nodiscard]] result<std::vector<output>> begin_publication(const publication& p);

  /// In the order in which the edge numbered them. Numbers are dense per track and start at 0 in
  /// each publication; a frame that was already consumed is ignored, so a replay may start earlier
  /// than the checkpoint. Errors: conflict ("frame_gap": a number was left out; nothing was
  /// consumed, push the missing one first), internal (the muxer failed: restore from a checkpoint).
  [[nodiscard]] result<std::vector<output>> push(const frame& f);

  /// The publisher is gone: what is held back for look-ahead becomes parts and the segment ends.
  /// Frames after it belong to the next begin_publication().
  [[nodiscard]] result<std::vector<output>> finish();

  /// What is in the stream now, as of the frames pushed; empty while a track has not come. Also for
  /// tracks that are not packaged.
  const std::optional<track_info>& video() const;
  const std::optional<track_info>& audio() const;
  /// Frames that could not be packaged (before the first IDR, damaged, of a codec we do not
  /// package), since construction.
  std::uint64_t skipped_frames() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::media
