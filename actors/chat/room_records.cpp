// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/room_records.hpp"

#include <boost/json.hpp>

namespace troupe::chat {
namespace {

namespace json = boost::json;

json::object json_of(const mode& m) {
  json::object out{{"slow_mode_s", m.slow_s}, {"followers_only_min_age_s", nullptr}};
  if (m.followers_only_min_age_s) {
    out["followers_only_min_age_s"] = *m.followers_only_min_age_s;
  }
  return out;
}

json::object json_of(const quote& q) {
  return {{"message_id", q.message_id},
          {"user_id", q.user},
          {"username", q.username},
          {"message", q.text}};
}

/// The member `name` of o, or what `otherwise` is when there is none of that type.
template <class T>
T member(const json::object& o, std::string_view name, const T& otherwise) {
  const auto* found = o.if_contains(name);
  if constexpr (std::is_same_v<T, std::string>) {
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : otherwise;
  } else {
    return found != nullptr && found->is_int64() ? found->get_int64() : otherwise;
  }
}

mode mode_from(const json::object& o) {
  mode out{member<std::int64_t>(o, "slow_mode_s", 0), {}};
  if (const auto* age = o.if_contains("followers_only_min_age_s");
      age != nullptr && age->is_int64()) {
    out.followers_only_min_age_s = age->get_int64();
  }
  return out;
}

json::value parsed(std::string_view text) {
  boost::system::error_code problem;
  auto value = json::parse(text, problem);
  return problem ? json::value() : value;
}

}  // namespace

void make_gone(event& e) {
  event gone;
  gone.seq = e.seq;
  gone.kind = event_kind::deleted;
  gone.message_id = e.message_id;
  gone.created_ms = e.created_ms;
  e = std::move(gone);
}

event to_event(const storage::room_event& row) {
  event e;
  e.seq = row.seq;
  e.kind = static_cast<event_kind>(row.kind);
  e.message_id = row.message_id;
  e.created_ms = to_unix_ms(row.created_at);
  if (row.kind == storage::room_event_kind::message && row.is_gone) {
    make_gone(e);
    return e;
  }
  e.stream = row.stream;
  e.user = row.user;
  e.username = row.username;
  e.author_role = static_cast<role>(row.author_role);
  e.text = row.text;
  e.nonce = row.nonce;
  e.is_on = row.kind == storage::room_event_kind::ban && row.is_on;
  if (row.until) {
    e.until_ms = to_unix_ms(*row.until);
  }
  const auto details = row.details.empty() ? json::value() : parsed(row.details);
  if (row.kind == storage::room_event_kind::role) {
    e.author_role = row.is_on ? role::moderator : role::user;
  }
  if (const auto* o = details.if_object(); o != nullptr) {
    if (row.kind == storage::room_event_kind::mode) {
      e.mode = mode_from(*o);
    } else if (row.kind == storage::room_event_kind::message) {
      e.reply_to =
          quote{member<std::int64_t>(*o, "message_id", 0), member<std::int64_t>(*o, "user_id", 0),
                member<std::string>(*o, "username", {}), member<std::string>(*o, "message", {})};
    }
  }
  return e;
}

storage::room_event to_row(const event& e) {
  storage::room_event row;
  row.seq = e.seq;
  row.kind = static_cast<storage::room_event_kind>(e.kind);
  row.message_id = e.message_id;
  row.stream = e.stream;
  row.user = e.user;
  row.username = e.username;
  row.author_role = e.kind == event_kind::message ? static_cast<int>(e.author_role) : 0;
  row.text = e.text;
  row.nonce = e.nonce;
  row.is_on = e.kind == event_kind::role ? e.author_role == role::moderator : e.is_on;
  if (e.until_ms) {
    row.until = from_unix_ms(*e.until_ms);
  }
  if (e.kind == event_kind::mode) {
    row.details = details_of(e.mode);
  } else if (e.reply_to) {
    row.details = json::serialize(json_of(*e.reply_to));
    row.reply_to = e.reply_to->message_id;
  }
  row.created_at = from_unix_ms(e.created_ms);
  return row;
}

held to_held(const storage::held_message& row) {
  return {.message_id = row.message_id,
          .user = row.user,
          .username = row.username,
          .text = row.text,
          .word = row.word,
          .created_ms = to_unix_ms(row.created_at)};
}

std::string to_settings(const room_memory& m) {
  json::array words;
  for (const auto& w : m.words) {
    words.push_back(json::object{{"word", w.word}, {"action", static_cast<int>(w.action)}});
  }
  return json::serialize(json::object{{"mode", json_of(m.mode)}, {"words", std::move(words)}});
}

result<room_memory> from_settings(std::string_view text) {
  room_memory out;
  if (text.empty()) {
    return out;
  }
  const auto value = parsed(text);
  const auto* o = value.if_object();
  const auto* m = o != nullptr ? o->if_contains("mode") : nullptr;
  const auto* words = o != nullptr ? o->if_contains("words") : nullptr;
  if (m == nullptr || !m->is_object() || words == nullptr || !words->is_array()) {
    return fail(errc::data_corrupt, "the stored settings of a room do not parse");
  }
  out.mode = mode_from(m->get_object());
  for (const auto& w : words->get_array()) {
    if (const auto* rule = w.if_object(); rule != nullptr) {
      const auto action = member<std::int64_t>(*rule, "action", 0);
      out.words.push_back({member<std::string>(*rule, "word", {}), action == 2 ? word_action::hold
                                                                   : action == 1
                                                                       ? word_action::mask
                                                                       : word_action::refuse});
    }
  }
  return out;
}

std::string details_of(const mode& m) {
  return json::serialize(json_of(m));
}

std::string_view to_string(storage::stream_status s) {
  switch (s) {
    case storage::stream_status::waiting:
      return "waiting";
    case storage::stream_status::live:
      return "live";
    case storage::stream_status::reconnecting:
      return "reconnecting";
    case storage::stream_status::ended:
      return "ended";
  }
  return "ended";
}

}  // namespace troupe::chat
