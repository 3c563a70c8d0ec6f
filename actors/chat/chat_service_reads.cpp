// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/chat_service_reads.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "actors/chat/room_records.hpp"

namespace troupe::chat {
namespace {

constexpr int largest_page = 100;
constexpr int messages_of_card = 20;

bool reads_forward(const history_query& q) {
  return q.after || q.after_seq;
}

ban to_ban(const storage::member_record& m) {
  return {.user = m.user,
          .username = m.username,
          .until = m.banned_until,
          .reason = m.ban_reason,
          .by = m.banned_by,
          .by_name = m.banned_by_name,
          .created_at = m.banned_at};
}

log_entry to_entry(storage::moderation_entry&& e) {
  return {.log_id = e.log_id,
          .action = std::move(e.action),
          .by = e.by,
          .by_name = std::move(e.by_name),
          .user = e.user,
          .username = std::move(e.username),
          .message_id = e.message_id,
          .text = std::move(e.text),
          .reason = std::move(e.reason),
          .details = std::move(e.details),
          .created_at = e.created_at};
}

/// With its text, for moderators, also when it is gone.
event with_text(storage::room_event row) {
  const bool is_gone = std::exchange(row.is_gone, false);
  auto e = to_event(row);
  if (is_gone) {
    e.kind = event_kind::deleted;
  }
  return e;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

/// Cuts rows, which are one more than asked for when there is a next page; true when there is.
template <class T>
bool cut(std::vector<T>& rows, int limit) {
  const auto most = static_cast<std::size_t>(limit);
  const bool has_more = rows.size() > most;
  if (has_more) {
    rows.erase(rows.begin() + limit, rows.end());
  }
  return has_more;
}

}  // namespace

result<void> require_channel(storage::chat_store& store, user_id channel) {
  const auto found = store.member(channel, channel);
  if (!found) {
    return fail(found.error());
  }
  return {};
}

std::string ban_cursor(const ban_key& last) {
  return std::to_string(last.first.time_since_epoch().count()) + "." + std::to_string(last.second);
}

std::optional<ban_key> parse_ban_cursor(std::string_view cursor) {
  const auto dot = cursor.find('.');
  if (dot == std::string_view::npos) {
    return std::nullopt;
  }
  const auto time = parse_number(cursor.substr(0, dot));
  const auto user = parse_id(cursor.substr(dot + 1));
  if (!time || !user || *time < 0) {
    return std::nullopt;
  }
  return ban_key(wall_time(std::chrono::microseconds(*time)), *user);
}

result<history_page> read_history(storage::chat_store& store, user_id channel,
                                  const history_query& query) {
  const int limit = std::clamp(query.limit, 1, largest_page);
  storage::history_request request{.room = channel,
                                   .before = query.before,
                                   .after = query.after,
                                   .before_seq = query.before_seq,
                                   .after_seq = query.after_seq,
                                   .limit = limit + 1,
                                   .only_messages = !query.after_seq};
  const auto rows = store.history(request);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    const auto exists = require_channel(store, channel);
    return exists ? result<history_page>(history_page()) : fail(exists.error());
  }
  history_page out;
  out.events.reserve(rows->size());
  std::ranges::transform(*rows, std::back_inserter(out.events), to_event);
  if (rows->size() > static_cast<std::size_t>(limit)) {
    out.events.erase(reads_forward(query) ? std::prev(out.events.end()) : out.events.begin());
    const auto& edge = reads_forward(query) ? out.events.back() : out.events.front();
    out.next = query.before_seq || query.after_seq ? edge.seq : edge.message_id;
  }
  return out;
}

result<std::vector<moderator>> read_moderators(storage::chat_store& store, user_id channel) {
  const auto rows = store.moderators(channel);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<moderator> out;
  for (const auto& m : *rows) {
    out.push_back(
        {.user = m.user, .username = m.username, .since = m.moderator_since.value_or(wall_time())});
  }
  if (out.empty()) {
    if (const auto exists = require_channel(store, channel); !exists) {
      return fail(exists.error());
    }
  }
  return out;
}

result<page<ban>> read_bans(storage::chat_store& store, user_id channel, wall_time now, int limit,
                            std::optional<ban_key> before) {
  limit = std::clamp(limit, 1, largest_page);
  auto rows = store.bans(channel, now, limit + 1, before);
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  page<ban> out;
  if (cut(*rows, limit)) {
    out.next = ban_cursor({rows->back().banned_at, rows->back().user});
  }
  std::ranges::transform(*rows, std::back_inserter(out.items), to_ban);
  return out;
}

result<page<log_entry>> read_log(storage::chat_store& store, user_id channel, int limit,
                                 std::optional<id> before) {
  limit = std::clamp(limit, 1, largest_page);
  auto rows = store.moderation_log(channel, limit + 1, before);
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  page<log_entry> out;
  if (cut(*rows, limit)) {
    out.next = std::to_string(rows->back().log_id);
  }
  for (auto& each : *rows) {
    out.items.push_back(to_entry(std::move(each)));
  }
  return out;
}

result<member_card> read_card(storage::chat_store& store, user_id channel, user_id user,
                              wall_time now) {
  const auto member = store.member(channel, user);
  if (!member) {
    return fail(member.error());
  }
  const auto said = store.messages_of(channel, user, messages_of_card);
  if (!said) {
    return fail(said.error());
  }
  member_card card;
  card.user = user;
  card.username = member->username;
  card.role = user == channel ? role::owner : member->is_moderator ? role::moderator : role::user;
  // A time-out that is over still stands in its row.
  card.is_banned = member->is_banned && (!member->banned_until || *member->banned_until > now);
  card.banned_until = card.is_banned ? member->banned_until : std::nullopt;
  card.followed_at = member->followed_at;
  for (const auto& row : *said) {
    card.messages.push_back(with_text(row));
  }
  return card;
}

}  // namespace troupe::chat
