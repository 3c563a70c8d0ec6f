// SPDX-License-Identifier: GPL-3.0-or-later
// What holds for all routes: access, methods, limits, idempotency, threads and lifetimes.
#include <regex>
#include <thread>

#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto start_path = "/api/v1/streams/start";

std::string path_of(const route& r) {
  static const std::regex capture("\\{[^}]*\\}");
  return std::regex_replace(r.pattern, capture, "42");
}

TEST_CASE_METHOD(api_fixture, "api: each route lets in whom its table names", "[net][http]") {
  for (const auto& each : api().table().routes()) {
    const auto ask = [&](const std::string& token) {
      return send(each.method, path_of(each), token).status();
    };
    INFO(each.method << " " << each.pattern);
    CHECK((ask("") == 401) == (each.who != access::everyone && each.who != access::visitor));
    CHECK((ask("forged-7") == 401) == (each.who != access::everyone));
    const bool is_for_all_users =
        each.who != access::administrator && each.who != access::operators;
    CHECK((ask("user-7") != 403) == is_for_all_users);
    if (each.who != access::moderator) {  // the room's own tests say who that is
      CHECK((ask("user-8") == 403) == (each.who == access::owner || !is_for_all_users));
    }
    const int as_administrator = ask("admin-1");
    CHECK(as_administrator != 401);
    CHECK(as_administrator != 403);
  }
}

TEST_CASE_METHOD(api_fixture, "api: reads the bearer token as RFC 6750 has it", "[net][http]") {
  const auto with = [&](const std::string& header) {
    auto r = make_request("GET", "/api/v1/users/me");
    r.headers.emplace_back("authorization", header);
    return send(r);
  };
  CHECK(with("Bearer user-7").status() == 200);
  CHECK(with("bearer  user-7 ").status() == 200);
  for (const auto* wrong : {"", "Bearer", "Bearer ", "Basic user-7", "user-7", "Bearer user-x"}) {
    const auto refused = with(wrong);
    CHECK(refused.status() == 401);
    CHECK(refused.header("WWW-Authenticate") == "Bearer realm=\"troupe\"");
  }
}

TEST_CASE_METHOD(api_fixture, "api: unknown addresses, other methods, HEAD and OPTIONS",
                 "[net][http]") {
  const auto nothing = send("GET", "/api/v1/nothing");
  CHECK(nothing.status() == 404);
  CHECK(nothing.code() == "not_found");
  CHECK(nothing.header("Cache-Control") == "no-store");

  const auto wrong = send("DELETE", "/api/v1/streams/42");
  CHECK(wrong.status() == 405);
  CHECK(wrong.code() == "method_not_allowed");
  CHECK(wrong.header("Allow") == "GET, HEAD, OPTIONS");
  CHECK(send("GET", start_path).header("Allow") == "POST, OPTIONS");

  CHECK(send("HEAD", "/api/v1/streams/42").text() == send("GET", "/api/v1/streams/42").text());

  const auto asked = send("OPTIONS", start_path, "", "", {{"origin", "https://evil.org"}});
  CHECK(asked.status() == 204);
  CHECK(asked.header("Allow") == "POST, OPTIONS");
  for (const auto& [name, value] : asked.raw.headers) {
    CHECK_FALSE(name.starts_with("Access-Control"));
  }
}

TEST_CASE_METHOD(api_fixture, "api: knows which paths are its own", "[net][http]") {
  for (const auto& each : api().table().routes()) {
    CHECK(api::owns(each.pattern));
  }
  CHECK(api::owns("/api/v2/x"));
  CHECK_FALSE(api::owns("/"));
  CHECK_FALSE(api::owns("/apix"));
  CHECK_FALSE(api::owns("/live/42/master.m3u8"));
}

TEST_CASE_METHOD(api_fixture, "api: each class of error has its status", "[net][http]") {
  const auto [code, status] = GENERATE(table<errc, int>({{errc::not_found, 404},
                                                         {errc::unavailable, 503},
                                                         {errc::deadline_exceeded, 504},
                                                         {errc::rate_limited, 429},
                                                         {errc::data_corrupt, 500},
                                                         {errc::internal, 500}}));
  streams->failure = make_error(code, "what_happened", "the disk /dev/sda1");
  const auto failed = send("GET", "/api/v1/streams/42");
  CHECK(failed.status() == status);
  CHECK(failed.code() == (status == 500 ? "internal" : "what_happened"));
  CHECK((failed.message().find("sda1") == std::string::npos) == (status == 500));
  CHECK(failed.header("Retry-After").has_value() == (status == 429 || status == 503));
}

TEST_CASE_METHOD(api_fixture, "api: limits requests per address", "[net][http]") {
  settings.limits.requests_per_minute_per_address = 3;
  const auto ask = [&](const std::string& address, bool is_trusted = false) {
    auto r = make_request("GET", "/healthz");
    r.remote_address = address;
    r.is_trusted = is_trusted;
    return send(r);
  };
  for (int i = 0; i < 3; ++i) {
    CHECK(ask("203.0.113.9").status() == 200);
  }
  const auto refused = ask("203.0.113.9");
  CHECK(refused.status() == 429);
  CHECK(refused.code() == "rate_limited");
  CHECK(refused.header("Retry-After") == "20");
  CHECK(ask("203.0.113.10").status() == 200);
  CHECK(ask("203.0.113.9", true).status() == 200);
  clock.advance(std::chrono::seconds(20));
  CHECK(ask("203.0.113.9").status() == 200);
  CHECK(
      metrics.make_counter("troupe_http_rate_limited_total", "", {{"limit", "address"}}).value() ==
      1);
}

TEST_CASE_METHOD(api_fixture, "api: limits requests per user, wherever they come from",
                 "[net][http]") {
  settings.limits.requests_per_minute_per_user = 3;
  const auto ask = [&](const std::string& token) {
    auto r = make_request("GET", "/api/v1/users/me", token);
    r.is_trusted = true;
    return send(r);
  };
  for (int i = 0; i < 3; ++i) {
    CHECK(ask("user-7").status() == 200);
  }
  CHECK(ask("user-7").status() == 429);
  CHECK(ask("user-8").status() == 200);
  clock.advance(std::chrono::minutes(1));
  CHECK(ask("user-7").status() == 200);
}

TEST_CASE_METHOD(api_fixture, "api: limits passwords and registrations per address, together",
                 "[net][http]") {
  settings.limits.log_ins_per_minute_per_address = 2;
  const auto guess = [&](bool is_trusted = false) {
    auto r = make_request("POST", "/api/v1/auth/token", "",
                          R"({"grant_type":"password","username":"aya","password":"guess"})");
    r.is_trusted = is_trusted;
    return send(r).status();
  };
  CHECK(guess() == 401);
  CHECK(guess() == 401);
  const auto refused =
      send("POST", "/api/v1/users", "", R"({"username":"bo","email":"b@x.org","password":"p"})");
  CHECK(refused.status() == 429);
  CHECK(refused.header("Retry-After") == "30");
  CHECK(guess() == 429);
  CHECK(guess(true) == 401);
  CHECK_FALSE(accounts->registered);
  // Renewing a log-in is no guess.
  CHECK(send("POST", "/api/v1/auth/token", "",
             R"({"grant_type":"refresh_token","refresh_token":"refresh-1"})")
            .status() == 200);
}

TEST_CASE_METHOD(api_fixture, "api: 0 turns the limits off", "[net][http]") {
  settings.limits.requests_per_minute_per_address = 0;
  settings.limits.requests_per_minute_per_user = 0;
  for (int i = 0; i < 1200; ++i) {
    REQUIRE(send_only(make_request("GET", "/api/v1/users/me", "user-7"))->value().status == 200);
  }
}

TEST_CASE_METHOD(api_fixture, "api: answers with secrets are not kept for repeats", "[net][http]") {
  const header_list host = {{"idempotency-key", "k"}, {"host", "live.example.org"}};
  int secret = 0;
  for (const auto& each : api().table().routes()) {
    secret += each.answers_secrets ? 1 : 0;
    const bool is_totp = each.pattern.find("/totp") != std::string::npos &&
                         each.pattern.find("/users/me") != std::string::npos;
    CHECK(each.answers_secrets == (is_totp || each.pattern.ends_with("/stream-key/rotate")));
  }
  CHECK(secret == 6);
  for (int i = 0; i < 2; ++i) {
    const auto rotated = send("POST", "/api/v1/users/me/stream-key/rotate", "user-7", "", host);
    CHECK(rotated.status() == 200);
    CHECK_FALSE(rotated.header("Idempotency-Replayed"));
  }
}

TEST_CASE_METHOD(api_fixture, "api: the networks of an IPv6 /48 share a wider limit",
                 "[net][http]") {
  settings.limits.requests_per_minute_per_address = 10;
  int allowed = 0;
  for (int i = 0; i < 200; ++i) {
    auto r = make_request("GET", "/api/v1/streams");
    r.remote_address = "2001:db8:7:" + std::to_string(i) + "::1";
    allowed += send(r).status() == 200 ? 1 : 0;
  }
  CHECK(allowed == 80);
  auto r = make_request("GET", "/api/v1/streams");
  r.remote_address = "2001:db8:8::1";
  CHECK(send(r).status() == 200);
}

TEST_CASE_METHOD(api_fixture, "api: an Idempotency-Key makes a POST happen once", "[net][http]") {
  const auto post = [&](const std::string& key, const std::string& token = "user-7",
                        const std::string& body = "") {
    changes->whose = 0;
    return send("POST", "/api/v1/auth/logout-all", token, body, {{"idempotency-key", key}});
  };
  const auto first = post("k1");
  CHECK(first.status() == 204);
  CHECK(changes->whose == 7);
  CHECK_FALSE(first.header("Idempotency-Replayed"));

  const auto again = post("k1");
  CHECK(again.status() == 204);
  CHECK(again.header("Idempotency-Replayed") == "true");
  CHECK(changes->whose == 0);

  const auto other = post("k1", "user-7", "{}");
  CHECK(other.status() == 409);
  CHECK(other.code() == "idempotency_key_reused");
  CHECK(changes->whose == 0);

  CHECK_FALSE(post("k2").header("Idempotency-Replayed"));
  CHECK(changes->whose == 7);
  CHECK_FALSE(post("k1", "user-8").header("Idempotency-Replayed"));
  CHECK(changes->whose == 8);
  clock.advance(idempotency_life);
  CHECK_FALSE(post("k1").header("Idempotency-Replayed"));
  CHECK(changes->whose == 7);
  CHECK(post("no spaces").status() == 400);
  CHECK(post("").status() == 400);
}

TEST_CASE_METHOD(api_fixture, "api: the same key on another route or path", "[net][http]") {
  const header_list key = {{"idempotency-key", "k"}};
  CHECK(send("POST", start_path, "user-7", "", key).status() == 200);
  CHECK(send("POST", "/api/v1/streams/42/end", "user-7", "", key).status() == 200);
  CHECK(send("POST", "/api/v1/streams/43/end", "user-7", "", key).code() ==
        "idempotency_key_reused");
}

TEST_CASE_METHOD(api_fixture, "api: a second request waits for the first one's answer",
                 "[net][http]") {
  accounts->is_holding = true;
  const auto r = make_request("POST", start_path, "user-7", "", {{"idempotency-key", "k"}});
  const auto first = send_only(r);
  CHECK_FALSE(*first);
  CHECK(send(r).code() == "idempotency_key_in_use");
  SECTION("answered: it is given again") {
    accounts->release();
    REQUIRE(*first);
    CHECK(send(r).header("Idempotency-Replayed") == "true");
  }
  SECTION("lost: it can be tried again") {
    accounts->forget();
    accounts->is_holding = false;
    CHECK_FALSE(*first);
    CHECK(send(r).status() == 200);
  }
}

TEST_CASE_METHOD(api_fixture, "api: errors of ours are not kept under a key", "[net][http]") {
  const header_list key = {{"idempotency-key", "k"}};
  streams->failure = make_error(errc::unavailable, "away");
  CHECK(send("POST", start_path, "user-7", "", key).status() == 503);
  streams->failure.reset();
  CHECK(send("POST", start_path, "user-7", "", key).status() == 200);
}

TEST_CASE_METHOD(api_fixture, "api: answers that come late, on other threads, from an api let go",
                 "[net][http]") {
  streams->is_holding = true;
  accounts->is_holding = true;
  const auto slot = send_only(make_request("POST", start_path, "user-7"));
  const auto other = send_only(make_request("GET", "/api/v1/users/me", "user-7"));
  forget_api();
  std::thread([&] {
    streams->release();
    accounts->release();  // start asks for the key after the stream
  }).join();
  REQUIRE(slot->has_value());
  REQUIRE(other->has_value());
  CHECK((*slot)->status == 200);
  CHECK((*other)->status == 200);
}

TEST_CASE_METHOD(api_fixture, "api: a callback that never comes destroys the responder",
                 "[net][http]") {
  streams->is_holding = true;
  auto alive = std::make_shared<int>(1);
  api().handle(make_request("GET", "/api/v1/streams/42"), [alive](const response&) {});
  CHECK(alive.use_count() == 2);
  streams->forget();
  CHECK(alive.use_count() == 1);
}

TEST_CASE_METHOD(api_fixture, "api: an exception leaves the answer to the server", "[net][http]") {
  auto alive = std::make_shared<int>(1);
  api().handle(make_request("GET", "/api/v1/users/me", "throw"),
               [alive](const response&) { FAIL(); });
  CHECK(alive.use_count() == 1);
}

TEST_CASE_METHOD(api_fixture, "api: counts requests by route and class of status", "[net][http]") {
  const auto count = [&](const std::string& route, const std::string& method,
                         const std::string& status) {
    return metrics
        .make_counter("troupe_http_requests_total", "",
                      {{"method", method}, {"route", route}, {"status", status}})
        .value();
  };
  send("GET", "/api/v1/streams/42");
  send("GET", "/api/v1/streams/43");
  send("GET", "/api/v1/nothing");
  send("BREW", "/api/v1/streams/42");
  CHECK(count("/api/v1/streams/{stream_id}", "GET", "2xx") == 1);
  CHECK(count("/api/v1/streams/{stream_id}", "GET", "4xx") == 1);
  CHECK(count("none", "any", "4xx") == 2);
}

TEST_CASE_METHOD(api_fixture, "api: as a handler it keeps itself alive", "[net][http]") {
  const auto handle = api().as_handler();
  forget_api();
  int status = 0;
  handle(make_request("GET", "/healthz"), [&](const response& r) { status = r.status; });
  CHECK(status == 200);
}

}  // namespace
}  // namespace troupe::http::testing
