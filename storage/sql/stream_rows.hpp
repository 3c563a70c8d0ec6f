// SPDX-License-Identifier: GPL-3.0-or-later
// A stream's row as every statement that answers streams selects it. Thread: plain data.
#pragma once

#include <string>

#include "storage/sql/connection.hpp"
#include "storage/stream_store.hpp"

namespace troupe::storage::sql {

/// The columns of `stream_tables`; others may come after.
inline const std::string stream_columns =
    "stream.id, stream.user_id, stream.title, stream.game_id, stream.status, stream.epoch, "
    "stream.created_at, stream.started_at, stream.ended_at, stream.last_seen_at, users.username, "
    "audience.viewers, audience.peak, audience.watched_ms, audience.updated_at";
inline constexpr std::size_t stream_column_count = 15;

inline const std::string stream_tables =
    "stream JOIN users ON users.id = stream.user_id "
    "LEFT JOIN stream_audience AS audience ON audience.stream_id = stream.id";

/// What a statement that changes a stream answers: RETURNING has no join.
inline const std::string returning_stream =
    " RETURNING id, user_id, title, game_id, status, epoch, created_at, started_at, ended_at, "
    "last_seen_at, (SELECT username FROM users WHERE users.id = stream.user_id)";
inline constexpr std::size_t returned_column_count = 11;

/// Of what was returned.
inline stream_record to_changed_stream(const row& r) {
  stream_record s;
  s.id = r.number(0);
  s.owner = r.number(1);
  s.title = r.text(2);
  s.game_id = r.optional_number(3);
  s.status = static_cast<stream_status>(r.number(4));
  s.epoch = r.number(5);
  s.created_at = r.time(6);
  s.started_at = r.optional_time(7);
  s.ended_at = r.optional_time(8);
  s.last_seen_at = r.time(9);
  s.username = r.text(10);
  return s;
}

/// Of what was selected.
inline stream_record to_stream(const row& r) {
  auto s = to_changed_stream(r);
  s.audience = {.viewers = r.number(11),
                .peak = r.number(12),
                .watched = std::chrono::milliseconds(r.number(13)),
                .updated_at = r.optional_time(14)};
  return s;
}

}  // namespace troupe::storage::sql
