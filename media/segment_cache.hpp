// SPDX-License-Identifier: GPL-3.0-or-later
// What viewers of a node fetch: the parts, segments, init sections and playlists of its live
// streams, read by edges straight from memory with no actor in between. LiveStream actors publish
// into it. Thread: every function from any thread; a stream has its own lock, held for
// microseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe::media {

/// What an edge puts into its HTTP answer.
struct cached_answer {
  int status =
      404;  ///< 200, 400 (bad _HLS_ directive), 404, 503 (blocked too long, or too many wait)
  std::string_view content_type;
  std::chrono::seconds max_age{
      0};  ///< for Cache-Control; also set for 404 (short), so that a CDN collapses requests
  std::vector<shared_bytes> body;  ///< to be sent one after another, not copied
  std::string_view message;        ///< one sentence, for statuses other than 200
};

/// RFC 8216bis, 6.2.5: delivery directives. Strings as they came; what is wrong with them is
/// answered with 400.
struct delivery_directives {
  std::optional<std::string> msn;   ///< _HLS_msn
  std::optional<std::string> part;  ///< _HLS_part
  std::optional<std::string> skip;  ///< _HLS_skip: YES or v2
};

class cache_reader {
 public:
  virtual ~cache_reader() = default;

  /// Called exactly once: on the caller's thread before get() returns, or later on the thread that
  /// published a part or called expire(). Must not block.
  using done = std::move_only_function<void(cached_answer)>;

  /// file: what follows /live/{stream_id}/ in the address: "master.m3u8", "source/media.m3u8",
  /// "source/init-1.mp4", "source/120.3.m4s" (part 3 of segment 120), "source/120.m4s". A stream or
  /// file that does not exist costs a look-up and leaves nothing behind. A playlist with directives
  /// for what is about to come, and the part named by the preload hint, wait; everything else is
  /// answered at once.
  virtual void get(stream_id stream, std::string_view file, const delivery_directives& directives,
                   done answer) = 0;

  /// Answers what has waited for more than three target durations with 503. Some timer calls it a
  /// few times a second.
  virtual void expire(steady_time now) = 0;
};

}  // namespace troupe::media
