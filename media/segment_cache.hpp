// SPDX-License-Identifier: GPL-3.0-or-later
// What viewers of a node fetch: the parts, segments, init sections and playlists of its live
// streams, read by edges straight from memory with no actor in between. LiveStream actors publish
// into it. Thread: every function from any thread; a stream has its own lock, held for
// microseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "media/packager.hpp"

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

/// RFC 9110, 15.5.20: another node has the stream. Edges never see it.
constexpr int elsewhere_status = 421;

class cache_reader {
 public:
  virtual ~cache_reader() = default;

  /// Called exactly once: on the caller's thread before get() returns, or later on the thread that
  /// published a part, called expire() or, when too many wait, get(). Must not block.
  using done = std::move_only_function<void(cached_answer)>;
  /// Whether nobody waits for the answer any more; may be empty. Called on the same threads, with a
  /// lock held: must only look.
  using gone_check = std::move_only_function<bool()>;

  /// file: what follows /live/{stream_id}/ in the address: "master.m3u8", "source/media.m3u8",
  /// "source/init-1.mp4", "source/120.3.m4s" (part 3 of segment 120), "source/120.m4s". A stream or
  /// file that does not exist costs a look-up and leaves nothing behind. A playlist with directives
  /// for what is about to come, and the part named by the preload hint, wait; everything else is
  /// answered at once.
  virtual void get(stream_id stream, std::string_view file, const delivery_directives& directives,
                   gone_check is_gone, done answer) = 0;

  /// Answers what has waited for more than three target durations, or has nobody left to wait for
  /// it, with 503. Some timer calls it a few times a second.
  virtual void expire(steady_time now) = 0;
};

class cache_writer {
 public:
  virtual ~cache_writer() = default;

  /// What the packager of this rendition ("source") put out, in its order. The first call makes the
  /// stream. What is already there (a replay after a checkpoint) is ignored. Answers requests that
  /// waited for it, on this thread.
  virtual void publish(stream_id stream, std::string_view rendition,
                       std::span<const output> outputs) = 0;
  /// The stream is over: its playlists get EXT-X-ENDLIST, what waits is answered, and expire()
  /// removes it after cache_options::keep_ended. Does nothing for a stream that is not there.
  virtual void end(stream_id stream) = 0;
  /// At once: everything answers 404 from now on.
  virtual void remove(stream_id stream) = 0;
};

/// What the encoder sends, as it is; other renditions are made of it.
inline constexpr std::string_view source_rendition = "source";

/// How far a stream is held; a copy of what it has goes on there.
struct cache_position {
  std::int64_t next_msn = 0;               ///< of the first segment that is not finished
  std::optional<segment_started> running;  ///< that segment, once it has begun
  int parts = 0;                           ///< of that segment
  std::chrono::microseconds duration{0};   ///< of these
  std::optional<playlist_started> playlist;
  std::optional<checkpoint> reached;  ///< where the last finished one ended

  /// Whether there is more behind it than behind the other.
  bool is_beyond(const cache_position& other) const {
    return next_msn != other.next_msn ? next_msn > other.next_msn : parts > other.parts;
  }
};

/// What a cache holds, for another one.
class cache_archive {
 public:
  virtual ~cache_archive() = default;

  /// Nothing: there is no such stream, or no media of it.
  virtual std::optional<cache_position> position(stream_id stream,
                                                 std::string_view rendition) const = 0;
  /// What publish() was given from that segment on, and is still there, in its order: published
  /// elsewhere it makes the same playlists. Copies no media.
  virtual std::vector<output> copy(stream_id stream, std::string_view rendition,
                                   std::int64_t from_msn) const = 0;
};

struct cache_options {
  std::chrono::seconds listed{40};       ///< media listed in a playlist, at least
  std::chrono::seconds keep_ended{120};  ///< an ended stream stays fetchable for this long
  /// A stream that is over it loses its oldest segments early, down to the newest part (counted).
  std::size_t max_bytes_per_stream = std::size_t{256} << 20;
  /// All streams together; 0: no limit. Beyond it ended streams go, the longest ended first; then
  /// the stream that holds most loses its oldest segments (counted).
  std::size_t max_bytes = std::size_t{4} << 30;
  /// Requests that wait, over all streams; beyond it they are answered 503 at once (counted).
  std::size_t max_waiting = 20'000;
  /// Of its metrics, where a node has several.
  metrics::labels labels = {};
};

/// All sides. Thread: every function from any thread.
class segment_cache final : public cache_reader, public cache_writer, public cache_archive {
 public:
  /// The clock and the metrics must outlive it.
  segment_cache(const cache_options& options, const clock& c, metrics& m);
  /// Answers what still waits with 503.
  ~segment_cache() override;
  segment_cache(const segment_cache&) = delete;
  segment_cache& operator=(const segment_cache&) = delete;

  void get(stream_id stream, std::string_view file, const delivery_directives& directives,
           gone_check is_gone, done answer) override;
  void expire(steady_time now) override;
  void publish(stream_id stream, std::string_view rendition,
               std::span<const output> outputs) override;
  void end(stream_id stream) override;
  void remove(stream_id stream) override;
  std::optional<cache_position> position(stream_id stream,
                                         std::string_view rendition) const override;
  std::vector<output> copy(stream_id stream, std::string_view rendition,
                           std::int64_t from_msn) const override;

  // For several nodes: a stream may go on elsewhere while its media here stays what it is.
  enum class holding : std::uint8_t { nothing, live, ended };
  holding holds(stream_id stream) const;
  /// Of those that have not ended.
  std::vector<stream_id> live_streams() const;
  /// An init section, part or segment that is here now; nothing is waited for.
  std::optional<cached_answer> find_media(stream_id stream, std::string_view file) const;
  /// The stream goes on elsewhere: what waits is answered with elsewhere_status. Without a further
  /// publish() it is removed after cache_options::keep_ended.
  void release(stream_id stream);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::media
