// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/follow_table.hpp"

#include <limits>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/stream_rows.hpp"

namespace troupe::storage::sql {

namespace {

constexpr const char* missing = "no such user";
constexpr auto last_id = std::numeric_limits<std::int64_t>::max();

/// Live or reconnecting, in words that lead the planner of either engine to the index of a user's
/// unfinished stream, and to no other.
constexpr const char* live = "stream.status <> 3 AND stream.status > 0";

const std::string select_profile = fmt::format(
    "SELECT users.id, users.username, users.created_at, "
    "COALESCE((SELECT total FROM follower_count WHERE user_id = users.id), 0), "
    "COALESCE((SELECT total FROM following_count WHERE user_id = users.id), 0), "
    "(SELECT stream.id FROM stream WHERE stream.user_id = users.id AND {}), "
    "(SELECT follow.created_at FROM follow "
    "WHERE follow.follower_id = CAST(:viewer AS BIGINT) AND follow.channel_id = users.id) "
    "FROM users WHERE ",
    live);

result<profile_record> to_profile(result<std::vector<row>> rows) {
  const auto found = only_row(std::move(rows), missing);
  if (!found) {
    return fail(found.error());
  }
  return profile_record{.id = found->number(0),
                        .username = found->text(1),
                        .created_at = found->time(2),
                        .follower_count = found->number(3),
                        .following_count = found->number(4),
                        .stream = found->optional_number(5),
                        .followed_at = found->optional_time(6)};
}

/// How the two stand now: where nothing changed.
result<follow_change> present_state(connection& c, user_id follower, user_id channel) {
  const auto found =
      only_row(c.query("SELECT (SELECT created_at FROM follow WHERE follower_id = :follower "
                       "AND channel_id = users.id), COALESCE((SELECT total FROM follower_count "
                       "WHERE user_id = users.id), 0) FROM users WHERE id = :channel",
                       {{"follower", follower}, {"channel", channel}}, 2),
               missing);
  if (!found) {
    return fail(found.error());
  }
  return follow_change{false, found->optional_time(0), found->number(1)};
}

/// The first column of the first row.
result<std::int64_t> count_change(connection& c, const std::string& statement,
                                  const std::vector<parameter>& parameters) {
  const auto rows = c.query(statement, parameters, 1);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    return fail(errc::data_corrupt, "a count of follows is missing");
  }
  return rows->front().number(0);
}

// Each of these takes its rows in one order, follow, following_count, follower_count, so that no
// two ever wait for each other; the row of a channel that all follow at once comes last and is held
// the shortest.

/// The two, counted: after the row was inserted.
result<follow_change> count_added(connection& c, user_id follower, user_id channel, wall_time since,
                                  std::int64_t most) {
  const auto counted = c.query(
      "INSERT INTO following_count (user_id, total) VALUES (:follower, 1) ON CONFLICT (user_id) "
      "DO UPDATE SET total = following_count.total + 1 WHERE following_count.total < :most "
      "RETURNING total",
      {{"follower", follower}, {"most", most}}, 1);
  if (!counted) {
    return fail(counted.error());
  }
  if (counted->empty()) {
    return fail(errc::conflict, "too_many_follows",
                fmt::format("a user can follow at most {} channels", most));
  }
  return map(count_change(c,
                          "INSERT INTO follower_count (user_id, total) VALUES (:channel, 1) "
                          "ON CONFLICT (user_id) DO UPDATE SET total = follower_count.total + 1 "
                          "RETURNING total",
                          {{"channel", channel}}),
             [&](std::int64_t total) { return follow_change{true, since, total}; });
}

/// Nothing when the row was there as it was tried and gone as it was looked for.
result<std::optional<follow_change>> try_to_add(connection& c, user_id follower, user_id channel,
                                                wall_time now, std::int64_t most) {
  const auto added = c.query(
      "INSERT INTO follow (follower_id, channel_id, created_at) "
      "SELECT follower.id, users.id, CAST(:now AS BIGINT) FROM users "
      "CROSS JOIN users AS follower WHERE users.id = :channel AND follower.id = :follower "
      "ON CONFLICT (follower_id, channel_id) DO NOTHING RETURNING created_at",
      {{"now", now}, {"channel", channel}, {"follower", follower}}, 1);
  if (!added) {
    return fail(added.error());
  }
  if (!added->empty()) {
    return count_added(c, follower, channel, added->front().time(0), most);
  }
  const auto present = present_state(c, follower, channel);
  if (!present) {
    return fail(present.error());
  }
  if (present->followed_at) {
    return *present;
  }
  const auto rows =
      c.query("SELECT id FROM users WHERE id = :follower", {{"follower", follower}}, 1);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    return fail(errc::not_found, missing);
  }
  return std::nullopt;
}

result<follow_change> add_in(connection& c, user_id follower, user_id channel, wall_time now,
                             std::int64_t most) {
  constexpr int attempts = 5;  // each is lost to somebody who unfollows in that very moment
  for (int i = 0; i < attempts; ++i) {
    auto added = try_to_add(c, follower, channel, now, most);
    if (!added) {
      return fail(std::move(added.error()));
    }
    if (*added) {
      return **std::move(added);
    }
  }
  return fail(errc::unavailable, "store_busy", "this follow is being changed by somebody else");
}

result<follow_change> remove_in(connection& c, user_id follower, user_id channel) {
  const auto removed = c.query(
      "DELETE FROM follow WHERE follower_id = :follower AND channel_id = :channel "
      "RETURNING created_at",
      {{"follower", follower}, {"channel", channel}}, 1);
  if (!removed) {
    return fail(removed.error());
  }
  if (removed->empty()) {
    return present_state(c, follower, channel);
  }
  if (const auto counted = count_change(
          c, "UPDATE following_count SET total = total - 1 WHERE user_id = :id RETURNING total",
          {{"id", follower}});
      !counted) {
    return fail(counted.error());
  }
  return map(
      count_change(
          c, "UPDATE follower_count SET total = total - 1 WHERE user_id = :id RETURNING total",
          {{"id", channel}}),
      [](std::int64_t total) { return follow_change{true, std::nullopt, total}; });
}

/// The parameters of a page, whose first has no place before it.
std::vector<parameter> page_of(user_id id, int limit, const std::optional<follow_place>& before) {
  return {{"id", id},
          {"time", before ? before->followed_at.time_since_epoch().count() : last_id},
          {"before", before ? before->id : last_id},
          {"limit", std::int64_t{limit}}};
}

}  // namespace

result<follow_change> follow_table::add(user_id follower, user_id channel, wall_time now,
                                        std::int64_t most) {
  return access_.transact([&](connection& c) { return add_in(c, follower, channel, now, most); });
}

result<follow_change> follow_table::remove(user_id follower, user_id channel) {
  return access_.transact([&](connection& c) { return remove_in(c, follower, channel); });
}

result<std::optional<wall_time>> follow_table::followed_at(user_id follower, user_id channel) {
  const auto rows = access_.read(
      "SELECT created_at FROM follow WHERE follower_id = :follower AND channel_id = :channel",
      {{"follower", follower}, {"channel", channel}}, 1);
  if (!rows) {
    return fail(rows.error());
  }
  return rows->empty() ? std::nullopt : rows->front().optional_time(0);
}

result<std::vector<follower_record>> follow_table::list_followers(
    user_id channel, int limit, const std::optional<follow_place>& before) {
  const auto rows = access_.read(
      "SELECT follow.follower_id, users.username, follow.created_at FROM follow "
      "JOIN users ON users.id = follow.follower_id WHERE follow.channel_id = :id "
      "AND (follow.created_at, follow.follower_id) < (:time, :before) "
      "ORDER BY follow.created_at DESC, follow.follower_id DESC LIMIT :limit",
      page_of(channel, limit, before), 3);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<follower_record> followers;
  followers.reserve(rows->size());
  for (const auto& r : *rows) {
    followers.push_back({.id = r.number(0), .username = r.text(1), .followed_at = r.time(2)});
  }
  return followers;
}

result<std::vector<followed_record>> follow_table::list_following(
    user_id follower, int limit, const std::optional<follow_place>& before) {
  const auto rows = access_.read(
      fmt::format("SELECT {}, follow.channel_id, follow.created_at FROM follow "
                  "JOIN users ON users.id = follow.channel_id "
                  "LEFT JOIN stream ON stream.user_id = follow.channel_id AND {} "
                  "LEFT JOIN stream_audience AS audience ON audience.stream_id = stream.id "
                  "WHERE follow.follower_id = :id "
                  "AND (follow.created_at, follow.channel_id) < (:time, :before) "
                  "ORDER BY follow.created_at DESC, follow.channel_id DESC LIMIT :limit",
                  stream_columns, live),
      page_of(follower, limit, before), stream_column_count + 2);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<followed_record> followed;
  followed.reserve(rows->size());
  for (const auto& r : *rows) {
    auto stream = to_stream(r);
    auto username = stream.username;
    followed.push_back(
        {.id = r.number(stream_column_count),
         .username = std::move(username),
         .followed_at = r.time(stream_column_count + 1),
         .stream = stream.id == 0 ? std::nullopt : std::optional(std::move(stream))});
  }
  return followed;
}

result<std::vector<stream_record>> follow_table::list_live_followed(
    user_id follower, int limit, std::optional<stream_id> before) {
  // CROSS JOIN keeps SQLite from walking all live streams instead; PostgreSQL knows the numbers.
  const auto rows = access_.read(
      fmt::format("SELECT {} FROM follow CROSS JOIN {} "
                  "WHERE follow.follower_id = :id AND stream.user_id = follow.channel_id AND {} "
                  "AND stream.id < :before ORDER BY stream.id DESC LIMIT :limit",
                  stream_columns, stream_tables, live),
      {{"id", follower}, {"before", before.value_or(last_id)}, {"limit", std::int64_t{limit}}},
      stream_column_count);
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

result<profile_record> follow_table::profile(user_id id, std::optional<user_id> viewer) {
  return to_profile(
      access_.read(select_profile + "users.id = :id", {{"viewer", viewer}, {"id", id}}, 7));
}

result<profile_record> follow_table::profile_by_name(std::string_view key,
                                                     std::optional<user_id> viewer) {
  return to_profile(access_.read(select_profile + "users.username_key = :key",
                                 {{"viewer", viewer}, {"key", key}}, 7));
}

}  // namespace troupe::storage::sql
