// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/stream_table.hpp"

#include <limits>
#include <utility>

#include "storage/sql/stream_rows.hpp"

namespace troupe::storage::sql {

namespace {

constexpr const char* missing = "no such stream";

const std::string select_stream = "SELECT " + stream_columns + " FROM " + stream_tables + " ";

result<stream_record> to_changed_stream(result<std::vector<row>> rows) {
  const auto found = only_row(std::move(rows), missing);
  if (!found) {
    return fail(found.error());
  }
  return to_changed_stream(*found);
}

result<stream_record> to_stream(result<std::vector<row>> rows) {
  const auto found = only_row(std::move(rows), missing);
  if (!found) {
    return fail(found.error());
  }
  return to_stream(*found);
}

result<std::vector<stream_record>> to_records(const result<std::vector<row>>& rows) {
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<stream_record> streams;
  streams.reserve(rows->size());
  for (const auto& r : *rows) {
    streams.push_back(to_stream(r));
  }
  return streams;
}

}  // namespace

result<started_stream> stream_table::start_or_get(const new_stream& wanted) {
  const auto found = to_changed_stream(access_.write(
      "INSERT INTO stream (id, user_id, title, game_id, status, epoch, created_at, last_seen_at, "
      "progress) VALUES (:id, :user_id, COALESCE(CAST(:title AS TEXT), ''), "
      "CAST(:game_id AS BIGINT), 0, 0, :now, :seen, decode('', 'hex')) "
      "ON CONFLICT (user_id) WHERE status <> 3 DO UPDATE "
      "SET title = COALESCE(CAST(:new_title AS TEXT), stream.title), "
      "game_id = COALESCE(CAST(:new_game_id AS BIGINT), stream.game_id)" +
          returning_stream,
      {{"id", wanted.id},
       {"user_id", wanted.owner},
       {"title", wanted.title},
       {"game_id", wanted.game_id},
       {"now", wanted.now},
       {"seen", wanted.now},
       {"new_title", wanted.title},
       {"new_game_id", wanted.game_id}},
      returned_column_count));
  if (!found) {
    return fail(found.error());
  }
  return started_stream{*found, found->id == wanted.id};
}

result<adopted_stream> stream_table::adopt(stream_id id, std::int64_t epoch) {
  const auto rows = access_.write(
      "UPDATE stream SET epoch = :epoch WHERE id = :id AND epoch <= :newest" + returning_stream +
          ", encode(progress, 'hex'), COALESCE((SELECT key_frame_interval_ms FROM channel "
          "WHERE channel.user_id = stream.user_id), 0)",
      {{"epoch", epoch}, {"id", id}, {"newest", epoch}}, returned_column_count + 2);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    return fail(why_refused(id, epoch));
  }
  const auto& r = rows->front();
  return adopted_stream{to_changed_stream(r), r.binary(returned_column_count),
                        std::chrono::milliseconds(r.number(returned_column_count + 1))};
}

result<stream_record> stream_table::change(stream_id id, std::int64_t epoch,
                                           const std::string& statement,
                                           std::vector<parameter> parameters) {
  parameters.insert(parameters.end(), {{"id", id}, {"epoch", epoch}});
  auto rows = access_.write(statement + returning_stream, parameters, returned_column_count);
  if (rows && rows->empty()) {
    return fail(why_refused(id, epoch));
  }
  return to_changed_stream(std::move(rows));
}

error stream_table::why_refused(stream_id id, std::int64_t epoch) {
  const auto present = find(id);
  if (!present) {
    return present.error();
  }
  if (present->epoch > epoch) {
    return make_error(errc::conflict, "fenced", "a newer activation owns this stream");
  }
  if (present->status == stream_status::ended) {
    return make_error(errc::conflict, "stream_ended", "this stream has ended");
  }
  return make_error(errc::conflict, "stream_not_live", "this stream is not live");
}

result<stream_record> stream_table::set_live(stream_id id, std::int64_t epoch, wall_time now) {
  return change(id, epoch,
                "UPDATE stream SET status = 1, started_at = COALESCE(started_at, :now), "
                "last_seen_at = :seen WHERE id = :id AND epoch <= :epoch AND status <> 3",
                {{"now", now}, {"seen", now}});
}

result<stream_record> stream_table::set_reconnecting(stream_id id, std::int64_t epoch) {
  return change(id, epoch,
                "UPDATE stream SET status = 2 WHERE id = :id AND epoch <= :epoch "
                "AND status IN (1, 2)",
                {});
}

result<stream_record> stream_table::set_ended(stream_id id, std::int64_t epoch, wall_time now) {
  return change(id, epoch,
                "UPDATE stream SET status = 3, ended_at = COALESCE(ended_at, :now) "
                "WHERE id = :id AND epoch <= :epoch",
                {{"now", now}});
}

result<void> stream_table::save_progress(stream_id id, std::int64_t epoch, wall_time seen,
                                         byte_view progress) {
  const auto saved = access_.write(
      "UPDATE stream SET last_seen_at = :seen, progress = decode(:progress, 'hex') "
      "WHERE id = :id AND epoch <= :epoch AND status <> 3 RETURNING id",
      {{"seen", seen}, {"progress", progress}, {"id", id}, {"epoch", epoch}}, 1);
  if (!saved) {
    return fail(saved.error());
  }
  return saved->empty() ? fail(why_refused(id, epoch)) : result<void>();
}

result<void> stream_table::remember_key_frame_interval(user_id owner,
                                                       std::chrono::milliseconds interval) {
  return without_rows(access_.write(
      "INSERT INTO channel (user_id, key_frame_interval_ms) VALUES (:user_id, :interval) "
      "ON CONFLICT (user_id) DO UPDATE SET key_frame_interval_ms = excluded.key_frame_interval_ms "
      "WHERE channel.key_frame_interval_ms < excluded.key_frame_interval_ms",
      {{"user_id", owner}, {"interval", std::int64_t{interval.count()}}}, 0));
}

result<stream_record> stream_table::find(stream_id id) {
  return to_stream(
      access_.read(select_stream + "WHERE stream.id = :id", {{"id", id}}, stream_column_count));
}

result<stream_record> stream_table::find_current(user_id owner) {
  return to_stream(
      access_.read(select_stream + "WHERE stream.user_id = :user_id AND stream.status <> 3",
                   {{"user_id", owner}}, stream_column_count));
}

result<std::vector<stream_record>> stream_table::list_live(int limit,
                                                           std::optional<stream_id> before,
                                                           std::optional<std::int64_t> game_id) {
  std::vector<parameter> parameters = {
      {"before", before.value_or(std::numeric_limits<std::int64_t>::max())},
      {"limit", std::int64_t{limit}}};
  std::string game;
  if (game_id) {
    game = "stream.game_id = :game_id AND ";
    parameters.emplace_back("game_id", *game_id);
  }
  return to_records(access_.read(select_stream + "WHERE " + game +
                                     "stream.status IN (1, 2) AND stream.id < :before "
                                     "ORDER BY stream.id DESC LIMIT :limit",
                                 parameters, stream_column_count));
}

result<std::vector<stream_record>> stream_table::list_unfinished(int limit, stream_id after) {
  return to_records(access_.read(select_stream + "WHERE stream.status <> 3 AND stream.id > :after "
                                                 "ORDER BY stream.id LIMIT :limit",
                                 {{"after", after}, {"limit", std::int64_t{limit}}},
                                 stream_column_count));
}

result<std::vector<stream_id>> stream_table::end_stale_waiting(wall_time created_before,
                                                               wall_time now) {
  const auto rows = access_.write(
      "UPDATE stream SET status = 3, ended_at = :now "
      "WHERE status = 0 AND created_at < :created_before RETURNING id",
      {{"now", now}, {"created_before", created_before}}, 1);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<stream_id> ended;
  for (const auto& r : *rows) {
    ended.push_back(r.number(0));
  }
  return ended;
}

}  // namespace troupe::storage::sql
