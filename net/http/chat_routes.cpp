// SPDX-License-Identifier: GPL-3.0-or-later
// A channel's chat: say something, read what was said, delete it; under a channel, or under the
// channel of a stream's owner. What moderators do besides stands in chat_routes_moderation.cpp.
#include <array>
#include <charconv>

#include <spdlog/fmt/fmt.h>

#include "net/http/chat_json.hpp"
#include "net/http/fields.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"

namespace troupe::http {
namespace {

using channel_call = void (*)(const services&, call);

/// "" where there is no Idempotency-Key.
result<std::string> read_nonce(const request& r) {
  const auto key = r.header("idempotency-key");
  if (key && !is_idempotency_key(*key)) {
    return fail(errc::invalid_argument, "Idempotency-Key must be 1 to 64 visible ASCII characters");
  }
  return std::string(key.value_or(""));
}

void say(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes);
  if (!body) {
    return c.answer(error_response(body.error()));
  }
  auto text = body->text("message");
  if (!text) {
    return c.answer(error_response(text.error()));
  }
  const auto reply_to = body->optional_id("reply_to");
  if (!reply_to) {
    return c.answer(error_response(reply_to.error()));
  }
  auto nonce = read_nonce(c.req);
  if (!nonce) {
    return c.answer(error_response(nonce.error()));
  }
  s.parts.chats->say(*c.who, c.captured, *std::move(text), reply_to->value_or(0), *std::move(nonce),
                     answer_with<chat::posted>(std::move(c.answer), [](const chat::posted& p) {
                       return json_response(p.is_held ? 202 : 200, to_json(p));
                     }));
}

/// A whole number from low to 2^53-1, or nothing where the query does not name it.
result<std::optional<std::int64_t>> read_number(const request& r, std::string_view name,
                                                std::int64_t low, std::int64_t high = largest_id) {
  const auto given = r.query_value(name);
  if (!given) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto* last = given->data() + given->size();
  const auto [end, failure] = std::from_chars(given->data(), last, value);
  if (failure != std::errc() || end != last || value < low || value > high) {
    return fail(errc::invalid_argument,
                fmt::format("\"{}\" must be a whole number from {} to {}", name, low, high));
  }
  return value;
}

result<chat::history_query> read_history_query(const request& r) {
  struct bound {
    std::string_view name;
    std::int64_t low;
    std::optional<std::int64_t> chat::history_query::* field;
  };

  constexpr std::array<bound, 4> bounds = {{{"before", 1, &chat::history_query::before},
                                            {"after", 1, &chat::history_query::after},
                                            {"before_seq", 1, &chat::history_query::before_seq},
                                            {"after_seq", 0, &chat::history_query::after_seq}}};
  chat::history_query query;
  int given = 0;
  for (const auto& each : bounds) {
    const auto value = read_number(r, each.name, each.low);
    if (!value) {
      return fail(value.error());
    }
    query.*each.field = *value;
    given += value->has_value() ? 1 : 0;
  }
  if (given > 1) {
    return fail(errc::invalid_argument,
                "\"before\", \"after\", \"before_seq\" and \"after_seq\" exclude each other");
  }
  const auto limit = read_number(r, "limit", 1, 100);
  if (!limit) {
    return fail(limit.error());
  }
  query.limit = static_cast<int>(limit->value_or(query.limit));
  return query;
}

void show_history(const services& s, call c) {
  const auto query = read_history_query(c.req);
  if (!query) {
    return c.answer(error_response(query.error()));
  }
  s.parts.chats->history(
      c.captured, *query,
      answer_with<chat::history_page>(std::move(c.answer), [](const chat::history_page& page) {
        return text_response(200, "application/json", history_json(page));
      }));
}

void delete_message(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes);
  auto reason = body ? body->optional_text("reason") : fail(body.error());
  if (!reason) {
    return c.answer(error_response(reason.error()));
  }
  s.parts.chats->delete_message(*c.who, c.captured, c.captured2, reason->value_or(""),
                                answer_with_nothing(std::move(c.answer)));
}

/// Under /channels/{user_id} and /streams/{stream_id}, whose owner's channel is meant.
void add(router& table, const shared_services& s, const std::string& method,
         const std::string& rest, access who, channel_call run, bool has_own_rules) {
  table.add({method, "/api/v1/channels/{user_id}" + rest, who,
             [s, run](call c) { run(*s, std::move(c)); }, has_own_rules});
  const auto by_stream = [s, run](call c) {
    const auto id = c.captured;
    s->parts.streams->find(id, [s, run, c = std::move(c)](result<stream::info> found) mutable {
      if (!found) {
        return c.answer(error_response(found.error()));
      }
      c.captured = found->owner;
      run(*s, std::move(c));
    });
  };
  table.add({method, "/api/v1/streams/{stream_id}" + rest, who, by_stream, has_own_rules});
}

}  // namespace

void add_chat_routes(router& table, const shared_services& s) {
  // Posts count only against the room's own limit, and an Idempotency-Key is the message's nonce:
  // it is stored with the message, under the channel whichever address it came by, and says also
  // after a restart what became of it; the store of answers here would repeat a refusal for 24 h.
  add(table, s, "POST", "/chat", access::user, say, true);
  add(table, s, "GET", "/chat", access::everyone, show_history, false);
  add(table, s, "DELETE", "/chat/{message_id}", access::moderator, delete_message, false);
}

}  // namespace troupe::http
