// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/api.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <map>

#include <spdlog/fmt/fmt.h>

#include "base/log.hpp"
#include "net/http/oauth_errors.hpp"
#include "net/http/reply.hpp"
#include "net/http/services.hpp"
#include "net/http/text.hpp"

namespace troupe::http {
namespace {

constexpr std::string_view bearer = "bearer ";

/// The token of an Authorization header (RFC 6750, 2.1), or nothing.
std::optional<std::string_view> bearer_token(const request& r) {
  const auto header = r.header("authorization");
  if (!header || !equals_ignoring_case(header->substr(0, bearer.size()), bearer)) {
    return std::nullopt;
  }
  return trimmed(header->substr(bearer.size()));
}

result<account::identity> identify(const account::accounts& accounts, const request& r) {
  const auto token = bearer_token(r);
  if (!token) {
    return fail(errc::unauthenticated, "an access token is needed: Authorization: Bearer …");
  }
  return accounts.verify(*token);
}

/// Whether the request comes from the operators' own machines. One that a proxy of theirs handed on
/// does not: it may be anyone's.
bool is_from_operators(const request& r) {
  return r.is_trusted && !r.header("x-forwarded-for") && !r.header("forwarded");
}

/// The one place where access is decided.
result<std::optional<account::identity>> authorize(const account::accounts& accounts, access needed,
                                                   const request& r) {
  if (needed == access::everyone || (needed == access::operators && is_from_operators(r)) ||
      (needed == access::visitor && !r.header("authorization"))) {
    return std::nullopt;
  }
  auto who = identify(accounts, r);
  if (!who) {
    return fail(std::move(who.error()));
  }
  const bool wants_administrator = needed == access::administrator || needed == access::operators;
  if (wants_administrator && !who->is_administrator) {
    return fail(errc::forbidden, "only administrators may do this");
  }
  return *std::move(who);
}

/// Takes a token of the peer's address and one of its block.
std::optional<std::chrono::seconds> refuse(rate_limiter& addresses, rate_limiter& blocks,
                                           const request& r) {
  const auto key = address_key(r.remote_address);
  if (const auto wait = addresses.refuse(key)) {
    return wait;
  }
  const auto block = block_key(key);
  return block ? blocks.refuse(*block) : std::nullopt;
}

/// Counts and times the answers of one route.
class route_meter {
 public:
  route_meter(const std::string& method, const std::string& pattern, troupe::metrics& m)
      : seconds_(m.make_histogram("troupe_http_request_duration_seconds",
                                  "Time from a request's last byte to its answer",
                                  {0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10},
                                  {{"method", method}, {"route", pattern}})) {
    for (std::size_t hundreds = 1; hundreds <= answers_.size(); ++hundreds) {
      answers_[hundreds - 1] = &m.make_counter(
          "troupe_http_requests_total", "Requests of the HTTP API, by the class of their status",
          {{"method", method}, {"route", pattern}, {"status", std::to_string(hundreds) + "xx"}});
    }
  }

  void count(int status, duration took) const {
    answers_.at(static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1))->add();
    seconds_.observe(std::chrono::duration<double>(took).count());
  }

 private:
  std::array<troupe::metrics::counter*, 5> answers_{};
  troupe::metrics::histogram& seconds_;
};

void set_default_header(response& answer, std::string_view name, std::string_view value) {
  const bool is_set = std::ranges::any_of(
      answer.headers, [&](const auto& each) { return equals_ignoring_case(each.first, name); });
  if (!is_set) {
    answer.headers.emplace_back(name, value);
  }
}

class whole_api final : public api {
 public:
  whole_api(api_parts parts, api_settings settings)
      : services_(std::make_shared<services>(std::move(parts), std::move(settings))),
        by_address_("address", limits().requests_per_minute_per_address, limits().tracked_peers,
                    clock(), services_->parts.metrics),
        by_block_("block", block_factor * limits().requests_per_minute_per_address,
                  limits().tracked_peers, clock(), services_->parts.metrics),
        by_user_("user", limits().requests_per_minute_per_user, limits().tracked_peers, clock(),
                 services_->parts.metrics),
        unmatched_("any", "none", services_->parts.metrics) {
    auto& m = services_->parts.metrics;
    services_->log_ins = std::make_unique<rate_limiter>(
        "log_in", limits().log_ins_per_minute_per_address, limits().tracked_peers, clock(), m);
    services_->log_ins_of_block = std::make_unique<rate_limiter>(
        "log_in_block", block_factor * limits().log_ins_per_minute_per_address,
        limits().tracked_peers, clock(), m);
    if (!services_->parts.idempotency) {
      services_->parts.idempotency =
          std::make_shared<memory_idempotency_store>(limits(), clock(), m);
    }
    add_account_routes(table_, services_);
    add_account_change_routes(table_, services_);
    add_token_routes(table_, services_);
    add_stream_routes(table_, services_);
    add_chat_routes(table_, services_);
    add_moderation_routes(table_, services_);
    add_follow_routes(table_, services_);
    add_cluster_routes(table_, services_);
    add_operator_routes(table_, services_);
    for (const auto& each : table_.routes()) {
      meters_.emplace(&each, route_meter(each.method, each.pattern, m));
    }
  }

  const router& table() const override { return table_; }

  void handle(request r, responder answer) override {
    const auto match = table_.find(r.method, r.path);
    if (match.found != nullptr && match.found->speaks_oauth && is_form(r)) {
      answer = [answer = std::move(answer)](response told) mutable {
        answer(as_oauth_error(std::move(told)));
      };
    }
    auto finish = finisher(match, std::move(answer));
    try {
      answer_request(match, std::move(r), std::move(finish));
    } catch (const std::exception& e) {  // out of memory, or a bug: the server answers 500
      log::error("http handler failed route={} what=\"{}\"",
                 match.found != nullptr ? match.found->pattern : "none", e.what());
    }
  }

 private:
  const http::limits& limits() const { return services_->settings.limits; }

  const troupe::clock& clock() const { return services_->parts.clock; }

  /// The responder that every answer goes through, whoever gives it: headers, metrics, log.
  responder finisher(const router::match& match, responder answer) {
    const auto* meter = match.found != nullptr ? &meters_.at(match.found) : &unmatched_;
    return [self = shared_from_this(), this, found = match.found, captured = match.captured,
            captured2 = match.captured2, meter, since = clock().now(),
            answer = std::move(answer)](response r) mutable {
      set_default_header(r, "Cache-Control", "no-store");
      set_default_header(r, "X-Content-Type-Options", "nosniff");
      const auto took = clock().now() - since;
      meter->count(r.status, took);
      log::debug("http request method={} route={} id={} id2={} status={} us={}",
                 found != nullptr ? found->method : "any",
                 found != nullptr ? found->pattern : "none", captured, captured2, r.status,
                 std::chrono::duration_cast<std::chrono::microseconds>(took).count());
      answer(std::move(r));
    };
  }

  void answer_request(const router::match& match, request r, responder answer) {
    if (!r.is_trusted) {
      if (const auto wait = refuse(by_address_, by_block_, r)) {
        return answer(error_response(
            make_error(errc::rate_limited, "too many requests from this address"), wait));
      }
    }
    if (match.found == nullptr) {
      return answer(no_route(r, match.allow));
    }
    auto who = authorize(*services_->parts.accounts, match.found->who, r);
    if (!who) {
      return answer(error_response(who.error()));
    }
    if (*who && !match.found->has_own_rules) {
      if (const auto wait = by_user_.refuse(static_cast<std::uint64_t>((*who)->id))) {
        return answer(
            error_response(make_error(errc::rate_limited, "too many requests of this user"), wait));
      }
    }
    call c{.req = std::move(r),
           .answer = std::move(answer),
           .who = *std::move(who),
           .captured = match.captured,
           .captured2 = match.captured2};
    const auto key = c.req.header("idempotency-key");
    if (key && c.who && c.req.method == "POST" && !match.found->has_own_rules &&
        !match.found->answers_secrets) {
      return run_once(*match.found, std::string(*key), std::move(c));
    }
    match.found->run(std::move(c));
  }

  static response no_route(const request& r, const std::string& allow) {
    if (allow.empty()) {
      return error_response(make_error(errc::not_found, "there is nothing at this address"));
    }
    auto answer =
        r.method == "OPTIONS"  // without CORS headers: the API is for its own origin
            ? empty_response(204)
            : error_response(405, "method_not_allowed", "this address does not take this method");
    answer.headers.emplace_back("Allow", allow);
    return answer;
  }

  void run_once(const route& found, std::string key, call c) {
    if (!is_idempotency_key(key)) {
      return c.answer(error_response(make_error(
          errc::invalid_argument, "Idempotency-Key must be 1 to 64 visible ASCII characters")));
    }
    auto store = services_->parts.idempotency;
    idempotency_key whole{.user = c.who->id, .route = found.pattern, .key = std::move(key)};
    const auto what = fingerprint_of(c.req);
    auto then = [self = shared_from_this(), &found, store, whole,
                 c = std::move(c)](result<begun> claimed) mutable {
      if (!claimed) {
        return c.answer(error_response(claimed.error()));
      }
      if (auto& earlier = claimed->earlier) {
        earlier->headers.emplace_back("Idempotency-Replayed", "true");
        return c.answer(*std::move(earlier));
      }
      c.answer = [claim = idempotency_claim(store, whole, claimed->claim),
                  answer = std::move(c.answer)](response r) mutable {
        claim.finish(std::move(r), std::move(answer));
      };
      try {
        found.run(std::move(c));
      } catch (const std::exception& e) {  // as in handle(), which may have returned
        log::error("http handler failed route={} what=\"{}\"", found.pattern, e.what());
      }
    };
    store->begin(std::move(whole), what, std::move(then));
  }

  const std::shared_ptr<services> services_;
  rate_limiter by_address_;
  rate_limiter by_block_;
  rate_limiter by_user_;
  route_meter unmatched_;
  router table_;
  std::map<const route*, route_meter> meters_;
};

}  // namespace

bool services::refuses_log_in(call& c) const {
  if (c.req.is_trusted) {
    return false;
  }
  const auto wait = refuse(*log_ins, *log_ins_of_block, c.req);
  if (wait) {
    c.answer(
        error_response(make_error(errc::rate_limited, "too many log-ins from this address"), wait));
  }
  return wait.has_value();
}

result<std::string> services::ingest_url(const request& r) const {
  if (!settings.ingest_url.empty()) {
    return settings.ingest_url;
  }
  const auto host = host_name(r.header("host").value_or(""));
  if (!host) {
    return fail(errc::invalid_argument, "the Host header is not a host name");
  }
  return fmt::format("rtmp://{}:{}/app", *host, settings.rtmp_port);
}

std::shared_ptr<api> api::make(api_parts parts, api_settings settings) {
  return std::make_shared<whole_api>(std::move(parts), std::move(settings));
}

bool api::owns(std::string_view path) {
  return path == "/api" || path.starts_with("/api/") || path == "/healthz" || path == "/readyz" ||
         path == "/metrics";
}

std::size_t api::body_limit(std::string_view method, std::string_view path) {
  constexpr std::size_t usual = 64 * 1024;
  const bool is_word_list = method == "PUT" && path.ends_with("/chat/words");
  return is_word_list ? largest_word_list : usual;
}

handler api::as_handler() {
  return [self = shared_from_this()](request r, responder answer) {
    self->handle(std::move(r), std::move(answer));
  };
}

}  // namespace troupe::http
