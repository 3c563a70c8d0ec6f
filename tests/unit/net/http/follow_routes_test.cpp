// SPDX-License-Identifier: GPL-3.0-or-later
// Follows, lists of them, and public profiles.
#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto follow_path = "/api/v1/users/42/follow";
constexpr auto live_path = "/api/v1/users/me/following/live";

request with_query(const std::string& path, header_list query, const std::string& token = "") {
  auto r = make_request("GET", path, token);
  r.query = std::move(query);
  return r;
}

}  // namespace

TEST_CASE_METHOD(api_fixture, "follows: are put and deleted, however often", "[net][http]") {
  for (int i = 0; i < 2; ++i) {
    const auto put = send("PUT", follow_path, "user-7");
    CHECK(put.status() == 200);
    CHECK(put.json() == boost::json::parse(R"({"user_id":42,"is_followed":true,
        "followed_at":"2026-01-15T10:00:00.123Z","follower_count":1})"));
  }
  for (int i = 0; i < 2; ++i) {
    const auto deleted = send("DELETE", follow_path, "user-7");
    CHECK(deleted.status() == 200);
    CHECK(deleted.json() == boost::json::parse(R"({"user_id":42,"is_followed":false,
        "followed_at":null,"follower_count":0})"));
  }
  CHECK(send("PUT", "/api/v1/users/99/follow", "user-7").status() == 404);
  CHECK(send("DELETE", "/api/v1/users/99/follow", "user-7").status() == 404);
  CHECK(send("POST", follow_path, "user-7").header("Allow") == "PUT, DELETE, OPTIONS");
  CHECK(follows->all.empty());
}

TEST_CASE_METHOD(api_fixture, "follows: refusals keep their codes", "[net][http]") {
  const auto [code, status] = GENERATE(table<errc, int>(
      {{errc::invalid_argument, 400}, {errc::conflict, 409}, {errc::unavailable, 503}}));
  follows->failure = make_error(code, "too_many_follows", "at most 5000");
  const auto refused = send("PUT", follow_path, "user-7");
  CHECK(refused.status() == status);
  CHECK(refused.code() == "too_many_follows");
}

TEST_CASE_METHOD(api_fixture, "follows: lists are pages", "[net][http]") {
  send("PUT", follow_path, "user-7");
  const auto followers = send("GET", "/api/v1/users/42/followers");
  CHECK(followers.json() == boost::json::parse(R"({"items":[{"user_id":7,"username":"aya",
      "followed_at":"2026-01-15T10:00:00.123Z"}],"next":"1768471200123000-7"})"));
  const auto following = send("GET", "/api/v1/users/7/following").json();
  REQUIRE(following.at("items").as_array().size() == 1);
  CHECK(following.at("items").at(0).at("user_id") == 42);
  CHECK(following.at("items").at(0).at("stream").at("stream_id") == 4200);
  const auto live = send("GET", live_path, "user-7").json();
  REQUIRE(live.at("items").as_array().size() == 1);
  CHECK(live.at("items").at(0).at("user_id") == 42);
  CHECK(send("GET", live_path, "user-8").json().at("items").as_array().empty());

  follows->all.clear();
  send("PUT", "/api/v1/users/7/follow", "user-42");  // who is not live
  CHECK(send("GET", "/api/v1/users/42/following").json().at("items").at(0).at("stream").is_null());
}

TEST_CASE_METHOD(api_fixture, "follows: lists take a limit and a cursor", "[net][http]") {
  const auto path = GENERATE(as<std::string>{}, "/api/v1/users/42/followers",
                             "/api/v1/users/42/following", live_path);
  const auto token = path == live_path ? "user-7" : "";
  CHECK(send(with_query(path, {{"limit", "3"}, {"cursor", "1-2"}}, token))
            .json()
            .at("next")
            .is_null());
  REQUIRE(follows->listed);
  CHECK(follows->listed->limit == 3);
  CHECK(follows->listed->cursor == "1-2");
  CHECK(send(with_query(path, {}, token)).status() == 200);
  CHECK(follows->listed->limit == 20);
  CHECK_FALSE(follows->listed->cursor);
  for (const auto* limit : {"", "0", "101", "-1", "x", "1x"}) {
    CHECK(send(with_query(path, {{"limit", limit}}, token)).status() == 400);
  }
  for (const auto& cursor : {std::string(), std::string("a b"), std::string(257, 'x')}) {
    CHECK(send(with_query(path, {{"cursor", cursor}}, token)).status() == 400);
  }
}

TEST_CASE_METHOD(api_fixture, "profiles: are public, and say who follows to those who follow",
                 "[net][http]") {
  const auto by_stranger = send("GET", "/api/v1/users/42");
  CHECK(by_stranger.json() == boost::json::parse(R"({"user_id":42,"username":"bo",
      "created_at":"2026-01-15T10:00:00.000Z","follower_count":0,"following_count":0,
      "stream_id":4200,"is_followed":null,"followed_at":null})"));
  CHECK_FALSE(follows->viewer);
  CHECK(send("GET", "/api/v1/users/42", "user-7").json().at("is_followed") == false);
  CHECK(follows->viewer == 7);
  send("PUT", follow_path, "user-7");
  const auto by_follower = send(with_query("/api/v1/users", {{"username", "bo"}}, "user-7")).json();
  CHECK(by_follower.at("user_id") == 42);
  CHECK(by_follower.at("is_followed") == true);
  CHECK(by_follower.at("followed_at") == "2026-01-15T10:00:00.123Z");
  CHECK(send("GET", "/api/v1/users/7").json().at("stream_id").is_null());
}

TEST_CASE_METHOD(api_fixture, "profiles: nobody's, and names that are missing", "[net][http]") {
  CHECK(send("GET", "/api/v1/users/99").status() == 404);
  CHECK(send(with_query("/api/v1/users", {{"username", "nobody"}})).status() == 404);
  CHECK(send(with_query("/api/v1/users", {{"username", ""}})).status() == 400);
  CHECK(send("GET", "/api/v1/users").status() == 400);
}

TEST_CASE_METHOD(api_fixture, "profiles: a token that is sent must be valid", "[net][http]") {
  auto r = make_request("GET", "/api/v1/users/42");
  r.headers.emplace_back("authorization", "Basic dXNlcjo=");
  CHECK(send(r).status() == 401);
  CHECK(send("GET", "/api/v1/users/42", "forged-7").status() == 401);
  CHECK(follows->calls == 0);
}

TEST_CASE_METHOD(api_fixture, "profiles: count against the limit of the user who asks",
                 "[net][http]") {
  settings.limits.requests_per_minute_per_user = 2;
  CHECK(send("GET", "/api/v1/users/42", "user-7").status() == 200);
  CHECK(send("PUT", follow_path, "user-7").status() == 200);
  CHECK(send("GET", "/api/v1/users/42", "user-7").status() == 429);
  CHECK(send("GET", "/api/v1/users/42").status() == 200);
}

}  // namespace troupe::http::testing
