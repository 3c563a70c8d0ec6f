// SPDX-License-Identifier: GPL-3.0-or-later
// What users change about their own accounts: password, address, second factor, all log-ins; and
// what administrators do for others. Each change that a thief of an access token would want asks
// for the password again, and for the second factor where there is one.
#include <boost/json/value.hpp>

#include "base/log.hpp"
#include "net/http/auth_cookie.hpp"
#include "net/http/auth_tokens.hpp"
#include "net/http/fields.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"

namespace troupe::http {
namespace {

namespace json = boost::json;

/// A body's texts, read one after another: the first that is wrong is the answer.
class body_reader {
 public:
  body_reader(const services& s, const request& r)
      : body_(fields::read(r, s.settings.limits.api_body_bytes)) {}

  std::string text(std::string_view name) {
    return value_or_default(body_ ? body_->text(name) : result<std::string>(""));
  }

  std::string optional_text(std::string_view name) {
    using optional_result = result<std::optional<std::string>>;
    return value_or_default(body_ ? body_->optional_text(name) : optional_result(std::nullopt))
        .value_or("");
  }

  bool flag(std::string_view name) {
    return value_or_default(body_ ? body_->flag(name) : result<bool>(false));
  }

  const error* problem() const {
    return !body_ ? &body_.error() : (wrong_field_ ? &*wrong_field_ : nullptr);
  }

 private:
  template <class T>
  T value_or_default(result<T> r) {
    if (!r && !wrong_field_) {
      wrong_field_ = std::move(r.error());
    }
    return r ? *std::move(r) : T{};
  }

  result<fields> body_;
  std::optional<error> wrong_field_;
};

account::proof read_proof(body_reader& body, const request& r, std::string_view password_field) {
  auto password = body.text(password_field);
  return {.password = std::move(password), .otp = body.optional_text("otp"), .from = client_of(r)};
}

/// True when the body is wrong or the peer tried too many passwords: the call is answered then.
bool refuses(const services& s, const body_reader& body, call& c) {
  if (body.problem() != nullptr) {
    c.answer(error_response(*body.problem()));
    return true;
  }
  return s.refuses_log_in(c);
}

callback<void> answer_empty(responder answer) {
  return [answer = std::move(answer)](result<void> outcome) mutable {
    answer(outcome ? empty_response(204) : error_response(outcome.error()));
  };
}

/// What administrators do to others leaves a line, whatever comes of it.
callback<void> answer_logged(const char* what, call& c) {
  return [what, administrator = c.who->id, user = c.captured,
          answer = std::move(c.answer)](result<void> outcome) mutable {
    log::info("an administrator {} administrator={} user={} outcome={}", what, administrator, user,
              outcome ? "done" : outcome.error().reason);
    answer(outcome ? empty_response(204) : error_response(outcome.error()));
  };
}

json::array array_of(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

callback<std::vector<std::string>> answer_codes(responder answer) {
  return answer_with<std::vector<std::string>>(
      std::move(answer), [](const std::vector<std::string>& codes) {
        return json_response(200, {{"recovery_codes", array_of(codes)}});
      });
}

void change_password(const services& s, call c) {
  body_reader body(s, c.req);
  auto shown = read_proof(body, c.req, "old_password");
  auto wanted = body.text("new_password");
  const bool by_cookie = body.flag("cookie");
  if (by_cookie && !is_from_own_origin(c.req)) {
    return c.answer(refuse_other_origin());
  }
  if (refuses(s, body, c)) {
    return;
  }
  const auto who = c.who->id;
  s.parts.changes->change_password(who, std::move(wanted), std::move(shown),
                                   answer_with_tokens(s, std::move(c), by_cookie));
}

void change_email(const services& s, call c) {
  body_reader body(s, c.req);
  auto shown = read_proof(body, c.req, "password");
  auto wanted = body.text("email");
  if (refuses(s, body, c)) {
    return;
  }
  s.parts.changes->change_email(c.who->id, std::move(wanted), std::move(shown),
                                answer_with<account::user>(std::move(c.answer), render_user));
}

void log_out_everywhere(const services& s, call c) {
  const bool has_cookie = has_refresh_cookie(c.req);
  auto forget = has_cookie ? refresh_cookie(c.req, "", std::chrono::seconds(0)) : std::string();
  s.parts.changes->log_out_everywhere(
      c.who->id,
      [answer = std::move(c.answer), forget = std::move(forget)](result<void> outcome) mutable {
        auto done = outcome ? empty_response(204) : error_response(outcome.error());
        if (outcome && !forget.empty()) {
          done.headers.emplace_back("Set-Cookie", std::move(forget));
        }
        answer(std::move(done));
      });
}

void show_second_factor(const services& s, call c) {
  s.parts.changes->second_factor(
      c.who->id, answer_with<account::second_factor_state>(
                     std::move(c.answer), [](account::second_factor_state state) {
                       return json_response(200,
                                            {{"is_enabled", state.is_enabled},
                                             {"recovery_codes_left", state.recovery_codes_left}});
                     }));
}

void begin_second_factor(const services& s, call c) {
  body_reader body(s, c.req);
  auto shown = read_proof(body, c.req, "password");
  if (refuses(s, body, c)) {
    return;
  }
  s.parts.changes->begin_second_factor(
      c.who->id, std::move(shown),
      answer_with<account::enrolment>(std::move(c.answer), [](const account::enrolment& made) {
        return json_response(200, {{"secret", made.secret}, {"uri", made.uri}});
      }));
}

void confirm_second_factor(const services& s, call c) {
  body_reader body(s, c.req);
  auto otp = body.text("otp");
  const bool by_cookie = body.flag("cookie");
  if (body.problem() != nullptr) {
    return c.answer(error_response(*body.problem()));
  }
  if (by_cookie && !is_from_own_origin(c.req)) {
    return c.answer(refuse_other_origin());
  }
  const auto who = c.who->id;
  const auto from = client_of(c.req);
  s.parts.changes->confirm_second_factor(
      who, std::move(otp), from,
      [how = token_delivery{by_cookie, s.settings.refresh_cookie_life},
       c = std::move(c)](const result<account::confirmed_factor>& made) mutable {
        c.answer(made ? token_response(c.req, made->tokens, how,
                                       {{"recovery_codes", array_of(made->recovery_codes)}})
                      : error_response(made.error()));
      });
}

void replace_recovery_codes(const services& s, call c) {
  body_reader body(s, c.req);
  auto shown = read_proof(body, c.req, "password");
  if (refuses(s, body, c)) {
    return;
  }
  s.parts.changes->replace_recovery_codes(c.who->id, std::move(shown),
                                          answer_codes(std::move(c.answer)));
}

void end_second_factor(const services& s, call c) {
  body_reader body(s, c.req);
  auto shown = read_proof(body, c.req, "password");
  if (refuses(s, body, c)) {
    return;
  }
  s.parts.changes->end_second_factor(c.who->id, std::move(shown),
                                     answer_empty(std::move(c.answer)));
}

void rotate_token_key(const services& s, call c) {
  body_reader body(s, c.req);
  const bool ends_older = body.flag("ends_older");
  if (body.problem() != nullptr) {
    return c.answer(error_response(*body.problem()));
  }
  log::info("an administrator rotates the token key administrator={} ends_older={}", c.who->id,
            ends_older);
  s.parts.changes->rotate_token_key(
      ends_older,
      answer_with<account::rotated_key>(std::move(c.answer), [](const account::rotated_key& made) {
        return json_response(200,
                             {{"kid", made.name}, {"signs_from", to_iso8601(made.signs_from)}});
      }));
}

using change = void (*)(const services&, call);

}  // namespace

void add_account_change_routes(router& table, const shared_services& s) {
  const auto add = [&](const char* method, const char* pattern, access who, change run) {
    table.add({.method = method,
               .pattern = std::string("/api/v1") + pattern,
               .who = who,
               .run = [s, run](call c) { run(*s, std::move(c)); },
               .answers_secrets = std::string_view(pattern).starts_with("/users/me/totp")});
  };
  add("PUT", "/users/me/password", access::user, change_password);
  add("PUT", "/users/me/email", access::user, change_email);
  add("POST", "/auth/logout-all", access::user, log_out_everywhere);
  add("GET", "/users/me/totp", access::user, show_second_factor);
  add("POST", "/users/me/totp", access::user, begin_second_factor);
  add("POST", "/users/me/totp/confirm", access::user, confirm_second_factor);
  add("POST", "/users/me/totp/recovery-codes", access::user, replace_recovery_codes);
  add("POST", "/users/me/totp/disable", access::user, end_second_factor);
  add("POST", "/admin/users/{user_id}/logout-all", access::administrator,
      [](const services& parts, call c) {
        auto answer = answer_logged("ended all log-ins", c);
        parts.parts.changes->log_out_everywhere(c.captured, std::move(answer));
      });
  add("POST", "/admin/users/{user_id}/totp/disable", access::administrator,
      [](const services& parts, call c) {
        auto answer = answer_logged("took away a second factor", c);
        parts.parts.changes->remove_second_factor(c.captured, std::move(answer));
      });
  add("POST", "/admin/token-keys/rotate", access::administrator, rotate_token_key);
}

}  // namespace troupe::http
