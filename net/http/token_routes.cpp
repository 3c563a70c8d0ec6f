// SPDX-License-Identifier: GPL-3.0-or-later
// Logging in, renewing and logging out (OAuth 2.0, RFC 6749 sections 4.3 and 6). Clients that send
// forms, as OAuth 2.0 has it, get its errors (5.2); who sends JSON gets the API's own. A browser
// asks with cookie=true: its refresh token then travels only in a cookie that no script reads, and
// that only requests of our own page carry (auth_cookie.hpp). Access tokens are never in a cookie,
// so no other call can be forged by another site. The two calls that do read or set the cookie also
// refuse what a browser says comes from another origin.
#include <boost/json/value.hpp>

#include "net/http/auth_cookie.hpp"
#include "net/http/auth_tokens.hpp"
#include "net/http/fields.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"

namespace troupe::http {

account::client client_of(const request& r) {
  return {.network = address_key(r.remote_address), .is_trusted = r.is_trusted};
}

response refuse_other_origin() {
  return error_response(
      make_error(errc::forbidden, "cross_site", "the cookie is for this site's own pages"));
}

response token_response(const request& r, const account::token_pair& made, token_delivery how,
                        boost::json::object body) {
  body.emplace("access_token", made.access_token);
  body.emplace("token_type", "Bearer");
  body.emplace("expires_in", made.expires_in.count());
  if (!how.by_cookie) {
    body.emplace("refresh_token", made.refresh_token);
  }
  auto answer = json_response(200, body);
  if (how.by_cookie) {
    answer.headers.emplace_back("Set-Cookie",
                                refresh_cookie(r, made.refresh_token, how.cookie_life));
  }
  return answer;
}

callback<account::token_pair> answer_with_tokens(const services& s, call c, bool by_cookie) {
  return [how = token_delivery{by_cookie, s.settings.refresh_cookie_life},
          c = std::move(c)](const result<account::token_pair>& made) mutable {
    c.answer(made ? token_response(c.req, *made, how) : error_response(made.error()));
  };
}

namespace {

/// The body's token, else, for those who asked for cookies, the cookie's; nothing when neither is
/// there.
result<std::optional<std::string>> find_refresh_token(const request& r, const fields& body,
                                                      bool by_cookie) {
  auto token = body.optional_text("refresh_token");
  if (!token || *token || !by_cookie) {
    return token;
  }
  return refresh_token_of_page(r);
}

void grant_by_password(const services& s, call c, const fields& body, bool by_cookie) {
  auto username = body.text("username");
  if (!username) {
    return c.answer(error_response(username.error()));
  }
  auto password = body.text("password");
  if (!password) {
    return c.answer(error_response(password.error()));
  }
  auto otp = body.optional_text("otp");
  if (!otp) {
    return c.answer(error_response(otp.error()));
  }
  if (s.refuses_log_in(c)) {
    return;
  }
  account::proof shown{.password = *std::move(password),
                       .otp = (*std::move(otp)).value_or(""),
                       .from = client_of(c.req)};
  s.parts.accounts->log_in(*std::move(username), std::move(shown),
                           answer_with_tokens(s, std::move(c), by_cookie));
}

void grant_by_refresh_token(const services& s, call c, const fields& body, bool by_cookie) {
  auto token = find_refresh_token(c.req, body, by_cookie);
  if (!token) {
    return c.answer(error_response(token.error()));
  }
  if (!*token || (*token)->empty()) {
    return c.answer(error_response(
        by_cookie
            ? make_error(errc::unauthenticated, "invalid_grant", "there is no log-in to renew")
            : make_error(errc::invalid_argument, "\"refresh_token\" is missing")));
  }
  if (by_cookie && refresh_token_of_page(c.req) == *token) {
    // The cookie itself was refused: it will not work next time either. Nothing else takes it away:
    // a wrong password says nothing about the log-in that is there.
    c.answer = [answer = std::move(c.answer),
                gone = refresh_cookie(c.req, "", std::chrono::seconds(0))](response r) mutable {
      if (r.status == 401) {
        r.headers.emplace_back("Set-Cookie", std::move(gone));
      }
      answer(std::move(r));
    };
  }
  s.parts.accounts->refresh(**std::move(token), answer_with_tokens(s, std::move(c), by_cookie));
}

void grant_token(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes, fields::form::allowed);
  if (!body) {
    return c.answer(error_response(body.error()));
  }
  const auto grant = body->text("grant_type");
  if (!grant) {
    return c.answer(error_response(grant.error()));
  }
  const auto by_cookie = body->flag("cookie");
  if (!by_cookie) {
    return c.answer(error_response(by_cookie.error()));
  }
  // Also for passwords: another site must not log a browser in as somebody else.
  if (*by_cookie && !is_from_own_origin(c.req)) {
    return c.answer(refuse_other_origin());
  }
  if (*grant == "password") {
    return grant_by_password(s, std::move(c), *body, *by_cookie);
  }
  if (*grant == "refresh_token") {
    return grant_by_refresh_token(s, std::move(c), *body, *by_cookie);
  }
  c.answer(error_response(make_error(errc::invalid_argument, "unsupported_grant_type",
                                     "\"grant_type\" must be password or refresh_token")));
}

/// Answers 204 also for a token that no longer works, as RFC 7009 section 2.2 does: what the caller
/// wants is the case.
void log_out(const services& s, call c) {
  const auto body = fields::read(c.req, s.settings.limits.api_body_bytes, fields::form::allowed);
  if (!body) {
    return c.answer(error_response(body.error()));
  }
  const bool has_cookie = has_refresh_cookie(c.req);
  if (has_cookie && !is_from_own_origin(c.req)) {
    return c.answer(refuse_other_origin());
  }
  auto token = find_refresh_token(c.req, *body, true);
  if (!token) {
    return c.answer(error_response(token.error()));
  }
  auto done = empty_response(204);
  if (has_cookie) {
    done.headers.emplace_back("Set-Cookie", refresh_cookie(c.req, "", std::chrono::seconds(0)));
  }
  if (!*token || (*token)->empty()) {
    return c.answer(std::move(done));
  }
  s.parts.accounts->log_out(
      **std::move(token),
      [answer = std::move(c.answer), done = std::move(done)](result<void> outcome) mutable {
        const bool is_gone = outcome || outcome.error().code == errc::unauthenticated ||
                             outcome.error().code == errc::not_found;
        answer(is_gone ? std::move(done) : error_response(outcome.error()));
      });
}

}  // namespace

void add_token_routes(router& table, const shared_services& s) {
  table.add({.method = "POST",
             .pattern = "/api/v1/auth/token",
             .who = access::everyone,
             .run = [s](call c) { grant_token(*s, std::move(c)); },
             .speaks_oauth = true});
  table.add({"POST", "/api/v1/auth/logout", access::everyone,
             [s](call c) { log_out(*s, std::move(c)); }});
}

}  // namespace troupe::http
