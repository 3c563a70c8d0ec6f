// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/records.hpp"

namespace troupe::stream {
namespace {

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

}  // namespace

info to_info(const storage::stream_record& row) {
  return {.id = row.id,
          .owner = row.owner,
          .username = row.username,
          .title = row.title,
          .game_id = row.game_id,
          .status = to_status(row.status),
          .viewer_count = 0,
          .created_at = row.created_at,
          .started_at = row.started_at,
          .ended_at = row.ended_at};
}

}  // namespace troupe::stream
