// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/rate_limiter.hpp"
#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto password = "/api/v1/users/me/password";
constexpr auto email = "/api/v1/users/me/email";
constexpr auto totp = "/api/v1/users/me/totp";
constexpr auto token_path = "/api/v1/auth/token";

TEST_CASE_METHOD(api_fixture, "changes: a new password answers with a new log-in", "[net][http]") {
  const auto* body = R"({"old_password":"right","new_password":"next"})";
  const auto changed = send("PUT", password, "user-7", body);
  CHECK(changed.status() == 200);
  CHECK(changed.json().at("access_token") == "user-7");
  CHECK(changed.json().at("refresh_token") == "refresh-new");
  CHECK(changes->wanted == "next");
  CHECK(changes->whose == 7);
  CHECK(changes->shown.from.network == address_key("203.0.113.9"));
  CHECK_FALSE(changes->shown.from.is_trusted);

  const auto by_cookie = send("PUT", password, "user-7",
                              R"({"old_password":"right","new_password":"next","cookie":true})");
  CHECK_FALSE(by_cookie.json().as_object().contains("refresh_token"));
  CHECK(by_cookie.header("Set-Cookie")->starts_with("troupe_session=refresh-new; Path=/api/v1;"));
  CHECK(send("PUT", password, "user-7",
             R"({"old_password":"right","new_password":"next","cookie":true})",
             {{"sec-fetch-site", "cross-site"}})
            .code() == "cross_site");
}

TEST_CASE_METHOD(api_fixture, "changes: what is wrong with a proof is said", "[net][http]") {
  const auto refused =
      send("PUT", password, "user-7", R"({"old_password":"wrong","new_password":"next"})");
  CHECK(refused.status() == 403);
  CHECK(refused.code() == "wrong_password");
  CHECK_FALSE(refused.header("Set-Cookie"));
  CHECK(send("PUT", password, "user-7", R"({"new_password":"next"})").message() ==
        "\"old_password\" is missing");
  CHECK(send("PUT", password, "user-7", R"({"old_password":"right"})").message() ==
        "\"new_password\" is missing");
  CHECK(send("PUT", password, "user-7", R"({"old_password":"right","new_password":5})").status() ==
        400);
  CHECK(send("PUT", password, "user-7", "[").code() == "invalid_json");
  CHECK(send("PUT", password, "", R"({"old_password":"right","new_password":"n"})").status() ==
        401);
  changes->has_second_factor = true;
  CHECK(send("PUT", email, "user-7", R"({"email":"n@x.org","password":"right"})").code() ==
        "second_factor_required");
  CHECK(
      send("PUT", email, "user-7", R"({"email":"n@x.org","password":"right","otp":"1"})").code() ==
      "invalid_otp");
}

TEST_CASE_METHOD(api_fixture, "changes: another address", "[net][http]") {
  const auto changed = send("PUT", email, "user-7", R"({"email":"n@x.org","password":"right"})");
  CHECK(changed.status() == 200);
  CHECK(changed.json().at("email") == "n@x.org");
}

TEST_CASE_METHOD(api_fixture, "changes: too many attempts say when to come back", "[net][http]") {
  auto busy = make_error(errc::rate_limited, "too_many_attempts", "wait");
  busy.retry_after = std::chrono::milliseconds(3100);
  changes->failure = busy;
  const auto refused = send("PUT", email, "user-7", R"({"email":"n@x.org","password":"right"})");
  CHECK(refused.status() == 429);
  CHECK(refused.header("Retry-After") == "4");
  accounts->failure = busy;
  const auto log_in = send("POST", token_path, "",
                           R"({"grant_type":"password","username":"aya","password":"right"})");
  CHECK(log_in.status() == 429);
  CHECK(log_in.code() == "too_many_attempts");
  CHECK(log_in.header("Retry-After") == "4");
}

TEST_CASE_METHOD(api_fixture, "changes: proofs count against the limit of log-ins", "[net][http]") {
  settings.limits.log_ins_per_minute_per_address = 2;
  const auto* body = R"({"email":"n@x.org","password":"right"})";
  CHECK(send("PUT", email, "user-7", body).status() == 200);
  CHECK(send("POST", totp, "user-7", R"({"password":"right"})").status() == 200);
  CHECK(send("PUT", email, "user-7", body).status() == 429);
  CHECK(
      send("POST", std::string(totp) + "/disable", "user-7", R"({"password":"right"})").status() ==
      429);
}

TEST_CASE_METHOD(api_fixture, "changes: log out everywhere", "[net][http]") {
  const auto out = send("POST", "/api/v1/auth/logout-all", "user-7", "",
                        {{"cookie", "troupe_session=refresh-1"}});
  CHECK(out.status() == 204);
  CHECK(out.header("Set-Cookie")->starts_with("troupe_session=; "));
  CHECK(changes->whose == 7);
  CHECK_FALSE(send("POST", "/api/v1/auth/logout-all", "user-7").header("Set-Cookie"));
  CHECK(send("POST", "/api/v1/auth/logout-all").status() == 401);
  // The cookie alone does nothing: another site cannot log anybody out.
  CHECK(send("POST", "/api/v1/auth/logout-all", "", "", {{"cookie", "troupe_session=refresh-1"}})
            .status() == 401);
}

TEST_CASE_METHOD(api_fixture, "changes: a second factor from beginning to end", "[net][http]") {
  const std::string path = totp;
  CHECK(send("GET", path, "user-7").json().at("is_enabled") == false);
  const auto begun = send("POST", path, "user-7", R"({"password":"right"})");
  CHECK(begun.json().at("secret") == "GEZDGNBV");
  CHECK(begun.json().at("uri").as_string().starts_with("otpauth://"));
  CHECK(send("POST", path + "/confirm", "user-7", R"({"otp":"000000"})").code() == "invalid_otp");
  CHECK(send("POST", path + "/confirm", "user-7", R"({})").status() == 400);
  const auto codes = send("POST", path + "/confirm", "user-7", R"({"otp":"123456"})");
  CHECK(codes.json().at("recovery_codes").as_array().size() == 2);
  CHECK(codes.json().at("access_token") == "user-7");
  CHECK(codes.json().at("refresh_token") == "refresh-new");
  CHECK_FALSE(codes.header("Set-Cookie"));
  const auto* by_cookie = R"({"otp":"123456","cookie":true})";
  const auto of_page = send("POST", path + "/confirm", "user-7", by_cookie);
  CHECK_FALSE(of_page.json().as_object().contains("refresh_token"));
  CHECK(of_page.header("Set-Cookie")->starts_with("troupe_session=refresh-new; "));
  CHECK(send("POST", path + "/confirm", "user-7", by_cookie, {{"origin", "https://evil.example"}})
            .code() == "cross_site");
  CHECK(send("GET", path, "user-7").json().at("is_enabled") == true);
  const auto* shown = R"({"password":"right","otp":"123456"})";
  CHECK(send("POST", path + "/recovery-codes", "user-7", shown).status() == 200);
  CHECK(send("POST", path + "/disable", "user-7", R"({"password":"right"})").code() ==
        "second_factor_required");
  CHECK(send("POST", path + "/disable", "user-7", shown).status() == 204);
}

TEST_CASE_METHOD(api_fixture, "changes: administrators alone may change others", "[net][http]") {
  const std::vector<std::string> paths = {"/api/v1/admin/users/9/logout-all",
                                          "/api/v1/admin/users/9/totp/disable",
                                          "/api/v1/admin/token-keys/rotate"};
  for (const auto& path : paths) {
    CHECK(send("POST", path).status() == 401);
    CHECK(send("POST", path, "user-9").status() == 403);
    CHECK(changes->calls == 0);
  }
  CHECK(send("POST", paths[0], "admin-1").status() == 204);
  CHECK(changes->whose == 9);
  CHECK(send("POST", paths[1], "admin-1").status() == 204);
  CHECK(send("POST", paths[2], "admin-1").json().at("kid") == "k2");
  CHECK_FALSE(changes->ended_older);
  CHECK(send("POST", paths[2], "admin-1", R"({"ends_older":true})").status() == 200);
  CHECK(changes->ended_older);
  CHECK(send("POST", paths[2], "admin-1", R"({"ends_older":1})").status() == 400);
}

TEST_CASE_METHOD(api_fixture, "tokens: a log-in brings its code and where it comes from",
                 "[net][http]") {
  auto r = make_request(
      "POST", token_path, "",
      R"({"grant_type":"password","username":"aya","password":"right","otp":"123456"})");
  r.remote_address = "2001:db8::7";
  CHECK(send(r).status() == 200);
  CHECK(accounts->last_proof.otp == "123456");
  CHECK(accounts->last_proof.from.network == address_key("2001:db8::8"));
  CHECK(send("POST", token_path, "",
             R"({"grant_type":"password","username":"aya","password":"right","otp":123456})")
            .message() == "\"otp\" must be text");
  accounts->failure = make_error(errc::unauthenticated, "second_factor_required", "the code");
  const auto asked = send("POST", token_path, "",
                          R"({"grant_type":"password","username":"aya","password":"right"})");
  CHECK(asked.status() == 401);
  CHECK(asked.code() == "second_factor_required");
}

}  // namespace
}  // namespace troupe::http::testing
