// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <limits>

#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto start_path = "/api/v1/streams/start";
constexpr auto list_path = "/api/v1/streams";

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

TEST_CASE_METHOD(api_fixture, "streams: start answers where and with which key to publish",
                 "[net][http]") {
  const auto started = send("POST", start_path, "user-7", R"({"title":" 配信中 ","game_id":12})");
  CHECK(started.status() == 200);
  CHECK(started.json() == boost::json::value({{"stream_id", 42},
                                              {"ingest_url", "rtmp://live.example.org:1935/app"},
                                              {"stream_key", "key-1"}}));
  CHECK(streams->all.at(42).title == "配信中");
  CHECK(streams->all.at(42).game_id == 12);
}

TEST_CASE_METHOD(api_fixture, "streams: start needs neither body, title nor game", "[net][http]") {
  CHECK(send("POST", start_path, "user-7").status() == 200);
  CHECK(
      send("POST", start_path, "user-7", R"({"title":null,"game_id":null,"tags":[1]})").status() ==
      200);
  CHECK(streams->all.at(42).title == "Building a keyboard");
  CHECK_FALSE(streams->all.at(42).game_id);
}

TEST_CASE_METHOD(api_fixture, "streams: a title is 1 to 140 characters", "[net][http]") {
  const auto with_title = [&](const std::string& title) {
    return send("POST", start_path, "user-7",
                boost::json::serialize(boost::json::value{{"title", title}}));
  };
  CHECK(with_title(repeated("配", 140)).status() == 200);
  CHECK(with_title(repeated("配", 141)).status() == 400);
  CHECK(with_title("").status() == 400);
  CHECK(with_title("  ").status() == 400);
  CHECK(with_title("a\nb").status() == 400);
  CHECK(with_title("a\xC2\x85").message().starts_with("\"title\" must be"));
  CHECK(send("POST", start_path, "user-7", R"({"title":5})").message() == "\"title\" must be text");
}

TEST_CASE_METHOD(api_fixture, "streams: start refuses a wrong game, type and body", "[net][http]") {
  CHECK(send("POST", start_path, "user-7", R"({"game_id":"12"})").status() == 400);
  CHECK(send("POST", start_path, "user-7", R"({"game_id":0})").status() == 400);
  CHECK(send("POST", start_path, "user-7", "title=x",
             {{"content-type", "application/x-www-form-urlencoded"}})
            .status() == 415);
  CHECK(streams->calls == 0);
}

TEST_CASE_METHOD(api_fixture, "streams: start hands on what fails behind it", "[net][http]") {
  SECTION("the stream") {
    streams->failure = make_error(errc::unavailable, "the store is away");
  }
  SECTION("the key") {
    accounts->failure = make_error(errc::unavailable, "the store is away");
  }
  const auto failed = send("POST", start_path, "user-7");
  CHECK(failed.status() == 503);
  CHECK(failed.header("Retry-After") == "2");
}

TEST_CASE_METHOD(api_fixture, "streams: shows one stream exactly so", "[net][http]") {
  const auto shown = send("GET", "/api/v1/streams/42");
  CHECK(shown.status() == 200);
  CHECK(shown.text() ==
        R"({"stream_id":42,"user_id":7,"username":"aya","title":"Building a keyboard",)"
        R"("game_id":null,"viewer_count":12,"peak_viewers":15,"mean_viewers":9,)"
        R"("status":"live","stream_url":"/live/42/master.m3u8",)"
        R"("created_at":"2026-01-15T10:00:00.003Z","started_at":"2026-01-15T10:00:01.123Z",)"
        R"("ended_at":null})");
  CHECK(send("GET", "/api/v1/streams/43").status() == 404);
}

TEST_CASE_METHOD(api_fixture, "streams: each status has its name", "[net][http]") {
  using enum stream::status;
  const auto [value, name] = GENERATE(table<stream::status, std::string>(
      {{waiting, "waiting"}, {live, "live"}, {reconnecting, "reconnecting"}, {ended, "ended"}}));
  streams->all.at(42).status = value;
  streams->all.at(42).started_at.reset();
  streams->all.at(42).game_id = 3;
  const auto shown = send("GET", "/api/v1/streams/42").json();
  CHECK(shown.at("status").as_string() == name);
  CHECK(shown.at("started_at").is_null());
  CHECK(shown.at("game_id") == 3);
}

TEST_CASE_METHOD(api_fixture, "streams: its owner and administrators end it", "[net][http]") {
  const auto path = "/api/v1/streams/42/end";
  CHECK(send("POST", path, "user-8").status() == 403);
  CHECK(send("POST", "/api/v1/streams/43/end", "user-7").status() == 404);
  CHECK(send("POST", path, "admin-1").status() == 200);
  const auto ended = send("POST", path, "user-7");
  CHECK(ended.status() == 200);
  CHECK(ended.json().at("status") == "ended");
  CHECK(ended.json().at("ended_at").is_string());
}

TEST_CASE_METHOD(api_fixture, "streams: lists page by page", "[net][http]") {
  const auto first = send("GET", list_path);
  CHECK(first.status() == 200);
  CHECK(first.header("Cache-Control") == "public, max-age=2");
  CHECK(first.json().at("items").as_array().size() == 1);
  CHECK(first.json().at("next") == "after-42");
  CHECK(streams->listed->limit == 20);
  CHECK_FALSE(streams->listed->cursor);
  CHECK_FALSE(streams->listed->game_id);

  auto r = make_request("GET", list_path);
  r.query = {{"limit", "100"}, {"cursor", "after-42"}, {"game_id", "7"}, {"other", "x"}};
  CHECK(send(r).json().at("next").is_null());
  CHECK(streams->listed->limit == 100);
  CHECK(streams->listed->cursor == "after-42");
  CHECK(streams->listed->game_id == 7);
}

TEST_CASE_METHOD(api_fixture, "streams: a wrong query is named", "[net][http]") {
  const auto [name, value] = GENERATE(table<std::string, std::string>({{"limit", "0"},
                                                                       {"limit", "101"},
                                                                       {"limit", "x"},
                                                                       {"limit", ""},
                                                                       {"limit", "1 "},
                                                                       {"limit", "99999999999"},
                                                                       {"cursor", ""},
                                                                       {"cursor", "a b"},
                                                                       {"game_id", "-1"},
                                                                       {"game_id", ""}}));
  auto r = make_request("GET", list_path);
  r.query = {{name, value}};
  const auto refused = send(r);
  CHECK(refused.status() == 400);
  CHECK(refused.message().starts_with("\"" + name + "\""));
  CHECK_FALSE(streams->listed);
  r.query = {{"cursor", std::string(257, 'c')}};
  CHECK(send(r).status() == 400);
}

TEST_CASE_METHOD(api_fixture, "streams: health is for owner and administrators", "[net][http]") {
  const auto path = "/api/v1/streams/42/health";
  CHECK(send("GET", path).status() == 401);
  CHECK(send("GET", path, "user-8").status() == 403);
  CHECK(send("GET", "/api/v1/streams/43/health", "user-7").status() == 404);
  CHECK(send("GET", path, "admin-1").status() == 200);
  const auto shown = send("GET", path, "user-7").json();
  CHECK(shown.at("stream_id") == 42);
  CHECK(shown.at("video_codec") == "avc1.64001f");
  CHECK(shown.at("audio_codec").is_null());
  CHECK(shown.at("frame_rate") == 29.97);
  CHECK(shown.at("warnings").at(0).at("code") == "key_frames_far_apart");
}

TEST_CASE_METHOD(api_fixture, "streams: health without a measure is still JSON", "[net][http]") {
  streams->health.frame_rate = std::numeric_limits<double>::infinity();
  streams->health.key_frame_interval_s = std::nan("");
  const auto shown = send("GET", "/api/v1/streams/42/health", "user-7").json();
  CHECK(shown.at("frame_rate") == 0.0);
  CHECK(shown.at("key_frame_interval_s") == 0.0);
}

TEST_CASE_METHOD(api_fixture, "streams: the caller's own", "[net][http]") {
  CHECK(send("GET", "/api/v1/users/me/stream", "user-7").json().at("stream_id") == 42);
  CHECK(send("GET", "/api/v1/users/me/stream", "user-8").status() == 404);
}

}  // namespace
}  // namespace troupe::http::testing
