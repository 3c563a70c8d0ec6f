// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/chat_table_rows.hpp"

#include <algorithm>

namespace troupe::storage::sql::chat {

namespace {

enum class part : std::uint8_t { room, event, held, moderator };

/// A message is gone when it was deleted, or when its author was cleared later. Scalar subqueries
/// throughout: from EXISTS, PostgreSQL may read a whole table into a hash for a page of fifty.
std::string is_gone(const std::string& e) {
  return "(" + e +
         ".is_gone = 1 OR COALESCE((SELECT c.seq FROM chat_cleared c WHERE c.room = " + e +
         ".room AND c.user_id = " + e + ".user_id), 0) > " + e + ".seq)";
}

const std::string is_gone_column =
    "CASE WHEN e.kind = 0 AND " + is_gone("e") + " THEN 1 ELSE 0 END";
const std::string is_quote_gone_column =
    "CASE WHEN e.reply_to <> 0 THEN COALESCE((SELECT CASE WHEN " + is_gone("q") +
    " THEN 1 ELSE 0 END FROM chat_event q WHERE q.room = e.room AND q.message_id = e.reply_to "
    "AND q.kind = 0), 0) ELSE 0 END";

/// As the parts of state_statement have them: numbers first, then texts.
const std::string state_event_columns =
    "e.seq, e.kind, e.message_id, e.stream_id, e.user_id, e.author_role, e.reply_to, e.until, "
    "e.is_on, e.created_at, " +
    is_gone_column + ", " + is_quote_gone_column + ", e.username, e.text, e.nonce, e.details";

template <class T, class Convert>
result<std::vector<T>> convert(const result<std::vector<row>>& rows, Convert one) {
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<T> records;
  records.reserve(rows->size());
  for (const auto& r : *rows) {
    records.push_back(one(r));
  }
  return records;
}

held_message to_held(const row& r, std::size_t first) {
  return {.message_id = r.number(first),
          .user = r.number(first + 1),
          .username = r.text(first + 12),
          .session = r.text(first + 13),
          .nonce = r.text(first + 14),
          .text = r.text(first + 15),
          .word = r.text(first + 16),
          .reply_to = r.number(first + 2),
          .stream = r.optional_number(first + 3),
          .created_at = r.time(first + 4)};
}

/// Of a moderator, as far as a list needs it, in the layout of state_statement.
member_record to_moderator(const row& r, std::size_t first) {
  return {.user = r.number(first),
          .username = r.text(first + 12),
          .is_moderator = true,
          .moderator_since = r.optional_time(first + 1),
          .is_banned = r.number(first + 2) != 0,
          .banned_until = r.optional_time(first + 3),
          .ban_reason = r.text(first + 13),
          .banned_by = r.number(first + 4),
          .banned_by_name = r.text(first + 14),
          .banned_at = r.time(first + 5),
          .followed_at = std::nullopt,
          .said_at = std::nullopt};
}

void read_room(const row& r, adopted_room& state) {
  state.last_seq = r.number(1);
  state.last_message_id = r.number(2);
  state.stream = r.optional_number(3);
  state.stream_status = static_cast<int>(r.number(4));
  state.owner_name = r.text(13);
  state.settings = r.text(14);
  state.stream_title = r.text(15);
}

}  // namespace

const std::string event_columns = state_event_columns;
// Written as something that PostgreSQL must take for true of nearly every row: where it expects few
// messages in a room, from old statistics, it would sort all of them instead of reading the key
// from the page's edge on. CASE also hides the partial indexes, which lack that order.
const std::string is_there =
    "CASE WHEN e.kind = 0 AND NOT " + is_gone("e") + " THEN 0 ELSE 1 END <> 1";

const std::string member_columns =
    "m.user_id, m.username, m.is_moderator, m.moderator_since, m.is_banned, m.banned_until, "
    "m.ban_reason, m.banned_by, m.banned_by_name, m.banned_at, f.created_at";

const std::string log_columns =
    "log_id, action, by_id, by_name, user_id, username, message_id, text, reason, details, "
    "created_at";

const std::string nonce_columns = "session, nonce, digest, message_id, seq, text, created_at";

const std::string state_statement =
    "SELECT 0, r.last_seq, r.last_message_id, s.id, COALESCE(s.status, 0), 0, 0, 0, 0, 0, 0, 0, 0, "
    "u.username, r.settings, COALESCE(s.title, ''), '', '' "
    "FROM chat_room r JOIN users u ON u.id = r.user_id "
    "LEFT JOIN stream s ON s.user_id = r.user_id AND s.status <> 3 WHERE r.user_id = :room "
    "UNION ALL SELECT * FROM (SELECT 1, " +
    state_event_columns +
    ", '' FROM chat_event e WHERE e.room = :ring ORDER BY e.seq DESC LIMIT 100) AS picked "
    "UNION ALL SELECT 2, h.message_id, h.user_id, h.reply_to, h.stream_id, h.created_at, 0, 0, 0, "
    "0, 0, 0, 0, h.username, h.session, h.nonce, h.text, h.word FROM chat_held h "
    "WHERE h.room = :held "
    "UNION ALL SELECT 3, m.user_id, m.moderator_since, m.is_banned, m.banned_until, m.banned_by, "
    "m.banned_at, 0, 0, 0, 0, 0, 0, m.username, m.ban_reason, m.banned_by_name, '', '' "
    "FROM chat_member m WHERE m.room = :moderated AND m.is_moderator = 1";

room_event to_event(const row& r, reader who, std::size_t first) {
  room_event e{.seq = r.number(first),
               .kind = static_cast<room_event_kind>(r.number(first + 1)),
               .message_id = r.number(first + 2),
               .stream = r.optional_number(first + 3),
               .user = r.number(first + 4),
               .username = r.text(first + 12),
               .author_role = static_cast<int>(r.number(first + 5)),
               .text = r.text(first + 13),
               .nonce = r.text(first + 14),
               .reply_to = r.number(first + 6),
               .details = r.text(first + 15),
               .until = r.optional_time(first + 7),
               .is_on = r.number(first + 8) != 0,
               .is_gone = r.number(first + 10) != 0,
               .created_at = r.time(first + 9)};
  const bool is_quote_gone = r.number(first + 11) != 0;
  if (who == reader::anybody && e.is_gone) {
    e.text.clear();
  }
  if (who == reader::anybody && (e.is_gone || is_quote_gone)) {
    e.details.clear();
  }
  return e;
}

result<std::vector<room_event>> to_events(const result<std::vector<row>>& rows, reader who) {
  return convert<room_event>(rows, [who](const row& r) { return to_event(r, who); });
}

member_record to_member(const row& r, std::size_t first) {
  return {.user = r.number(first),
          .username = r.text(first + 1),
          .is_moderator = r.number(first + 2) != 0,
          .moderator_since = r.optional_time(first + 3),
          .is_banned = r.number(first + 4) != 0,
          .banned_until = r.optional_time(first + 5),
          .ban_reason = r.text(first + 6),
          .banned_by = r.number(first + 7),
          .banned_by_name = r.text(first + 8),
          .banned_at = r.time(first + 9),
          .followed_at = r.optional_time(first + 10),
          .said_at = std::nullopt};
}

result<std::vector<member_record>> to_members(const result<std::vector<row>>& rows) {
  return convert<member_record>(rows, [](const row& r) { return to_member(r); });
}

moderation_entry to_log_entry(const row& r) {
  return {.log_id = r.number(0),
          .action = r.text(1),
          .by = r.number(2),
          .by_name = r.text(3),
          .user = r.number(4),
          .username = r.text(5),
          .message_id = r.number(6),
          .text = r.text(7),
          .reason = r.text(8),
          .details = r.text(9),
          .created_at = r.time(10)};
}

nonce_record to_nonce(const row& r) {
  return {.session = r.text(0),
          .nonce = r.text(1),
          .digest = r.text(2),
          .message_id = r.number(3),
          .seq = r.number(4),
          .text = r.text(5),
          .created_at = r.time(6)};
}

std::vector<parameter> state_parameters(user_id room) {
  return {{"room", room}, {"ring", room}, {"held", room}, {"moderated", room}};
}

result<adopted_room> to_state(const std::vector<row>& rows) {
  adopted_room state;
  bool has_room = false;
  for (const auto& r : rows) {
    switch (static_cast<part>(r.number(0))) {
      case part::room:
        read_room(r, state);
        has_room = true;
        break;
      case part::event:
        state.ring.push_back(to_event(r, reader::anybody, 1));
        break;
      case part::held:
        state.held.push_back(to_held(r, 1));
        break;
      case part::moderator:
        state.moderators.push_back(to_moderator(r, 1));
        break;
    }
  }
  if (!has_room) {
    return fail(errc::not_found, "no such room");
  }
  // The parts of a UNION have no order that anyone promises.
  std::ranges::sort(state.ring, {}, &room_event::seq);
  std::ranges::sort(state.held, {}, &held_message::message_id);
  std::ranges::sort(state.moderators, {}, &member_record::user);
  return state;
}

}  // namespace troupe::storage::sql::chat
