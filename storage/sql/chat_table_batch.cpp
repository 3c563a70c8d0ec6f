// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/chat_table_batch.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::storage::sql::chat {

namespace {

std::int64_t number_before(const room_write& w) {
  return w.last_seq - static_cast<std::int64_t>(w.events.size());
}

/// Below which number each user's messages are gone: the event that says so, or all of this write.
std::map<user_id, std::int64_t> cleared_below(const room_write& w) {
  std::map<user_id, std::int64_t> below;
  for (const auto user : w.cleared) {
    below[user] = number_before(w) + 1;
  }
  for (const auto& e : w.events) {
    if (const auto found = below.find(e.user);
        e.kind == room_event_kind::cleared && found != below.end()) {
      found->second = e.seq;
    }
  }
  return below;
}

void add_event(batch_rows& rows, user_id room, const room_event& e, bool is_gone) {
  rows.begin().add(room).add(e.seq).add(std::int64_t{std::to_underlying(e.kind)});
  rows.add(e.message_id).add(e.stream).add(e.user).add(e.username);
  rows.add(std::int64_t{e.author_role}).add(e.text).add(e.nonce).add(e.reply_to).add(e.details);
  rows.add(e.until).add(std::int64_t{e.is_on}).add(std::int64_t{is_gone}).add(e.created_at);
}

void add_nonce(batch_rows& rows, user_id room, const nonce_record& n) {
  rows.begin().add(room).add(n.created_at).add(n.session).add(n.nonce).add(n.digest);
  rows.add(n.message_id).add(n.seq).add(n.text);
}

void add_member(batch_rows& rows, user_id room, const member_record& m) {
  rows.begin().add(room).add(m.user).add(m.username).add(std::int64_t{m.is_moderator});
  rows.add(m.moderator_since).add(std::int64_t{m.is_banned}).add(m.banned_until);
  rows.add(m.ban_reason).add(m.banned_by).add(m.banned_by_name).add(m.banned_at);
}

void add_held(batch_rows& rows, user_id room, const held_message& h) {
  rows.begin().add(room).add(h.message_id).add(h.user).add(h.username).add(h.session);
  rows.add(h.nonce).add(h.text).add(h.word).add(h.reply_to).add(h.stream).add(h.created_at);
}

void add_log_entry(batch_rows& rows, user_id room, const moderation_entry& l) {
  rows.begin().add(room).add(l.log_id).add(l.action).add(l.by).add(l.by_name).add(l.user);
  rows.add(l.username).add(l.message_id).add(l.text).add(l.reason).add(l.details);
  rows.add(l.created_at);
}

/// One statement does not see its own insertions: what this write says and takes back at once is
/// written as gone.
void add_events(batch& b, const room_write& w, const std::map<user_id, std::int64_t>& cleared) {
  const std::set<id> gone(w.gone_messages.begin(), w.gone_messages.end());
  for (const auto& e : w.events) {
    const auto bound = cleared.find(e.user);
    const bool is_message = e.kind == room_event_kind::message;
    const bool is_gone =
        e.is_gone || (is_message && (gone.contains(e.message_id) ||
                                     (bound != cleared.end() && e.seq < bound->second)));
    add_event(b.events, w.room, e, is_gone);
  }
}

void add_moderation(batch& b, const room_write& w, const std::map<user_id, std::int64_t>& cleared) {
  for (const auto message : w.gone_messages) {
    b.gone.begin().add(w.room).add(message);
  }
  for (const auto& [user, below] : cleared) {
    b.cleared.begin().add(w.room).add(user).add(below);
  }
  std::map<user_id, const member_record*> members;  // the last word counts
  for (const auto& m : w.members) {
    members[m.user] = &m;
  }
  for (const auto& [_, m] : members) {
    add_member(b.members, w.room, *m);
  }
  const std::set<id> decided(w.decided.begin(), w.decided.end());
  for (const auto& h : w.held) {
    if (!decided.contains(h.message_id)) {
      add_held(b.held, w.room, h);
    }
  }
  for (const auto message : decided) {
    b.decided.begin().add(w.room).add(message);
  }
  for (const auto& l : w.log) {
    add_log_entry(b.log, w.room, l);
  }
}

}  // namespace

bool batch::is_storable() const {
  return std::ranges::all_of(
      std::initializer_list<const batch_rows*>{&rooms, &events, &nonces, &members, &held, &log},
      [](const batch_rows* rows) { return rows->is_storable(); });
}

result<void> check(const room_write& w) {
  const auto refuse = [&](const char* why) {
    return fail(errc::invalid_argument, fmt::format("room {}: {}", w.room, why));
  };
  auto seq = number_before(w);
  id message_id = 0;
  if (seq < 0) {
    return refuse("more events than numbers");
  }
  for (const auto& e : w.events) {
    if (e.seq != ++seq) {
      return refuse("its events' numbers are not dense up to last_seq");
    }
    if (e.kind == room_event_kind::message &&
        e.message_id <= std::exchange(message_id, e.message_id)) {
      return refuse("message ids do not rise with the numbers");
    }
  }
  return {};
}

void add_room(batch& b, const room_write& w) {
  id first = largest_id + 1;
  id last = w.last_message_id;
  for (const auto& e : w.events) {
    if (e.kind == room_event_kind::message) {
      first = std::min(first, e.message_id);
      last = std::max(last, e.message_id);
    }
  }
  b.rooms.begin().add(w.room).add(w.epoch).add(number_before(w)).add(w.last_seq).add(last);
  b.rooms.add(first).add(w.settings);
}

void add_content(batch& b, const room_write& w) {
  const auto cleared = cleared_below(w);
  add_events(b, w, cleared);
  for (const auto& n : w.nonces) {
    add_nonce(b.nonces, w.room, n);
  }
  add_moderation(b, w, cleared);
}

}  // namespace troupe::storage::sql::chat
