// SPDX-License-Identifier: GPL-3.0-or-later
// Users: registration, the profile of the caller, the stream key of the caller.
#include <boost/json/value.hpp>

#include "base/clock.hpp"
#include "net/http/auth_tokens.hpp"
#include "net/http/fields.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"

namespace troupe::http {

response render_user(const account::user& me) {
  return json_response(200, {{"user_id", me.id},
                             {"username", me.username},
                             {"email", me.email},
                             {"is_administrator", me.is_administrator},
                             {"created_at", to_iso8601(me.created_at)}});
}

namespace {

namespace json = boost::json;

result<account::new_user> read_new_user(const request& r, std::size_t limit) {
  const auto body = fields::read(r, limit);
  if (!body) {
    return fail(body.error());
  }
  auto username = body->text("username");
  if (!username) {
    return fail(std::move(username.error()));
  }
  auto email = body->text("email");
  if (!email) {
    return fail(std::move(email.error()));
  }
  auto password = body->text("password");
  if (!password) {
    return fail(std::move(password.error()));
  }
  return account::new_user{.username = *std::move(username),
                           .email = *std::move(email),
                           .password = *std::move(password),
                           .from = client_of(r)};
}

void register_user(const services& s, call c) {
  auto wanted = read_new_user(c.req, s.settings.limits.api_body_bytes);
  if (!wanted) {
    return c.answer(error_response(wanted.error()));
  }
  if (s.refuses_log_in(c)) {
    return;
  }
  s.parts.accounts->register_user(
      *std::move(wanted), answer_with<account::user>(std::move(c.answer), [](account::user made) {
        return json_response(201, {{"user_id", made.id}, {"username", made.username}});
      }));
}

void show_me(const services& s, call c) {
  s.parts.accounts->find(c.who->id, answer_with<account::user>(std::move(c.answer), render_user));
}

callback<std::string> answer_with_key(responder answer, std::string ingest_url) {
  return answer_with<std::string>(
      std::move(answer), [url = std::move(ingest_url)](const std::string& key) {
        return json_response(200, {{"ingest_url", url}, {"stream_key", key}});
      });
}

using key_call = void (account::accounts::*)(user_id, callback<std::string>);

/// Shows or rotates the key.
void answer_stream_key(const services& s, key_call ask, call c) {
  auto url = s.ingest_url(c.req);
  if (!url) {
    return c.answer(error_response(url.error()));
  }
  ((*s.parts.accounts).*ask)(c.who->id, answer_with_key(std::move(c.answer), *std::move(url)));
}

}  // namespace

void add_account_routes(router& table, const shared_services& s) {
  table.add({"POST", "/api/v1/users", access::everyone,
             [s](call c) { register_user(*s, std::move(c)); }});
  table.add({"GET", "/api/v1/users/me", access::user, [s](call c) { show_me(*s, std::move(c)); }});
  table.add({"GET", "/api/v1/users/me/stream-key", access::user,
             [s](call c) { answer_stream_key(*s, &account::accounts::stream_key, std::move(c)); }});
  table.add({.method = "POST",
             .pattern = "/api/v1/users/me/stream-key/rotate",
             .who = access::user,
             .run =
                 [s](call c) {
                   answer_stream_key(*s, &account::accounts::rotate_stream_key, std::move(c));
                 },
             .answers_secrets = true});
}

}  // namespace troupe::http
