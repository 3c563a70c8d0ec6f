// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/chat_table.hpp"

#include <algorithm>
#include <limits>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/chat_table_rows.hpp"

namespace troupe::storage::sql {

namespace {

constexpr auto highest = std::numeric_limits<std::int64_t>::max();
/// docs/chat-protocol.md: how long a nonce is remembered; the number bounds a node's memory.
constexpr std::chrono::minutes nonce_life{10};
constexpr std::int64_t nonces_at_most = 50'000;

error fenced() {
  return make_error(errc::conflict, "fenced", "a newer activation has this room");
}

/// Between which numbers the page lies, both excluded, and from which end it is taken.
struct page {
  std::string after = "0";
  std::string before;
  bool newest_first = true;
  std::vector<parameter> parameters;
};

/// Ids rise with numbers: an id stands for the number of the message at or next to it.
page page_of(const history_request& r) {
  page p;
  if (r.before_seq) {
    p.before = "CAST(:edge AS BIGINT)";
    p.parameters = {{"edge", *r.before_seq}};
  } else if (r.before) {
    p.before =
        "COALESCE((SELECT b.seq FROM chat_event b WHERE b.room = :edge_room AND b.kind = 0 "
        "AND b.message_id >= :edge ORDER BY b.message_id LIMIT 1), :highest)";
    p.parameters = {{"edge_room", r.room}, {"edge", *r.before}, {"highest", highest}};
  } else if (r.after_seq) {
    p.after = "CAST(:edge AS BIGINT)";
    p.newest_first = false;
    p.parameters = {{"edge", *r.after_seq}};
  } else if (r.after) {
    p.after =
        "COALESCE((SELECT b.seq FROM chat_event b WHERE b.room = :edge_room AND b.kind = 0 "
        "AND b.message_id <= :edge ORDER BY b.message_id DESC LIMIT 1), 0)";
    p.newest_first = false;
    p.parameters = {{"edge_room", r.room}, {"edge", *r.after}};
  }
  return p;
}

bool has_two_edges(const history_request& r) {
  return int{r.before.has_value()} + int{r.after.has_value()} + int{r.before_seq.has_value()} +
             int{r.after_seq.has_value()} >
         1;
}

template <class T>
result<std::vector<T>> reversed(result<std::vector<T>> list) {
  if (list) {
    std::ranges::reverse(*list);
  }
  return list;
}

}  // namespace

result<void> chat_table::claim(user_id room, std::int64_t epoch) {
  const auto rows = access_.write(
      "INSERT INTO chat_room (user_id, epoch, last_seq, last_message_id, settings) "
      "SELECT id, CAST(:epoch AS BIGINT), 0, 0, '' FROM users WHERE id = :room "
      "ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch "
      "WHERE chat_room.epoch <= excluded.epoch RETURNING user_id",
      {{"epoch", epoch}, {"room", room}}, 1);
  if (!rows) {
    return fail(rows.error());
  }
  if (!rows->empty()) {
    return {};
  }
  const auto present = only_row(
      access_.read("SELECT id FROM users WHERE id = :room", {{"room", room}}, 1), "no such user");
  return present ? fail(fenced()) : fail(present.error());
}

result<adopted_room> chat_table::read_state(user_id room) {
  const auto rows =
      access_.read(chat::state_statement, chat::state_parameters(room), chat::state_column_count);
  if (!rows) {
    return fail(rows.error());
  }
  return chat::to_state(*rows);
}

result<std::vector<nonce_record>> chat_table::read_nonces(user_id room, wall_time after) {
  const auto rows = access_.read("SELECT " + chat::nonce_columns +
                                     " FROM chat_nonce WHERE room = :room AND created_at > :after "
                                     "ORDER BY created_at DESC LIMIT :limit",
                                 {{"room", room}, {"after", after}, {"limit", nonces_at_most}},
                                 chat::nonce_column_count);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<nonce_record> nonces;
  nonces.reserve(rows->size());
  std::transform(rows->rbegin(), rows->rend(), std::back_inserter(nonces), chat::to_nonce);
  return nonces;
}

result<adopted_room> chat_table::adopt(user_id room, std::int64_t epoch, wall_time now) {
  // Reads only after the claim is durable: what an older activation was still writing is then
  // either seen or fenced.
  if (auto claimed = claim(room, epoch); !claimed) {
    return fail(std::move(claimed.error()));
  }
  auto state = read_state(room);
  if (!state) {
    return state;
  }
  auto nonces = read_nonces(room, now - nonce_life);
  if (!nonces) {
    return fail(std::move(nonces.error()));
  }
  state->nonces = std::move(*nonces);
  return state;
}

result<std::int64_t> chat_table::last_seq(user_id room, std::int64_t epoch) {
  // The lock waits for a commit that was cut off here and is still under way there.
  const auto found = only_row(access_.read(std::string("SELECT last_seq, epoch FROM chat_room "
                                                       "WHERE user_id = :room") +
                                               (kind_ == engine::postgresql ? " FOR SHARE" : ""),
                                           {{"room", room}}, 2),
                              "no such room");
  if (!found) {
    return fail(found.error());
  }
  return found->number(1) == epoch ? result<std::int64_t>(found->number(0)) : fail(fenced());
}

result<std::vector<room_event>> chat_table::history(const history_request& r) {
  if (has_two_edges(r)) {
    return fail(errc::invalid_argument, "at most one of before, after and their numbers");
  }
  auto p = page_of(r);
  std::vector<parameter> parameters = {{"room", r.room}};
  parameters.insert(parameters.end(), p.parameters.begin(), p.parameters.end());
  parameters.emplace_back("limit", std::int64_t{r.limit});
  auto events = chat::to_events(
      access_.read("SELECT " + chat::event_columns + " FROM chat_event e WHERE e.room = :room" +
                       (p.newest_first ? "" : " AND e.seq > " + p.after) +
                       (p.before.empty() ? "" : " AND e.seq < " + p.before) +
                       (r.only_messages ? " AND " + chat::is_there : "") + " ORDER BY e.seq " +
                       (p.newest_first ? "DESC " : "") + "LIMIT :limit",
                   parameters, chat::event_column_count),
      chat::reader::anybody);
  return p.newest_first ? reversed(std::move(events)) : events;
}

result<room_event> chat_table::find_message(user_id room, id message_id) {
  const auto found = only_row(
      access_.read("SELECT " + chat::event_columns +
                       " FROM chat_event e WHERE e.room = :room AND e.message_id = :message_id "
                       "AND e.kind = 0",
                   {{"room", room}, {"message_id", message_id}}, chat::event_column_count),
      "no such message");
  if (!found) {
    return fail(found.error());
  }
  return chat::to_event(*found, chat::reader::anybody);
}

result<member_record> chat_table::member(user_id room, user_id user) {
  const auto found = only_row(
      access_.read("SELECT u.id, u.username, m.is_moderator, m.moderator_since, m.is_banned, "
                   "m.banned_until, m.ban_reason, m.banned_by, m.banned_by_name, m.banned_at, "
                   "f.created_at, (SELECT e.created_at FROM chat_event e WHERE e.room = :said_room "
                   "AND e.user_id = u.id AND e.kind = 0 ORDER BY e.seq DESC LIMIT 1) FROM users u "
                   "LEFT JOIN chat_member m ON m.room = :room AND m.user_id = u.id "
                   "LEFT JOIN follow f ON f.follower_id = u.id AND f.channel_id = :channel "
                   "WHERE u.id = :user",
                   {{"said_room", room}, {"room", room}, {"channel", room}, {"user", user}},
                   chat::member_column_count + 1),
      "no such user");
  if (!found) {
    return fail(found.error());
  }
  auto record = chat::to_member(*found);
  record.said_at = found->optional_time(chat::member_column_count);
  return record;
}

result<std::vector<member_record>> chat_table::moderators(user_id room) {
  return chat::to_members(
      access_.read("SELECT " + chat::member_columns +
                       " FROM chat_member m LEFT JOIN follow f "
                       "ON f.follower_id = m.user_id AND f.channel_id = m.room "
                       "WHERE m.room = :room AND m.is_moderator = 1 ORDER BY m.user_id",
                   {{"room", room}}, chat::member_column_count));
}

result<std::vector<member_record>> chat_table::bans(
    user_id room, wall_time now, int limit, std::optional<std::pair<wall_time, user_id>> before) {
  const auto [time, user] = before.value_or(std::pair(wall_time::max(), user_id{0}));
  return chat::to_members(access_.read(
      "SELECT " + chat::member_columns +
          " FROM chat_member m LEFT JOIN follow f "
          "ON f.follower_id = m.user_id AND f.channel_id = m.room "
          "WHERE m.room = :room AND m.is_banned = 1 "
          "AND (m.banned_at, m.user_id) < (CAST(:time AS BIGINT), CAST(:user AS BIGINT)) "
          "AND (m.banned_until IS NULL OR m.banned_until > :now) "
          "ORDER BY m.banned_at DESC, m.user_id DESC LIMIT :limit",
      {{"room", room},
       {"time", time},
       {"user", user},
       {"now", now},
       {"limit", std::int64_t{limit}}},
      chat::member_column_count));
}

result<std::vector<room_event>> chat_table::messages_of(user_id room, user_id user, int limit) {
  return reversed(chat::to_events(
      access_.read("SELECT " + chat::event_columns +
                       " FROM chat_event e WHERE e.room = :room AND e.user_id = :user "
                       "AND e.kind = 0 ORDER BY e.seq DESC LIMIT :limit",
                   {{"room", room}, {"user", user}, {"limit", std::int64_t{limit}}},
                   chat::event_column_count),
      chat::reader::moderator));
}

result<std::vector<moderation_entry>> chat_table::moderation_log(user_id room, int limit,
                                                                 std::optional<id> before) {
  const auto rows = access_.read(
      "SELECT " + chat::log_columns +
          " FROM chat_log WHERE room = :room AND log_id < :before ORDER BY log_id DESC LIMIT "
          ":limit",
      {{"room", room}, {"before", before.value_or(highest)}, {"limit", std::int64_t{limit}}},
      chat::log_column_count);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<moderation_entry> entries;
  entries.reserve(rows->size());
  std::ranges::transform(*rows, std::back_inserter(entries), chat::to_log_entry);
  return entries;
}

result<std::size_t> chat_table::remove_old_nonces(wall_time before, int limit) {
  return remove_some("chat_nonce", "created_at < :before ORDER BY created_at", before, limit);
}

result<std::size_t> chat_table::remove_past_timeouts(wall_time before, int limit) {
  return remove_some("chat_member",
                     "is_banned = 1 AND is_moderator = 0 AND banned_until IS NOT NULL "
                     "AND banned_until < :before ORDER BY banned_until",
                     before, limit);
}

/// Where a row lies names it well enough for one statement, also in a table without a key.
result<std::size_t> chat_table::remove_some(const std::string& table, const std::string& which,
                                            wall_time before, int limit) {
  const auto place = kind_ == engine::sqlite ? "rowid" : "ctid";
  const auto picked = fmt::format("SELECT {} FROM {} WHERE {} LIMIT :limit", place, table, which);
  const auto removed = access_.write(
      kind_ == engine::sqlite
          ? fmt::format("DELETE FROM {} WHERE rowid IN ({}) RETURNING 1", table, picked)
          : fmt::format("DELETE FROM {} WHERE ctid = ANY (ARRAY({} FOR UPDATE SKIP LOCKED)) "
                        "RETURNING 1",
                        table, picked),
      {{"before", before}, {"limit", std::int64_t{limit}}}, 1);
  if (!removed) {
    return fail(removed.error());
  }
  return removed->size();
}

}  // namespace troupe::storage::sql
