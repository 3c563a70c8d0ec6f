// SPDX-License-Identifier: GPL-3.0-or-later
// The frames an ingest edge keeps: numbered, sent to the LiveStream in batches, and held back to
// the last checkpoint so that a new activation can be given them again. Bounded: what does not fit
// is dropped here, before it has a number, whole GOPs at a time, and counted. Thread: none of its
// own; lives with its connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "actors/stream/messages.hpp"
#include "media/frame.hpp"

namespace troupe::rtmp {

class frame_window {
 public:
  /// limit_bytes: of frame data held. A segment of the longest target duration must fit.
  /// limit_frames: a frame of one byte costs some 200; the default is 10 s of 6,500 frames/s.
  explicit frame_window(std::size_t limit_bytes, std::size_t limit_frames = 65'536)
      : limit_bytes_(limit_bytes), limit_frames_(limit_frames) {}

  /// Numbers the frame and keeps it, or drops it: then false.
  bool add(media::frame f);
  /// The next frames to send, in order: at most so many, and so many bytes of data, but one.
  std::vector<media::frame> take(std::size_t most, std::size_t most_bytes);

  bool has_unsent() const { return sent_ < frames_.size(); }

  /// A picture waits to be sent, or sound that has waited for one long enough: fewer and larger
  /// messages cost less (docs/measurements.md).
  bool has_batch() const;

  /// Forgets what no new activation will ask for: frames that a finished segment of this
  /// publication holds.
  void settle(const stream::resume_point& reached);

  /// Everything held is to be sent again.
  void rewind() { sent_ = 0; }

  /// A segment of this publication is finished: what is held goes in the end.
  bool has_settled() const { return has_settled_; }

  std::size_t held_bytes() const { return held_bytes_; }

  std::uint64_t dropped() const { return dropped_; }

 private:
  bool has_room(const media::frame& f) const;

  std::size_t limit_bytes_;
  std::size_t limit_frames_;
  std::deque<media::frame> frames_;
  std::size_t sent_ = 0;  // frames_ before it are on their way, or arrived
  std::size_t held_bytes_ = 0;
  std::uint64_t next_video_ = 0;
  std::uint64_t next_audio_ = 0;
  std::uint64_t dropped_ = 0;
  bool has_settled_ = false;
  bool awaits_key_ = false;  // a GOP was broken: nothing of it is worth sending
};

}  // namespace troupe::rtmp
