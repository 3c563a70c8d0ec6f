// SPDX-License-Identifier: GPL-3.0-or-later
// What of a live stream outlives every process. Each row remembers the highest epoch that wrote it
// and refuses lower ones, so that of two activations of stream/ID only the newer changes anything
// (promise R1): a new activation calls adopt() before it acts.
// Thread: every function from any thread that may block.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

/// The numbers are what the tables hold.
enum class stream_status : std::uint8_t { waiting = 0, live = 1, reconnecting = 2, ended = 3 };

struct stream_record {
  stream_id id = 0;
  user_id owner = 0;
  std::string username;
  std::string title;
  std::optional<std::int64_t> game_id;
  stream_status status = stream_status::waiting;
  std::int64_t epoch = 0;
  wall_time created_at;
  std::optional<wall_time> started_at;
  std::optional<wall_time> ended_at;
  wall_time last_seen_at;  ///< of the publisher: what the grace period counts from after a crash

  /// As audience_store wrote it; only look-ups and lists fill it.
  struct {
    std::int64_t viewers = 0;
    std::int64_t peak = 0;
    std::chrono::milliseconds watched{0};  ///< each viewer's time added up
    std::optional<wall_time> updated_at;
  } audience;
};

struct new_stream {
  stream_id id = 0;  ///< used when there is no unfinished stream
  user_id owner = 0;
  std::optional<std::string> title;  ///< nothing: keep what is there, or empty for a new stream
  std::optional<std::int64_t> game_id;
  wall_time now;
};

struct started_stream {
  stream_record stream;
  bool created = false;
};

/// A stream as its new activation finds it.
struct adopted_stream {
  stream_record stream;
  bytes progress;  ///< what the activation before last wrote; empty at first
  /// The channel's remembered longest key-frame interval; zero while unknown.
  std::chrono::milliseconds key_frame_interval{0};
};

class stream_store {
 public:
  virtual ~stream_store() = default;

  /// The user's one unfinished stream, made if there is none; the database holds that promise (a
  /// partial unique index), also against two nodes at once.
  [[nodiscard]] virtual result<started_stream> start_or_get(const new_stream& wanted) = 0;

  /// Takes the row for the activation with this epoch. Errors of this and all below that take an
  /// epoch: not_found; conflict (fenced) when a newer activation has it.
  [[nodiscard]] virtual result<adopted_stream> adopt(stream_id id, std::int64_t epoch) = 0;
  /// From waiting or reconnecting (or live, changing nothing but last_seen_at); the first time sets
  /// started_at. Errors also: conflict (stream_ended).
  [[nodiscard]] virtual result<stream_record> set_live(stream_id id, std::int64_t epoch,
                                                       wall_time now) = 0;
  /// From live or reconnecting; last_seen_at stays. Errors also: conflict (stream_not_live,
  /// stream_ended).
  [[nodiscard]] virtual result<stream_record> set_reconnecting(stream_id id,
                                                               std::int64_t epoch) = 0;
  /// Ending an ended stream answers the same again.
  [[nodiscard]] virtual result<stream_record> set_ended(stream_id id, std::int64_t epoch,
                                                        wall_time now) = 0;
  /// The publisher was there at `seen`; progress is opaque and replaces what was there.
  [[nodiscard]] virtual result<void> save_progress(stream_id id, std::int64_t epoch, wall_time seen,
                                                   byte_view progress) = 0;
  /// Keeps the longest so far.
  [[nodiscard]] virtual result<void> remember_key_frame_interval(
      user_id owner, std::chrono::milliseconds interval) = 0;

  [[nodiscard]] virtual result<stream_record> find(stream_id id) = 0;
  /// The unfinished stream; not_found when there is none.
  [[nodiscard]] virtual result<stream_record> find_current(user_id owner) = 0;

  /// live and reconnecting ones, newest (highest id) first, below `before`, at most limit.
  [[nodiscard]] virtual result<std::vector<stream_record>> list_live(
      int limit, std::optional<stream_id> before, std::optional<std::int64_t> game_id) = 0;
  /// All that are not ended, in the order of ids, above `after`: to reconcile at a start.
  [[nodiscard]] virtual result<std::vector<stream_record>> list_unfinished(int limit,
                                                                           stream_id after) = 0;
  /// Ends streams made before created_before and never published; answers which.
  [[nodiscard]] virtual result<std::vector<stream_id>> end_stale_waiting(wall_time created_before,
                                                                         wall_time now) = 0;
};

}  // namespace troupe::storage
