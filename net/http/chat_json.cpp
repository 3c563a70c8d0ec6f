// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/chat_json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "actors/chat/wire.hpp"
#include "base/clock.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

json::value person(user_id user, const std::string& username) {
  return {{"user_id", user}, {"username", username}};
}

json::value person_or_null(user_id user, const std::string& username) {
  return user == 0 ? json::value(nullptr) : person(user, username);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value time_or_null(const std::optional<wall_time>& t) {
  return t ? json::value(to_iso8601(*t)) : json::value(nullptr);
}

/// An object that a room wrote; empty if it cannot be read.
json::value details_of(const std::string& text) {
  boost::system::error_code failure;
  auto value = json::parse(text, failure);
  return failure || !value.is_object() ? json::value(json::object()) : value;
}

/// A message of the card, which shows moderators also what is gone.
json::value card_message(chat::event e) {
  const bool is_deleted = e.kind == chat::event_kind::deleted;
  e.kind = chat::event_kind::message;
  auto value = json::parse(chat::to_json(e));
  value.as_object()["deleted"] = is_deleted;
  return value;
}

}  // namespace

std::string history_json(const chat::history_page& page) {
  std::string out = R"({"messages":[)";
  for (const auto& each : page.events) {
    if (out.back() == '}') {
      out += ',';
    }
    out += chat::to_json(each);
  }
  out += R"(],"next":)";
  out += page.next ? std::to_string(*page.next) : "null";
  out += '}';
  return out;
}

json::value to_json(const chat::posted& p) {
  if (p.is_held) {
    return {{"status", "held"}};
  }
  return {{"message_id", p.message_id},
          {"seq", p.seq},
          {"message", p.text},
          {"created_at", chat::time_text(p.created_ms)}};
}

json::value to_json(const chat::mode& m) {
  return {{"slow_mode_s", m.slow_s},
          {"followers_only_min_age_s", m.followers_only_min_age_s
                                           ? json::value(*m.followers_only_min_age_s)
                                           : json::value(nullptr)}};
}

json::value to_json(const chat::moderator& m) {
  return {{"user_id", m.user}, {"username", m.username}, {"since", to_iso8601(m.since)}};
}

json::value to_json(const chat::ban& b) {
  return {{"user_id", b.user},
          {"username", b.username},
          {"until", time_or_null(b.until)},
          {"reason", text_or_null(b.reason)},
          {"by", person_or_null(b.by, b.by_name)},
          {"created_at", to_iso8601(b.created_at)}};
}

json::value to_json(const chat::word_rule& w) {
  return {{"word", w.word}, {"action", chat::to_string(w.action)}};
}

json::value to_json(const chat::held& h) {
  return {{"message_id", h.message_id},
          {"user", person(h.user, h.username)},
          {"message", h.text},
          {"word", h.word},
          {"created_at", chat::time_text(h.created_ms)}};
}

json::value to_json(const chat::log_entry& e) {
  return {{"log_id", e.log_id},
          {"action", e.action},
          {"by", person_or_null(e.by, e.by_name)},
          {"user", person_or_null(e.user, e.username)},
          {"message_id", e.message_id == 0 ? json::value(nullptr) : json::value(e.message_id)},
          {"message", text_or_null(e.text)},
          {"reason", text_or_null(e.reason)},
          {"details", details_of(e.details)},
          {"created_at", to_iso8601(e.created_at)}};
}

json::value to_json(const chat::member_card& c) {
  json::array messages;
  for (const auto& each : c.messages) {
    messages.push_back(card_message(each));
  }
  return {{"user_id", c.user},
          {"username", c.username},
          {"role", chat::to_string(c.role)},
          {"banned", c.is_banned},
          {"until", time_or_null(c.banned_until)},
          {"followed_at", time_or_null(c.followed_at)},
          {"messages", std::move(messages)}};
}

}  // namespace troupe::http
