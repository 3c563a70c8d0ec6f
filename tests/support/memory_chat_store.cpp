// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/memory_chat_store.hpp"

#include <algorithm>
#include <optional>

namespace troupe::test {

using storage::room_event;
using storage::room_event_kind;
using storage::room_outcome;
using storage::room_write;

namespace {

std::unexpected<error> away() {
  return fail(errc::unavailable, "the test's store is away");
}

std::unexpected<error> fenced() {
  return fail(errc::conflict, "fenced", "a newer activation has the room");
}

}  // namespace

room_event memory_chat_store::as_read(const room_rows& r, room_event e) const {
  if (e.kind != room_event_kind::message) {
    return e;
  }
  const auto cleared = r.cleared_below.find(e.user);
  e.is_gone = e.is_gone || r.gone.contains(e.message_id) ||
              (cleared != r.cleared_below.end() && e.seq < cleared->second);
  if (e.is_gone) {
    e.text.clear();
  }
  return e;
}

result<storage::adopted_room> memory_chat_store::adopt(user_id room, std::int64_t epoch,
                                                       wall_time now) {
  if (is_away || reads_are_away) {
    return away();
  }
  const auto owner = users.find(room);
  if (owner == users.end()) {
    return fail(errc::not_found, "no such user");
  }
  auto& r = rooms[room];
  if (r.epoch > epoch) {
    return fenced();
  }
  r.epoch = epoch;
  storage::adopted_room out;
  out.owner_name = owner->second;
  out.last_seq = r.last_seq;
  out.last_message_id = r.last_message_id;
  out.settings = r.settings;
  const auto first = r.events.size() > 100 ? r.events.size() - 100 : 0;
  for (auto i = first; i < r.events.size(); ++i) {
    out.ring.push_back(as_read(r, r.events[i]));
  }
  std::ranges::copy_if(r.nonces, std::back_inserter(out.nonces), [&](const auto& n) {
    return now - n.created_at < std::chrono::minutes(10);
  });
  out.held = r.held;
  for (const auto& [user, m] : r.members) {
    if (m.is_moderator) {
      out.moderators.push_back(m);
    }
  }
  out.stream = stream;
  out.stream_status = stream_status;
  return out;
}

room_outcome memory_chat_store::write(const room_write& w) {
  auto& r = rooms[w.room];
  const auto before = w.last_seq - static_cast<std::int64_t>(w.events.size());
  if (r.epoch != w.epoch || r.last_seq != before) {
    return room_outcome::fenced;
  }
  r.last_seq = w.last_seq;
  r.last_message_id = std::max(r.last_message_id, w.last_message_id);
  r.settings = w.settings.value_or(r.settings);
  for (const auto user : w.cleared) {
    r.cleared_below[user] = before + 1;
  }
  for (const auto& e : w.events) {
    r.events.push_back(e);
    if (e.kind == room_event_kind::cleared && r.cleared_below.contains(e.user)) {
      r.cleared_below[e.user] = e.seq;
    }
  }
  r.gone.insert(w.gone_messages.begin(), w.gone_messages.end());
  r.nonces.insert(r.nonces.end(), w.nonces.begin(), w.nonces.end());
  for (const auto& m : w.members) {
    r.members[m.user] = m;
  }
  r.held.insert(r.held.end(), w.held.begin(), w.held.end());
  std::erase_if(r.held, [&](const auto& h) {
    return std::ranges::find(w.decided, h.message_id) != w.decided.end();
  });
  r.log.insert(r.log.end(), w.log.begin(), w.log.end());
  return room_outcome::ok;
}

result<std::vector<room_outcome>> memory_chat_store::append(std::span<const room_write> all) {
  ++appends;
  auto f = fault::none;
  if (is_away) {
    f = fault::away;
  } else if (!faults.empty()) {
    f = faults.front();
    faults.pop_front();
  } else if (next_fault) {
    f = next_fault();
  }
  if (f == fault::away) {
    return away();
  }
  if (f == fault::late) {
    late_.insert(late_.end(), all.begin(), all.end());
    return away();
  }
  std::set<user_id> seen;
  for (const auto& w : all) {
    if ((broken_room != 0 && w.room == broken_room) || !seen.insert(w.room).second) {
      return fail(errc::invalid_argument, "the test's store cannot take this");
    }
  }
  std::vector<room_outcome> out;
  for (const auto& w : all) {
    ++writes;
    out.push_back(write(w));
  }
  if (f == fault::lost_answer) {
    return away();
  }
  return out;
}

void memory_chat_store::arrive_late() {
  for (const auto& w : std::exchange(late_, {})) {
    write(w);
  }
}

result<std::int64_t> memory_chat_store::last_seq(user_id room, std::int64_t epoch) {
  ++position_reads;
  if (is_away || reads_are_away) {
    return away();
  }
  const auto& r = rooms[room];
  return r.epoch == epoch ? result<std::int64_t>(r.last_seq) : fenced();
}

result<std::vector<room_event>> memory_chat_store::history(const storage::history_request& r) {
  if (is_away || reads_are_away) {
    return away();
  }
  std::vector<room_event> out;
  const auto& rows = rooms[r.room];
  for (const auto& e : rows.events) {
    auto read = as_read(rows, e);
    const bool is_wanted =
        !r.only_messages || (e.kind == room_event_kind::message && !read.is_gone);
    if (is_wanted && (!r.after_seq || e.seq > *r.after_seq) &&
        (!r.before_seq || e.seq < *r.before_seq) && (!r.after || e.message_id > *r.after) &&
        (!r.before || e.message_id < *r.before)) {
      out.push_back(std::move(read));
    }
  }
  const auto most = static_cast<std::size_t>(r.limit);
  if (out.size() > most && (r.after || r.after_seq)) {
    out.resize(most);
  } else if (out.size() > most) {
    out.erase(out.begin(), out.end() - r.limit);
  }
  return out;
}

result<room_event> memory_chat_store::find_message(user_id room, id message_id) {
  if (is_away || reads_are_away) {
    return away();
  }
  const auto& r = rooms[room];
  const auto found = std::ranges::find_if(r.events, [&](const room_event& e) {
    return e.kind == room_event_kind::message && e.message_id == message_id;
  });
  if (found == r.events.end()) {
    return fail(errc::not_found, "no such message");
  }
  return as_read(r, *found);
}

result<storage::member_record> memory_chat_store::member(user_id room, user_id user) {
  ++member_reads;
  if (is_away || reads_are_away) {
    return away();
  }
  const auto known = users.find(user);
  if (known == users.end()) {
    return fail(errc::not_found, "no such user");
  }
  storage::member_record out;
  const auto& r = rooms[room];
  if (const auto found = r.members.find(user); found != r.members.end()) {
    out = found->second;
  }
  out.user = user;
  out.username = known->second;
  if (const auto f = follows.find({room, user}); f != follows.end()) {
    out.followed_at = f->second;
  }
  for (const auto& e : r.events) {
    if (e.kind == room_event_kind::message && e.user == user) {
      out.said_at = e.created_at;
    }
  }
  return out;
}

result<std::vector<storage::member_record>> memory_chat_store::moderators(user_id room) {
  std::vector<storage::member_record> out;
  for (const auto& [user, m] : rooms[room].members) {
    if (m.is_moderator) {
      out.push_back(m);
    }
  }
  return out;
}

result<std::vector<storage::member_record>> memory_chat_store::bans(
    user_id room, wall_time now, int limit, std::optional<std::pair<wall_time, user_id>> before) {
  std::vector<storage::member_record> out;
  for (const auto& [user, m] : rooms[room].members) {
    if (m.is_banned && (!m.banned_until || *m.banned_until > now) &&
        (!before || std::pair(m.banned_at, user) < *before)) {
      out.push_back(m);
    }
  }
  std::ranges::sort(out, std::greater{},
                    [](const auto& m) { return std::pair(m.banned_at, m.user); });
  out.resize(std::min(out.size(), static_cast<std::size_t>(limit)));
  return out;
}

result<std::vector<room_event>> memory_chat_store::messages_of(user_id room, user_id user,
                                                               int limit) {
  std::vector<room_event> out;
  const auto& r = rooms[room];
  for (const auto& e : r.events) {
    if (e.kind == room_event_kind::message && e.user == user) {
      out.push_back(e);
      out.back().is_gone = as_read(r, e).is_gone;
    }
  }
  if (out.size() > static_cast<std::size_t>(limit)) {
    out.erase(out.begin(), out.end() - limit);
  }
  return out;
}

result<std::vector<storage::moderation_entry>> memory_chat_store::moderation_log(
    user_id room, int limit, std::optional<id> before) {
  std::vector<storage::moderation_entry> out;
  std::ranges::copy_if(rooms[room].log, std::back_inserter(out),
                       [&](const auto& e) { return !before || e.log_id < *before; });
  std::ranges::sort(out, std::greater{}, &storage::moderation_entry::log_id);
  out.resize(std::min(out.size(), static_cast<std::size_t>(limit)));
  return out;
}

result<std::size_t> memory_chat_store::remove_old_nonces(wall_time before, int limit) {
  if (is_away) {
    return away();
  }
  auto left = static_cast<std::size_t>(limit);
  for (auto& [room, r] : rooms) {
    std::erase_if(r.nonces, [&](const auto& n) {
      const bool goes = n.created_at < before && left > 0;
      left -= goes ? 1 : 0;
      return goes;
    });
  }
  return static_cast<std::size_t>(limit) - left;
}

result<std::size_t> memory_chat_store::remove_past_timeouts(wall_time before, int limit) {
  if (is_away) {
    return away();
  }
  auto left = static_cast<std::size_t>(limit);
  for (auto& [room, r] : rooms) {
    std::erase_if(r.members, [&](const auto& m) {
      const auto& who = m.second;
      const bool is_past = who.is_banned && !who.is_moderator && who.banned_until < before;
      const bool goes = is_past && who.banned_until && left > 0;
      left -= goes ? 1 : 0;
      return goes;
    });
  }
  return static_cast<std::size_t>(limit) - left;
}

}  // namespace troupe::test
