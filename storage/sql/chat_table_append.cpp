// SPDX-License-Identifier: GPL-3.0-or-later
// The group commit of many rooms. Both engines first raise the rooms' rows, in their order, where
// epoch and number are what the writer believes, and then write the rest for rooms that matched:
// PostgreSQL in one statement of common table expressions, SQLite, which has no such thing, in a
// transaction of several.
#include <algorithm>
#include <map>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/chat_table.hpp"
#include "storage/sql/chat_table_batch.hpp"

namespace troupe::storage::sql {

namespace {

using chat::batch;

/// In the order of rooms.
using ordered_writes = std::map<user_id, const room_write*>;

std::string raise_statement(const batch& b, engine kind) {
  const std::string set =
      "UPDATE chat_room SET last_seq = COALESCE(v.d, 0), last_message_id = "
      "CASE WHEN COALESCE(v.e, 0) > last_message_id THEN v.e ELSE last_message_id END, "
      "settings = COALESCE(v.g, settings) FROM ";
  const std::string where =
      " WHERE chat_room.user_id = v.a AND chat_room.epoch = COALESCE(v.b, 0) "
      "AND chat_room.last_seq = COALESCE(v.c, 0) AND chat_room.last_message_id < v.f "
      "RETURNING chat_room.user_id AS room";
  if (kind == engine::sqlite) {
    return set + b.rooms.source(kind) + where;
  }
  // Two batches that name the same rooms (one of them fenced) must lock them in the same order, and
  // an UPDATE promises none.
  return set + "(SELECT v.* FROM chat_room JOIN " + b.rooms.source(kind) +
         " ON chat_room.user_id = v.a ORDER BY v.a FOR NO KEY UPDATE OF chat_room) AS v" + where;
}

/// Statements of a commit, each with the rows it wants.
class commit_parts {
 public:
  explicit commit_parts(engine kind) : kind_(kind) {}

  struct part {
    std::string text;
    const batch_rows* rows;
  };

  void insert(const char* table, const batch_rows& rows, const char* on_conflict = "") {
    if (!rows.empty()) {
      add(rows, fmt::format("INSERT INTO {} SELECT {} FROM {}{}{}", table, rows.values(),
                            rows.source(kind_), joined(" WHERE 1 = 1"), on_conflict));
    }
  }

  /// For statements that name (room, message_id) of a table: both in v.
  void change(const char* begin, const batch_rows& rows, const char* end) {
    if (!rows.empty()) {
      add(rows, fmt::format("{}{}{}{}", begin, rows.source(kind_), joined(""), end));
    }
  }

  const std::vector<part>& parts() const { return parts_; }

 private:
  void add(const batch_rows& rows, std::string text) { parts_.push_back({std::move(text), &rows}); }

  const char* joined(const char* otherwise) const {
    return kind_ == engine::postgresql ? " JOIN raised ON raised.room = v.a" : otherwise;
  }

  engine kind_;
  std::vector<part> parts_;
};

std::vector<commit_parts::part> parts_of(const batch& b, engine kind) {
  commit_parts p(kind);
  p.insert(
      "chat_event (room, seq, kind, message_id, stream_id, user_id, username, author_role, text, "
      "nonce, reply_to, details, until, is_on, is_gone, created_at)",
      b.events);
  p.insert("chat_nonce (room, created_at, session, nonce, digest, message_id, seq, text)",
           b.nonces);
  p.change("UPDATE chat_event SET is_gone = 1 FROM ", b.gone,
           " WHERE chat_event.room = v.a AND chat_event.message_id = v.b AND chat_event.kind = 0");
  p.insert("chat_cleared (room, user_id, seq)", b.cleared,
           " ON CONFLICT (room, user_id) DO UPDATE SET seq = excluded.seq");
  p.insert(
      "chat_member (room, user_id, username, is_moderator, moderator_since, is_banned, "
      "banned_until, ban_reason, banned_by, banned_by_name, banned_at)",
      b.members,
      " ON CONFLICT (room, user_id) DO UPDATE SET username = excluded.username, "
      "is_moderator = excluded.is_moderator, moderator_since = excluded.moderator_since, "
      "is_banned = excluded.is_banned, banned_until = excluded.banned_until, "
      "ban_reason = excluded.ban_reason, banned_by = excluded.banned_by, "
      "banned_by_name = excluded.banned_by_name, banned_at = excluded.banned_at");
  p.insert(
      "chat_held (room, message_id, user_id, username, session, nonce, text, word, reply_to, "
      "stream_id, created_at)",
      b.held);
  p.change("DELETE FROM chat_held WHERE (room, message_id) IN (SELECT v.a, v.b FROM ", b.decided,
           ")");
  p.insert(
      "chat_log (room, log_id, action, by_id, by_name, user_id, username, message_id, text, "
      "reason, details, created_at)",
      b.log);
  return p.parts();
}

error not_text() {
  return make_error(errc::invalid_argument, "invalid_text",
                    "a chat write holds what is not text in UTF-8 without zero bytes");
}

std::set<user_id> rooms_of(const std::vector<row>& rows) {
  std::set<user_id> rooms;
  for (const auto& r : rows) {
    rooms.insert(r.number(0));
  }
  return rooms;
}

batch batch_of(const ordered_writes& writes) {
  batch b;
  for (const auto& [_, w] : writes) {
    chat::add_room(b, *w);
    chat::add_content(b, *w);
  }
  return b;
}

/// Which rooms were written.
result<std::set<user_id>> commit_postgresql(const access& a, const batch& b) {
  std::string text = "WITH raised AS (" + raise_statement(b, engine::postgresql) + ")";
  std::vector<parameter> parameters = {b.rooms.json()};
  int number = 0;
  for (const auto& part : parts_of(b, engine::postgresql)) {
    text += fmt::format(", p{} AS ({})", ++number, part.text);
    parameters.push_back(part.rows->json());
  }
  const auto rows = a.write(text + " SELECT room FROM raised", parameters, 1);
  if (!rows) {
    return fail(rows.error());
  }
  return rooms_of(*rows);
}

result<std::set<user_id>> write_sqlite(connection& c, const batch& all, ordered_writes writes) {
  const auto rows = c.query(raise_statement(all, engine::sqlite), {all.rooms.json()}, 1);
  if (!rows) {
    return fail(rows.error());
  }
  auto raised = rooms_of(*rows);
  std::optional<batch> fewer;
  if (raised.size() < writes.size()) {
    std::erase_if(writes, [&](const auto& w) { return !raised.contains(w.first); });
    fewer = batch_of(writes);
  }
  for (const auto& part : parts_of(fewer ? *fewer : all, engine::sqlite)) {
    if (auto done = c.run(part.text, {part.rows->json()}); !done) {
      return fail(std::move(done.error()));
    }
  }
  return raised;
}

}  // namespace

result<std::vector<room_outcome>> chat_table::append(std::span<const room_write> writes) {
  ordered_writes ordered;
  for (const auto& w : writes) {
    if (auto good = chat::check(w); !good) {
      return fail(std::move(good.error()));
    }
    if (!ordered.emplace(w.room, &w).second) {
      return fail(errc::invalid_argument, fmt::format("room {} is in one batch twice", w.room));
    }
  }
  if (writes.empty()) {
    return std::vector<room_outcome>();
  }
  const auto all = batch_of(ordered);
  if (!all.is_storable()) {
    return fail(not_text());
  }
  const auto written = kind_ == engine::postgresql
                           ? commit_postgresql(access_, all)
                           : access_.transact([&](connection& c) -> result<std::set<user_id>> {
                               return write_sqlite(c, all, ordered);
                             });
  if (!written) {
    return fail(written.error());
  }
  std::vector<room_outcome> outcomes(writes.size());
  std::ranges::transform(writes, outcomes.begin(), [&](const room_write& w) {
    return written->contains(w.room) ? room_outcome::ok : room_outcome::fenced;
  });
  return outcomes;
}

}  // namespace troupe::storage::sql
