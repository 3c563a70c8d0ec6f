// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/records.hpp"

namespace troupe::stream {
namespace {

constexpr auto stale_audience = std::chrono::seconds(15);  // three missed refreshes

status to_status(storage::stream_status s) {
  switch (s) {
    case storage::stream_status::waiting:
      return status::waiting;
    case storage::stream_status::live:
      return status::live;
    case storage::stream_status::reconnecting:
      return status::reconnecting;
    case storage::stream_status::ended:
      return status::ended;
  }
  return status::ended;
}

/// Over the time from its first frame to its end, or until now; rounded.
std::int64_t mean_viewers(const storage::stream_record& row, wall_time now) {
  if (!row.started_at) {
    return 0;
  }
  const auto live = row.ended_at.value_or(now) - *row.started_at;
  const auto live_ms = std::chrono::duration_cast<std::chrono::milliseconds>(live).count();
  return live_ms <= 0 ? 0 : (row.audience.watched.count() + live_ms / 2) / live_ms;
}

}  // namespace

info to_info(const storage::stream_record& row, wall_time now) {
  const auto& audience = row.audience;
  const bool is_fresh = audience.updated_at && now - *audience.updated_at < stale_audience;
  return {.id = row.id,
          .owner = row.owner,
          .username = row.username,
          .title = row.title,
          .game_id = row.game_id,
          .status = to_status(row.status),
          .viewer_count = is_fresh ? audience.viewers : 0,
          .peak_viewers = audience.peak,
          .mean_viewers = mean_viewers(row, now),
          .created_at = row.created_at,
          .started_at = row.started_at,
          .ended_at = row.ended_at};
}

}  // namespace troupe::stream
