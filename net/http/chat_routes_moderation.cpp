// SPDX-License-Identifier: GPL-3.0-or-later
// What a channel's moderators see and do: mode, moderators, bans, words, held messages, log, cards.
// Who may is decided by the room.
#include <spdlog/fmt/fmt.h>
#include <boost/json/array.hpp>

#include "net/http/chat_json.hpp"
#include "net/http/fields.hpp"
#include "net/http/paging.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

// docs/chat-protocol.md, "HTTP".
constexpr std::int64_t longest_slow_mode_s = 3600;
constexpr std::int64_t longest_followers_age_s = 7'776'000;
constexpr std::int64_t longest_time_out_s = 1'209'600;
constexpr std::size_t most_words = 500;
constexpr std::size_t longest_word = 64;  // code points

template <class T>
response list_response(std::string_view name, const std::vector<T>& items) {
  json::array out;
  for (const auto& each : items) {
    out.push_back(to_json(each));
  }
  json::object body;
  body[name] = std::move(out);
  if (name == "items") {
    body["next"] = nullptr;
  }
  return json_response(200, body);
}

/// The reason that any command of a moderator may give, "" without one.
result<std::string> reason_of(const fields& body) {
  auto given = body.optional_text("reason");
  return given ? result<std::string>(std::move(*given).value_or("")) : fail(given.error());
}

/// Of a call whose body has nothing else.
result<std::string> read_reason(const services& s, const request& r) {
  const auto body = fields::read(r, s.settings.limits.api_body_bytes);
  return body ? reason_of(*body) : fail(body.error());
}

response show_mode(const chat::mode& m) {
  return json_response(200, to_json(m));
}

template <class T>
auto answer_with_page(responder answer) {
  return answer_with<page<T>>(std::move(answer), [](const page<T>& found) {
    return json_response(200, to_json(found, [](const T& each) { return to_json(each); }));
  });
}

result<chat::set_mode> read_mode(const fields& body) {
  chat::set_mode change;
  const auto slow = body.optional_number("slow_mode_s", 0, longest_slow_mode_s);
  if (!slow) {
    return fail(slow.error());
  }
  const auto age = body.optional_number("followers_only_min_age_s", 0, longest_followers_age_s);
  if (!age) {
    return fail(age.error());
  }
  change.slow_s = *slow;
  change.sets_followers_only = body.has("followers_only_min_age_s");  // null turns it off
  change.followers_only_min_age_s = *age;
  auto reason = reason_of(body);
  if (!reason) {
    return fail(reason.error());
  }
  change.reason = *std::move(reason);
  return change;
}

void set_mode(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes);
  auto change = body ? read_mode(*body) : fail(body.error());
  if (!change) {
    return c.answer(error_response(change.error()));
  }
  s.parts.chats->set_mode(*c.who, c.captured, *std::move(change),
                          answer_with<chat::mode>(std::move(c.answer), show_mode));
}

void list_moderators(const services& s, call c) {
  s.parts.chats->moderators(c.captured, answer_with<std::vector<chat::moderator>>(
                                            std::move(c.answer), [](const auto& found) {
                                              return list_response("items", found);
                                            }));
}

void set_moderator(const services& s, call c) {
  const bool is_moderator = c.req.method == "PUT";
  auto reason = read_reason(s, c.req);
  if (!reason) {
    return c.answer(error_response(reason.error()));
  }
  s.parts.chats->set_moderator(*c.who, c.captured, c.captured2, is_moderator, *std::move(reason),
                               answer_with_nothing(std::move(c.answer)));
}

void list_bans(const services& s, call c) {
  auto wanted = read_page_request(c.req);
  if (!wanted) {
    return c.answer(error_response(wanted.error()));
  }
  s.parts.chats->bans(*c.who, c.captured, wanted->limit, std::move(wanted->cursor),
                      answer_with_page<chat::ban>(std::move(c.answer)));
}

void ban(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes);
  if (!body) {
    return c.answer(error_response(body.error()));
  }
  const auto duration_s = body->optional_number("duration_s", 1, longest_time_out_s);
  if (!duration_s) {
    return c.answer(error_response(duration_s.error()));
  }
  auto reason = reason_of(*body);
  if (!reason) {
    return c.answer(error_response(reason.error()));
  }
  s.parts.chats->ban_user(*c.who, c.captured, c.captured2, *duration_s, *std::move(reason),
                          answer_with_nothing(std::move(c.answer)));
}

void unban(const services& s, call c) {
  auto reason = read_reason(s, c.req);
  if (!reason) {
    return c.answer(error_response(reason.error()));
  }
  s.parts.chats->unban_user(*c.who, c.captured, c.captured2, *std::move(reason),
                            answer_with_nothing(std::move(c.answer)));
}

std::optional<chat::word_action> action_of(std::string_view name) {
  if (name == "refuse") {
    return chat::word_action::refuse;
  }
  if (name == "mask") {
    return chat::word_action::mask;
  }
  return name == "hold" ? std::optional(chat::word_action::hold) : std::nullopt;
}

/// Nothing when it is not a word and an action.
std::optional<chat::word_rule> read_word(const json::value& v) {
  const auto* o = v.if_object();
  const auto* word = o != nullptr ? o->if_contains("word") : nullptr;
  const auto* action = o != nullptr ? o->if_contains("action") : nullptr;
  if (word == nullptr || !word->is_string() || action == nullptr || !action->is_string()) {
    return std::nullopt;
  }
  const auto what = action_of(action->as_string());
  const auto text = trimmed(word->as_string());
  const auto length = count_code_points(text);
  if (!what || !length || *length < 1 || *length > longest_word || has_control_characters(text)) {
    return std::nullopt;
  }
  return chat::word_rule{.word = std::string(text), .action = *what};
}

result<std::vector<chat::word_rule>> read_words(const fields& body) {
  const auto list = body.list("words");
  if (!list) {
    return fail(list.error());
  }
  if ((*list)->size() > most_words) {
    return fail(errc::invalid_argument, fmt::format("\"words\" holds at most {}", most_words));
  }
  std::vector<chat::word_rule> words;
  for (const auto& each : **list) {
    auto rule = read_word(each);
    if (!rule) {
      return fail(errc::invalid_argument,
                  fmt::format("\"words\", number {}: expected {{\"word\":\"1 to {} characters\","
                              "\"action\":\"refuse|mask|hold\"}}",
                              words.size() + 1, longest_word));
    }
    words.push_back(*std::move(rule));
  }
  return words;
}

auto answer_with_words(responder answer) {
  return answer_with<std::vector<chat::word_rule>>(
      std::move(answer), [](const auto& found) { return list_response("words", found); });
}

void list_words(const services& s, call c) {
  s.parts.chats->words(*c.who, c.captured, answer_with_words(std::move(c.answer)));
}

/// Answers the list as the room keeps it.
void set_words(const shared_services& s, call c) {
  const auto body = fields::read(c.req, largest_word_list);
  auto words = body ? read_words(*body) : fail(body.error());
  if (!words) {
    return c.answer(error_response(words.error()));
  }
  auto reason = reason_of(*body);
  if (!reason) {
    return c.answer(error_response(reason.error()));
  }
  const auto who = *c.who;
  const auto channel = c.captured;
  s->parts.chats->set_words(
      who, channel, *std::move(words), *std::move(reason),
      [s, who, channel, answer = std::move(c.answer)](result<void> outcome) mutable {
        if (!outcome) {
          return answer(error_response(outcome.error()));
        }
        s->parts.chats->words(who, channel, answer_with_words(std::move(answer)));
      });
}

void list_held(const services& s, call c) {
  s.parts.chats->held_messages(
      *c.who, c.captured,
      answer_with<std::vector<chat::held>>(
          std::move(c.answer), [](const auto& found) { return list_response("items", found); }));
}

void decide(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes);
  const auto action = body ? body->text("action") : fail(body.error());
  if (!action) {
    return c.answer(error_response(action.error()));
  }
  if (*action != "allow" && *action != "deny") {
    return c.answer(error_response(
        make_error(errc::invalid_argument, "\"action\" must be \"allow\" or \"deny\"")));
  }
  auto reason = reason_of(*body);
  if (!reason) {
    return c.answer(error_response(reason.error()));
  }
  s.parts.chats->decide_held(*c.who, c.captured, c.captured2, *action == "allow",
                             *std::move(reason), answer_with_nothing(std::move(c.answer)));
}

void list_log(const services& s, call c) {
  auto wanted = read_page_request(c.req);
  if (!wanted) {
    return c.answer(error_response(wanted.error()));
  }
  s.parts.chats->moderation_log(*c.who, c.captured, wanted->limit, std::move(wanted->cursor),
                                answer_with_page<chat::log_entry>(std::move(c.answer)));
}

void show_card(const services& s, call c) {
  s.parts.chats->card(
      *c.who, c.captured, c.captured2,
      answer_with<chat::member_card>(std::move(c.answer), [](const chat::member_card& card) {
        return json_response(200, to_json(card));
      }));
}

}  // namespace

void add_moderation_routes(router& table, const shared_services& s) {
  const std::string channel = "/api/v1/channels/{user_id}";
  const auto add = [&](const char* method, const char* rest, access who,
                       void (*run)(const services&, call)) {
    table.add({method, channel + rest, who, [s, run](call c) { run(*s, std::move(c)); }});
  };
  table.add({"GET", channel + "/chat/mode", access::everyone, [s](call c) {
               s->parts.chats->read_mode(c.captured,
                                         answer_with<chat::mode>(std::move(c.answer), show_mode));
             }});
  add("PATCH", "/chat/mode", access::moderator, set_mode);
  add("GET", "/moderators", access::everyone, list_moderators);
  add("PUT", "/moderators/{moderator_id}", access::owner, set_moderator);
  add("DELETE", "/moderators/{moderator_id}", access::owner, set_moderator);
  add("GET", "/bans", access::moderator, list_bans);
  add("PUT", "/bans/{banned_id}", access::moderator, ban);
  add("DELETE", "/bans/{banned_id}", access::moderator, unban);
  add("GET", "/chat/words", access::moderator, list_words);
  table.add({"PUT", channel + "/chat/words", access::moderator,
             [s](call c) { set_words(s, std::move(c)); }});
  add("GET", "/chat/held", access::moderator, list_held);
  add("POST", "/chat/held/{message_id}", access::moderator, decide);
  add("GET", "/chat/log", access::moderator, list_log);
  add("GET", "/chat/users/{member_id}", access::moderator, show_card);
}

}  // namespace troupe::http
