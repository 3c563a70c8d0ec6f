// SPDX-License-Identifier: GPL-3.0-or-later
// Live streams as the edges see them. A stream is the entity stream/ID; what must outlive it is in
// the store. Thread: every function from any thread; callbacks on a thread of the store's pool or a
// CAF worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/account/accounts.hpp"
#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/page.hpp"

namespace troupe::stream {

/// waiting: started, never published; reconnecting: the publisher is gone and may come back within
/// the grace period.
enum class status : std::uint8_t { waiting, live, reconnecting, ended };

std::string_view to_string(status s);

struct info {
  stream_id id = 0;
  user_id owner = 0;
  std::string username;
  std::string title;
  std::optional<std::int64_t> game_id;
  stream::status status = status::waiting;
  std::int64_t viewer_count = 0;  ///< people who watch now; 0 when it is not known
  std::int64_t peak_viewers = 0;
  std::int64_t mean_viewers = 0;  ///< over the time it was live
  wall_time created_at;
  std::optional<wall_time> started_at;  ///< first frame
  std::optional<wall_time> ended_at;
};

/// What the streamer's health panel shows; all of it from the stream as it came in, over the last
/// 10 s.
struct health {
  stream::status status = status::waiting;
  std::string video_codec;  ///< RFC 6381, "avc1.64001f"; empty while unknown
  std::string audio_codec;
  int width = 0;
  int height = 0;
  double frame_rate = 0;
  std::int64_t video_bitrate_bps = 0;
  std::int64_t audio_bitrate_bps = 0;
  double key_frame_interval_s = 0;
  std::uint64_t dropped_frames = 0;  ///< by us, at a bound

  struct warning {
    std::string code;     ///< stable: the page translates it
    std::string message;  ///< English
  };

  std::vector<warning> warnings;
};

struct list_request {
  int limit = 20;  ///< 1 to 100
  std::optional<std::string> cursor;
  std::optional<std::int64_t> game_id;
};

class streams {
 public:
  virtual ~streams() = default;

  /// The user's one unfinished stream, made if there is none. While there is one, title and game_id
  /// change it only when given.
  virtual void start(const account::identity& who, std::optional<std::string> title,
                     std::optional<std::int64_t> game_id, callback<info> done) = 0;
  /// The owner or an administrator; forbidden otherwise. Ending an ended stream answers the same
  /// again.
  virtual void end(const account::identity& who, stream_id id, callback<info> done) = 0;
  virtual void find(stream_id id, callback<info> done) = 0;
  /// The user's unfinished stream; not_found when there is none.
  virtual void find_current(user_id owner, callback<info> done) = 0;
  /// live and reconnecting streams, newest first.
  virtual void list(list_request request, callback<page<info>> done) = 0;
  /// The owner or an administrator.
  virtual void health_of(const account::identity& who, stream_id id, callback<health> done) = 0;
};

}  // namespace troupe::stream
