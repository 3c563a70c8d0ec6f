// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto users = "/api/v1/users";
constexpr auto me = "/api/v1/users/me";
constexpr auto key = "/api/v1/users/me/stream-key";
constexpr auto rotate = "/api/v1/users/me/stream-key/rotate";

TEST_CASE_METHOD(api_fixture, "accounts: registers a user", "[net][http]") {
  const auto made =
      send("POST", users, "", R"({"username":"bo","email":"b@x.org","password":"p"})");
  CHECK(made.status() == 201);
  CHECK(made.json() == boost::json::value({{"user_id", 8}, {"username", "bo"}}));
  CHECK(accounts->registered->email == "b@x.org");
  CHECK(accounts->registered->password == "p");
}

TEST_CASE_METHOD(api_fixture, "accounts: says what is wrong with a registration", "[net][http]") {
  const auto taken =
      send("POST", users, "", R"({"username":"aya","email":"b@x.org","password":"p"})");
  CHECK(taken.status() == 409);
  CHECK(taken.code() == "username_taken");

  const auto wrong = send("POST", users, "", R"({"username":"bo","email":5,"password":"p"})");
  CHECK(wrong.status() == 400);
  CHECK(wrong.code() == "invalid_argument");
  CHECK(wrong.message() == "\"email\" must be text");

  CHECK(send("POST", users, "", R"({"username":"bo","email":"b@x.org"})").message() ==
        "\"password\" is missing");
  CHECK(send("POST", users).status() == 400);
  CHECK(send("POST", users, "", "{").code() == "invalid_json");
  CHECK(send("POST", users, "", std::string(20'000, ' ')).status() == 413);
  CHECK(send("POST", users, "", "username=bo",
             {{"content-type", "application/x-www-form-urlencoded"}})
            .status() == 415);
}

TEST_CASE_METHOD(api_fixture, "accounts: shows the caller", "[net][http]") {
  const auto mine = send("GET", me, "user-7");
  CHECK(mine.status() == 200);
  CHECK(mine.json() == boost::json::value({{"user_id", 7},
                                           {"username", "aya"},
                                           {"email", "aya@example.org"},
                                           {"is_administrator", false},
                                           {"created_at", "2026-01-15T10:00:00.000Z"}}));
  accounts->failure = make_error(errc::not_found, "no such user");
  CHECK(send("GET", me, "user-7").status() == 404);
}

TEST_CASE_METHOD(api_fixture, "accounts: shows and rotates the stream key", "[net][http]") {
  const auto shown = send("GET", key, "user-7");
  CHECK(shown.status() == 200);
  CHECK(shown.json() == boost::json::value({{"ingest_url", "rtmp://live.example.org:1935/app"},
                                            {"stream_key", "key-1"}}));
  CHECK(send("POST", rotate, "user-7").json().at("stream_key") == "key-2");
  CHECK(send("GET", key, "user-7").json().at("stream_key") == "key-2");
}

TEST_CASE_METHOD(api_fixture, "accounts: a Host that is none is refused before anything is done",
                 "[net][http]") {
  auto r = make_request("POST", rotate, "user-7");
  r.headers[0].second = "evil.org/\"";
  CHECK(send(r).status() == 400);
  CHECK(accounts->key == "key-1");
  r.headers.erase(r.headers.begin());
  CHECK(send(r).status() == 400);
}

TEST_CASE_METHOD(api_fixture, "accounts: a configured ingest address wins over the Host",
                 "[net][http]") {
  settings.ingest_url = "rtmp://ingest.example.org/app";
  CHECK(send("GET", key, "user-7").json().at("ingest_url") == "rtmp://ingest.example.org/app");
}

TEST_CASE_METHOD(api_fixture, "accounts: the RTMP port is the configured one", "[net][http]") {
  settings.rtmp_port = 2935;
  auto r = make_request("GET", key, "user-7");
  r.headers[0].second = "[2001:db8::1]";
  CHECK(send(r).json().at("ingest_url") == "rtmp://[2001:db8::1]:2935/app");
}

}  // namespace
}  // namespace troupe::http::testing
