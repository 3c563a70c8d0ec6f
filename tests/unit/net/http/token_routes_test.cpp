// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto token_path = "/api/v1/auth/token";
constexpr auto logout_path = "/api/v1/auth/logout";
constexpr auto log_in = R"({"grant_type":"password","username":"aya","password":"right"})";
constexpr auto log_in_with_cookie =
    R"({"grant_type":"password","username":"aya","password":"right","cookie":true})";
constexpr auto renew_with_cookie = R"({"grant_type":"refresh_token","cookie":true})";
constexpr auto form = "application/x-www-form-urlencoded";

TEST_CASE_METHOD(api_fixture, "tokens: log in by password", "[net][http]") {
  const auto in = send("POST", token_path, "", log_in);
  CHECK(in.status() == 200);
  CHECK(in.json() == boost::json::value({{"access_token", "user-7"},
                                         {"refresh_token", "refresh-1"},
                                         {"token_type", "Bearer"},
                                         {"expires_in", 900}}));
  CHECK(in.header("Cache-Control") == "no-store");
  CHECK_FALSE(in.header("Set-Cookie"));
}

TEST_CASE_METHOD(api_fixture, "tokens: OAuth's form works like JSON", "[net][http]") {
  const auto in = send("POST", token_path, "", "grant_type=password&username=aya&password=right",
                       {{"content-type", form}});
  CHECK(in.status() == 200);
  const auto again =
      send("POST", token_path, "", "grant_type=refresh_token&refresh_token=refresh-1",
           {{"content-type", form}});
  CHECK(again.json().at("refresh_token") == "refresh-2");
}

TEST_CASE_METHOD(api_fixture, "tokens: who sends a form gets the errors of OAuth 2.0",
                 "[net][http]") {
  const auto refusal = [&](const std::string& body) {
    return send("POST", token_path, "", body, {{"content-type", form}});
  };
  const auto wrong = refusal("grant_type=password&username=aya&password=wrong");
  CHECK(wrong.status() == 400);
  CHECK(wrong.json().at("error") == "invalid_grant");
  CHECK(wrong.json().at("code") == "invalid_credentials");
  CHECK(wrong.json().at("error_description").is_string());
  CHECK(wrong.header("Cache-Control") == "no-store");
  CHECK(wrong.header("Content-Type") == "application/json");
  CHECK_FALSE(wrong.header("WWW-Authenticate"));
  CHECK(refusal("grant_type=refresh_token&refresh_token=old").json().at("error") ==
        "invalid_grant");
  CHECK(refusal("grant_type=client_credentials").json().at("error") == "unsupported_grant_type");
  const auto missing = refusal("grant_type=password&username=aya");
  CHECK(missing.text() == R"({"error":"invalid_request",)"
                          R"("error_description":"'password' is missing",)"
                          R"("code":"invalid_argument"})");
  CHECK(refusal("a=%").json().at("error") == "invalid_request");
  const auto large = refusal("grant_type=" + std::string(20'000, 'x'));
  CHECK(large.status() == 413);
  CHECK(large.json().at("error") == "invalid_request");

  accounts->failure = make_error(errc::unavailable, "too many log-ins at once");
  const auto busy = refusal("grant_type=password&username=aya&password=right");
  CHECK(busy.status() == 503);
  CHECK(busy.header("Retry-After") == "2");
  CHECK(busy.json().at("error") == "temporarily_unavailable");
  auto guessed = make_error(errc::rate_limited, "too_many_attempts", "wait");
  guessed.retry_after = std::chrono::milliseconds(1200);
  accounts->failure = guessed;
  const auto slowed = refusal("grant_type=password&username=aya&password=right");
  CHECK(slowed.status() == 429);
  CHECK(slowed.json().at("error") == "temporarily_unavailable");
  CHECK(slowed.json().at("code") == "too_many_attempts");
  CHECK(slowed.json().at("retry_after_ms") == 1200);
  accounts->failure = make_error(errc::internal, "a bug");
  const auto broken = refusal("grant_type=password&username=aya&password=right");
  CHECK(broken.status() == 500);
  CHECK(broken.json().at("error") == "server_error");
}

TEST_CASE_METHOD(api_fixture, "tokens: the limit per address has OAuth's words for forms too",
                 "[net][http]") {
  settings.limits.requests_per_minute_per_address = 1;
  const auto* body = "grant_type=password&username=aya&password=right";
  CHECK(send("POST", token_path, "", body, {{"content-type", form}}).status() == 200);
  const auto limited = send("POST", token_path, "", body, {{"content-type", form}});
  CHECK(limited.status() == 429);
  CHECK(limited.json().at("error") == "temporarily_unavailable");
  CHECK(limited.header("Retry-After"));
  CHECK(send("POST", token_path, "", log_in).code() == "rate_limited");
  // No other call is one of OAuth's.
  CHECK(send("POST", logout_path, "", "refresh_token=x", {{"content-type", form}}).code() ==
        "rate_limited");
}

TEST_CASE_METHOD(api_fixture, "tokens: a form's cookie that no longer works is forgotten too",
                 "[net][http]") {
  const auto used = send("POST", token_path, "", "grant_type=refresh_token&cookie=true",
                         {{"content-type", form}, {"cookie", "troupe_session=old"}});
  CHECK(used.status() == 400);
  CHECK(used.json().at("error") == "invalid_grant");
  CHECK(used.header("Set-Cookie")->starts_with("troupe_session=; Path=/api/v1; Max-Age=0;"));
}

TEST_CASE_METHOD(api_fixture, "tokens: a refresh token works once", "[net][http]") {
  const auto* body = R"({"grant_type":"refresh_token","refresh_token":"refresh-1"})";
  CHECK(send("POST", token_path, "", body).status() == 200);
  const auto second = send("POST", token_path, "", body);
  CHECK(second.status() == 401);
  CHECK(second.code() == "invalid_grant");
  CHECK(second.header("WWW-Authenticate") == "Bearer realm=\"troupe\"");
}

TEST_CASE_METHOD(api_fixture, "tokens: says what is wrong with a request", "[net][http]") {
  const auto refusal = [&](const std::string& body) { return send("POST", token_path, "", body); };
  const auto wrong = refusal(R"({"grant_type":"password","username":"aya","password":"wrong"})");
  CHECK(wrong.status() == 401);
  CHECK(wrong.code() == "invalid_credentials");
  CHECK(refusal(R"({"grant_type":"client_credentials"})").code() == "unsupported_grant_type");
  CHECK(refusal(R"({})").message() == "\"grant_type\" is missing");
  CHECK(refusal(R"({"grant_type":"password","password":"p"})").message() ==
        "\"username\" is missing");
  CHECK(refusal(R"({"grant_type":"password","username":"aya"})").message() ==
        "\"password\" is missing");
  CHECK(refusal(R"({"grant_type":"refresh_token"})").message() == "\"refresh_token\" is missing");
  CHECK(refusal(R"({"grant_type":"refresh_token","refresh_token":1})").status() == 400);
  CHECK(refusal(R"({"grant_type":"password","cookie":"true"})").message() ==
        "\"cookie\" must be true or false");
  CHECK(send("POST", token_path, "", "x", {{"content-type", "text/plain"}}).status() == 415);
}

TEST_CASE_METHOD(api_fixture, "tokens: a full password queue says when to come back",
                 "[net][http]") {
  accounts->failure = make_error(errc::unavailable, "too many log-ins at once");
  const auto busy = send("POST", token_path, "", log_in);
  CHECK(busy.status() == 503);
  CHECK(busy.header("Retry-After") == "2");
}

TEST_CASE_METHOD(api_fixture, "tokens: a browser's refresh token lives in a cookie only",
                 "[net][http]") {
  const auto in = send("POST", token_path, "", log_in_with_cookie);
  CHECK(in.status() == 200);
  CHECK_FALSE(in.json().as_object().contains("refresh_token"));
  CHECK(in.header("Set-Cookie") ==
        "troupe_session=refresh-1; Path=/api/v1; Max-Age=2592000; HttpOnly; SameSite=Strict");

  const auto renewed = send("POST", token_path, "", renew_with_cookie,
                            {{"cookie", "a=b; troupe_session=refresh-1"}});
  CHECK(renewed.status() == 200);
  CHECK_FALSE(renewed.json().as_object().contains("refresh_token"));
  CHECK(renewed.header("Set-Cookie")->starts_with("troupe_session=refresh-2; "));
}

TEST_CASE_METHOD(api_fixture, "tokens: the cookie is Secure where the page came over https",
                 "[net][http]") {
  const auto in =
      send("POST", token_path, "", log_in_with_cookie, {{"x-forwarded-proto", "https"}});
  CHECK(in.header("Set-Cookie")->ends_with("; SameSite=Strict; Secure"));
  const auto plain =
      send("POST", token_path, "", log_in_with_cookie, {{"x-forwarded-proto", "http"}});
  CHECK(plain.header("Set-Cookie")->ends_with("; SameSite=Strict"));
  const auto list =
      send("POST", token_path, "", log_in_with_cookie, {{"x-forwarded-proto", "HTTPS , http"}});
  CHECK(list.header("Set-Cookie")->ends_with("; Secure"));
}

TEST_CASE_METHOD(api_fixture, "tokens: a cookie that no longer works is forgotten", "[net][http]") {
  const auto used =
      send("POST", token_path, "", renew_with_cookie, {{"cookie", "troupe_session=old"}});
  CHECK(used.status() == 401);
  CHECK(used.header("Set-Cookie")->starts_with("troupe_session=; Path=/api/v1; Max-Age=0;"));
  CHECK(send("POST", token_path, "", renew_with_cookie).code() == "invalid_grant");
}

TEST_CASE_METHOD(api_fixture, "tokens: a wrong password takes no cookie away", "[net][http]") {
  const auto wrong =
      send("POST", token_path, "",
           R"({"grant_type":"password","username":"ann","password":"wrong","cookie":true})",
           {{"cookie", "troupe_session=refresh-1"}});
  CHECK(wrong.status() == 401);
  CHECK_FALSE(wrong.header("Set-Cookie"));
  const auto no_cookie = send("POST", token_path, "", renew_with_cookie);
  CHECK(no_cookie.status() == 401);
  CHECK_FALSE(no_cookie.header("Set-Cookie"));
}

TEST_CASE_METHOD(api_fixture, "tokens: of two cookies of the name none counts", "[net][http]") {
  const auto two = send("POST", token_path, "", renew_with_cookie,
                        {{"cookie", "troupe_session=planted; troupe_session=refresh-1"}});
  CHECK(two.status() == 401);
  CHECK(accounts->refresh_token == "refresh-1");
}

TEST_CASE_METHOD(api_fixture, "tokens: the cookie counts only for who asked for it",
                 "[net][http]") {
  const auto without = send("POST", token_path, "", R"({"grant_type":"refresh_token"})",
                            {{"cookie", "troupe_session=refresh-1"}});
  CHECK(without.status() == 400);
  CHECK(accounts->refresh_token == "refresh-1");
  const auto elsewhere =
      send("GET", "/api/v1/users/me", "", "", {{"cookie", "troupe_session=refresh-1"}});
  CHECK(elsewhere.status() == 401);
}

TEST_CASE_METHOD(api_fixture, "tokens: another site cannot use the cookie", "[net][http]") {
  const auto renew = [&](header_list more) {
    more.emplace_back("cookie", "troupe_session=refresh-1");
    return send("POST", token_path, "", renew_with_cookie, std::move(more));
  };
  SECTION("refused") {
    const auto sign = GENERATE(
        as<std::pair<std::string, std::string>>{}, std::pair{"sec-fetch-site", "cross-site"},
        std::pair{"sec-fetch-site", "same-site"}, std::pair{"origin", "https://evil.org"},
        std::pair{"origin", "null"}, std::pair{"origin", "http://live.example.org:9999"});
    const auto refused = renew({sign});
    CHECK(refused.status() == 403);
    CHECK(refused.code() == "cross_site");
    CHECK(accounts->refresh_token == "refresh-1");
    CHECK(send("POST", logout_path, "", "", {sign, {"cookie", "troupe_session=refresh-1"}})
              .status() == 403);
    CHECK(accounts->refresh_token == "refresh-1");
    CHECK(send("POST", token_path, "", log_in_with_cookie, {sign}).code() == "cross_site");
    CHECK(send("POST", token_path, "", log_in, {sign}).status() == 200);
  }
  SECTION("the own page is not") {
    const auto sign = GENERATE(as<std::pair<std::string, std::string>>{},
                               std::pair{"sec-fetch-site", "same-origin"},
                               std::pair{"origin", "http://Live.example.org:8080"});
    CHECK(renew({sign}).status() == 200);
  }
}

TEST_CASE_METHOD(api_fixture, "tokens: log out", "[net][http]") {
  SECTION("with the token") {
    const auto out = send("POST", logout_path, "", R"({"refresh_token":"refresh-1"})");
    CHECK(out.status() == 204);
    CHECK(out.text().empty());
    CHECK(accounts->refresh_token == "nothing");
    CHECK(send("POST", logout_path, "", R"({"refresh_token":"refresh-1"})").status() == 204);
  }
  SECTION("with the cookie, which goes") {
    const auto out = send("POST", logout_path, "", "", {{"cookie", "troupe_session=refresh-1"}});
    CHECK(out.status() == 204);
    CHECK(out.header("Set-Cookie")->starts_with("troupe_session=; "));
    CHECK(accounts->refresh_token == "nothing");
  }
  SECTION("with nothing") {
    CHECK(send("POST", logout_path).status() == 204);
    CHECK(accounts->calls == 0);
  }
  SECTION("without the store") {
    accounts->failure = make_error(errc::unavailable, "the store is away");
    CHECK(send("POST", logout_path, "", R"({"refresh_token":"refresh-1"})").status() == 503);
  }
  SECTION("wrong") {
    CHECK(send("POST", logout_path, "", R"({"refresh_token":7})").status() == 400);
    CHECK(send("POST", logout_path, "", "[").status() == 400);
  }
}

}  // namespace
}  // namespace troupe::http::testing
