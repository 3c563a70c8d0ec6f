// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

constexpr auto chat_path = "/api/v1/channels/7/chat";
constexpr auto stream_chat_path = "/api/v1/streams/42/chat";
constexpr std::int64_t noon_ms = 1'768'473'000'123;  // 2026-01-15T10:30:00.123Z

chat::event message(std::int64_t seq, std::string text) {
  chat::event e;
  e.seq = seq;
  e.message_id = 4200 + seq;
  e.user = 8;
  e.username = "bo";
  e.text = std::move(text);
  e.created_ms = noon_ms;
  return e;
}

request with_query(const std::string& path, header_list query, const std::string& token = "") {
  auto r = make_request("GET", path, token);
  r.query = std::move(query);
  return r;
}

TEST_CASE_METHOD(api_fixture, "chat: a post says where it stands", "[net][http][chat]") {
  const auto path = GENERATE(chat_path, stream_chat_path);
  const auto said = send("POST", path, "user-8", R"({"message":"Hello","reply_to":41})",
                         {{"idempotency-key", "c1"}});
  CHECK(said.status() == 200);
  CHECK(said.text() ==
        R"({"message_id":4213,"seq":1,"message":"Hello","created_at":"2026-01-15T10:30:00.123Z"})");
  REQUIRE(chats->messages.size() == 1);
  CHECK(chats->messages[0].by == 8);
  CHECK(chats->messages[0].channel == 7);
  CHECK(chats->messages[0].text == "Hello");
  CHECK(chats->messages[0].reply_to == 41);
  CHECK(chats->messages[0].nonce == "c1");
}

TEST_CASE_METHOD(api_fixture, "chat: a held post is 202", "[net][http][chat]") {
  chats->holds_messages = true;
  const auto held = send("POST", chat_path, "user-8", R"({"message":"a spoiler"})");
  CHECK(held.status() == 202);
  CHECK(held.text() == R"({"status":"held"})");
}

TEST_CASE_METHOD(api_fixture, "chat: a wrong post never reaches the room", "[net][http][chat]") {
  const auto refused = [&](const std::string& body) {
    return send("POST", chat_path, "user-8", body).status();
  };
  CHECK(refused("") == 400);
  CHECK(refused("{}") == 400);
  CHECK(refused(R"({"message":5})") == 400);
  CHECK(refused(R"({"message":"a","reply_to":0})") == 400);
  CHECK(refused(R"({"message":"a","reply_to":"1"})") == 400);
  CHECK(refused("{\"message\":\"" + std::string(17'000, 'a') + "\"}") == 413);
  for (const auto* key : {"", "two words", "\xC3\xA9"}) {
    CHECK(send("POST", chat_path, "user-8", R"({"message":"a"})", {{"idempotency-key", key}})
              .status() == 400);
  }
  CHECK(send("POST", "/api/v1/streams/43/chat", "user-8", R"({"message":"a"})").status() == 404);
  CHECK(chats->messages.empty());
}

TEST_CASE_METHOD(api_fixture, "chat: the room, not the store of answers, remembers a post",
                 "[net][http][chat]") {
  const header_list key = {{"idempotency-key", "c1"}};
  const std::string body = R"({"message":"Hello"})";
  SECTION("a refusal is not repeated once its reason is gone") {
    chats->failure = make_error(errc::forbidden, "banned", "you are banned");
    CHECK(send("POST", chat_path, "user-8", body, key).code() == "banned");
    chats->failure.reset();
    CHECK(send("POST", chat_path, "user-8", body, key).status() == 200);
  }
  SECTION("both addresses give the room the same nonce") {
    send("POST", chat_path, "user-8", body, key);
    send("POST", stream_chat_path, "user-8", body, key);
  }
  SECTION("a second try waits with the first instead of being refused") {
    chats->is_holding = true;
    const auto first = send_only(make_request("POST", chat_path, "user-8", body, key));
    const auto second = send_only(make_request("POST", chat_path, "user-8", body, key));
    CHECK_FALSE(second->has_value());
    chats->release();
    CHECK((*first)->status == 200);
    CHECK((*second)->status == 200);
  }
  REQUIRE(chats->messages.size() == 2);
  CHECK(chats->messages[1].nonce == "c1");
  CHECK(chats->messages[1].channel == chats->messages[0].channel);
}

TEST_CASE_METHOD(api_fixture, "chat: posts count against the chat limit and the address only",
                 "[net][http][chat]") {
  settings.limits.requests_per_minute_per_user = 2;
  settings.limits.requests_per_minute_per_address = 20;
  const std::string body = R"({"message":"a"})";
  for (int i = 0; i < 10; ++i) {
    CHECK(send("POST", i % 2 == 0 ? chat_path : stream_chat_path, "user-8", body).status() == 200);
  }
  CHECK(send("GET", "/api/v1/users/me", "user-8").status() == 200);
  CHECK(send("GET", "/api/v1/users/me", "user-8").status() == 200);
  CHECK(send("GET", "/api/v1/users/me", "user-8").status() == 429);
  int accepted = 0;
  for (int i = 0; i < 30; ++i) {
    accepted += send("POST", chat_path, "user-8", body).status() == 200 ? 1 : 0;
  }
  CHECK(accepted == 7);
}

TEST_CASE_METHOD(api_fixture, "chat: a wait is told in seconds and milliseconds",
                 "[net][http][chat]") {
  const auto post = [&] { return send("POST", chat_path, "user-8", R"({"message":"a"})"); };
  auto why = make_error(errc::rate_limited, "slow_mode", "slow mode");
  why.retry_after = std::chrono::milliseconds(1200);
  chats->failure = why;
  const auto slow = post();
  CHECK(slow.status() == 429);
  CHECK(slow.header("Retry-After") == "2");
  CHECK(slow.text() ==
        R"({"error":{"code":"slow_mode","message":"slow mode","retry_after_ms":1200}})");

  chats->failure->code = errc::forbidden;
  const auto banned = post();
  CHECK(banned.status() == 403);
  CHECK_FALSE(banned.header("Retry-After"));
  CHECK(banned.json().at("error").at("retry_after_ms") == 1200);

  chats->failure = make_error(errc::unavailable, "the store is away");
  CHECK(post().header("Retry-After") == "2");
}

TEST_CASE_METHOD(api_fixture, "chat: history is what the room's sockets got", "[net][http][chat]") {
  chat::event mode;
  mode.seq = 3;
  mode.kind = chat::event_kind::mode;
  mode.mode.slow_s = 10;
  chats->page_of_history = {{message(1, "a"), message(2, "b"), mode}, 4201};
  const auto shown = send("GET", chat_path);
  CHECK(shown.status() == 200);
  CHECK(shown.header("Cache-Control") == "no-store");
  CHECK(shown.text() ==
        R"({"messages":[{"type":"message","seq":1,"message_id":4201,"stream_id":null,)"
        R"("user":{"user_id":8,"username":"bo","role":"user"},"message":"a",)"
        R"("created_at":"2026-01-15T10:30:00.123Z"},)"
        R"({"type":"message","seq":2,"message_id":4202,"stream_id":null,)"
        R"("user":{"user_id":8,"username":"bo","role":"user"},"message":"b",)"
        R"("created_at":"2026-01-15T10:30:00.123Z"},)"
        R"({"type":"mode","seq":3,"slow_mode_s":10,"followers_only_min_age_s":null}],)"
        R"("next":4201})");
  chats->page_of_history = {};
  CHECK(send("GET", stream_chat_path).text() == R"({"messages":[],"next":null})");
  CHECK(chats->channel == 7);
}

TEST_CASE_METHOD(api_fixture, "chat: history reads both ways, by id and by number",
                 "[net][http][chat]") {
  send("GET", chat_path);
  CHECK(chats->query->limit == 50);
  CHECK_FALSE(chats->query->before);
  send(with_query(chat_path, {{"before", "4201"}, {"limit", "100"}}));
  CHECK(chats->query->before == 4201);
  CHECK(chats->query->limit == 100);
  send(with_query(chat_path, {{"after", "4201"}}));
  CHECK(chats->query->after == 4201);
  send(with_query(chat_path, {{"before_seq", "9"}}));
  CHECK(chats->query->before_seq == 9);
  send(with_query(stream_chat_path, {{"after_seq", "0"}}));
  CHECK(chats->query->after_seq == 0);
}

TEST_CASE_METHOD(api_fixture, "chat: a wrong history query is named", "[net][http][chat]") {
  const auto [name, value] =
      GENERATE(table<std::string, std::string>({{"before", "0"},
                                                {"before", "x"},
                                                {"before", ""},
                                                {"after", "9007199254740992"},
                                                {"before_seq", "0"},
                                                {"after_seq", "-1"},
                                                {"after_seq", "1.0"},
                                                {"limit", "0"},
                                                {"limit", "101"},
                                                {"limit", " 1"}}));
  const auto refused = send(with_query(chat_path, {{name, value}}));
  CHECK(refused.status() == 400);
  CHECK(refused.message().starts_with("\"" + name + "\""));
  CHECK(send(with_query(chat_path, {{"before", "1"}, {"after_seq", "1"}})).status() == 400);
  CHECK(chats->calls == 0);
}

TEST_CASE_METHOD(api_fixture, "chat: a message is deleted with a reason or without",
                 "[net][http][chat]") {
  CHECK(send("DELETE", "/api/v1/channels/7/chat/41", "user-9", R"({"reason":"spam"})").status() ==
        204);
  CHECK(chats->channel == 7);
  CHECK(chats->target == 41);
  CHECK(chats->reason == "spam");
  const auto gone = send("DELETE", "/api/v1/streams/42/chat/43", "user-7");
  CHECK(gone.status() == 204);
  CHECK(gone.text().empty());
  CHECK(chats->target == 43);
  CHECK(chats->reason.empty());
  CHECK(send("DELETE", "/api/v1/channels/7/chat/41", "user-8").status() == 403);
  CHECK(send("DELETE", "/api/v1/channels/7/chat/41", "user-9", R"({"reason":1})").status() == 400);
}

TEST_CASE_METHOD(api_fixture, "chat: the mode changes only where it is given",
                 "[net][http][chat]") {
  const auto path = "/api/v1/channels/7/chat/mode";
  CHECK(send("GET", path).text() == R"({"slow_mode_s":10,"followers_only_min_age_s":null})");
  const auto set = send("PATCH", path, "user-9", R"({"slow_mode_s":3600})");
  CHECK(set.text() == R"({"slow_mode_s":3,"followers_only_min_age_s":60})");
  CHECK(chats->change->slow_s == 3600);
  CHECK_FALSE(chats->change->sets_followers_only);
  send("PATCH", path, "user-9", R"({"followers_only_min_age_s":0})");
  CHECK_FALSE(chats->change->slow_s);
  CHECK(chats->change->sets_followers_only);
  CHECK(chats->change->followers_only_min_age_s == 0);
  send("PATCH", path, "user-9", R"({"followers_only_min_age_s":null})");
  CHECK(chats->change->sets_followers_only);
  CHECK_FALSE(chats->change->followers_only_min_age_s);
  for (const auto* wrong :
       {R"({"slow_mode_s":3601})", R"({"slow_mode_s":-1})", R"({"slow_mode_s":1.5})",
        R"({"slow_mode_s":"1"})", R"({"followers_only_min_age_s":7776001})"}) {
    CHECK(send("PATCH", path, "user-9", wrong).status() == 400);
  }
  CHECK(send("PATCH", path, "user-8", "{}").status() == 403);
}

TEST_CASE_METHOD(api_fixture, "chat: the owner appoints and dismisses moderators",
                 "[net][http][chat]") {
  chats->all_moderators = {{9, "cem", from_unix_ms(noon_ms)}};
  CHECK(send("GET", "/api/v1/channels/7/moderators").text() ==
        R"({"items":[{"user_id":9,"username":"cem","since":"2026-01-15T10:30:00.123Z"}],)"
        R"("next":null})");
  CHECK(send("PUT", "/api/v1/channels/7/moderators/8", "user-7").status() == 204);
  CHECK(chats->is_on);
  CHECK(chats->target == 8);
  CHECK(send("DELETE", "/api/v1/channels/7/moderators/8", "admin-1").status() == 204);
  CHECK_FALSE(chats->is_on);
  CHECK(send("PUT", "/api/v1/channels/7/moderators/8", "user-9").status() == 403);
}

TEST_CASE_METHOD(api_fixture, "chat: bans are listed, made and lifted", "[net][http][chat]") {
  chats->all_bans = {{.user = 8,
                      .username = "bo",
                      .until = std::nullopt,
                      .reason = "spam",
                      .by = 9,
                      .by_name = "cem",
                      .created_at = from_unix_ms(noon_ms)}};
  CHECK(send(with_query("/api/v1/channels/7/bans", {{"limit", "5"}, {"cursor", "c"}}, "user-9"))
            .text() ==
        R"({"items":[{"user_id":8,"username":"bo","until":null,"reason":"spam",)"
        R"("by":{"user_id":9,"username":"cem"},"created_at":"2026-01-15T10:30:00.123Z"}],)"
        R"("next":"next-1"})");
  CHECK(chats->limit == 5);
  CHECK(chats->cursor == "c");
  CHECK(send("GET", "/api/v1/channels/7/bans", "user-8").status() == 403);
  CHECK(send(with_query("/api/v1/channels/7/bans", {{"cursor", "a b"}}, "user-9")).status() == 400);

  const auto path = "/api/v1/channels/7/bans/8";
  CHECK(send("PUT", path, "user-9", R"({"duration_s":600,"reason":"spam"})").status() == 204);
  CHECK(chats->duration_s == 600);
  CHECK(chats->reason == "spam");
  CHECK(chats->target == 8);
  CHECK(send("PUT", path, "user-9").status() == 204);
  CHECK_FALSE(chats->duration_s);
  CHECK(send("PUT", path, "user-9", R"({"duration_s":0})").status() == 400);
  CHECK(send("PUT", path, "user-9", R"({"duration_s":1209601})").status() == 400);
  CHECK(send("DELETE", path, "user-9").status() == 204);
  CHECK_FALSE(chats->is_on);
}

TEST_CASE_METHOD(api_fixture, "chat: words are replaced as a whole", "[net][http][chat]") {
  const auto path = "/api/v1/channels/7/chat/words";
  CHECK(send("GET", path, "user-9").text() == R"({"words":[{"word":"spoiler","action":"hold"}]})");
  const auto set =
      send("PUT", path, "user-9",
           R"({"words":[{"word":" 禁 ","action":"mask"},{"word":"b","action":"refuse"}]})");
  CHECK(set.status() == 200);
  CHECK(set.text() ==
        R"({"words":[{"word":"禁","action":"mask"},{"word":"b","action":"refuse"}]})");
  CHECK(send("PUT", path, "user-9", R"({"words":[]})").text() == R"({"words":[]})");
  for (const auto* wrong :
       {"{}", R"({"words":{}})", R"({"words":["a"]})", R"({"words":[{"word":"a"}]})",
        R"({"words":[{"word":"","action":"mask"}]})", R"({"words":[{"word":"a","action":"x"}]})",
        R"({"words":[{"word":"a\n","action":"mask"}]})",
        R"({"words":[{"word":1,"action":"mask"}]})"}) {
    CHECK(send("PUT", path, "user-9", wrong).status() == 400);
  }
}

TEST_CASE_METHOD(api_fixture, "chat: 500 words of 64 characters fit, one more does not",
                 "[net][http][chat]") {
  const auto list_of = [](int count, int length) {
    boost::json::array words;
    std::string word;
    for (int i = 0; i < length; ++i) {
      word += "禁";
    }
    for (int i = 0; i < count; ++i) {
      words.push_back({{"word", word}, {"action", "refuse"}});
    }
    return boost::json::serialize(boost::json::value{{"words", std::move(words)}});
  };
  const auto path = "/api/v1/channels/7/chat/words";
  CHECK(send("PUT", path, "user-9", list_of(500, 64)).status() == 200);
  CHECK(chats->rules.size() == 500);
  CHECK(send("PUT", path, "user-9", list_of(501, 1)).status() == 400);
  CHECK(send("PUT", path, "user-9", list_of(1, 65)).status() == 400);
}

TEST_CASE_METHOD(api_fixture, "chat: held messages are shown and decided", "[net][http][chat]") {
  chats->all_held = {{.message_id = 41,
                      .user = 8,
                      .username = "bo",
                      .text = "a spoiler",
                      .word = "spoiler",
                      .created_ms = noon_ms}};
  CHECK(send("GET", "/api/v1/channels/7/chat/held", "user-9").text() ==
        R"({"items":[{"message_id":41,"user":{"user_id":8,"username":"bo"},)"
        R"("message":"a spoiler","word":"spoiler","created_at":"2026-01-15T10:30:00.123Z"}],)"
        R"("next":null})");
  const auto path = "/api/v1/channels/7/chat/held/41";
  CHECK(send("POST", path, "user-9", R"({"action":"allow"})").status() == 204);
  CHECK(chats->is_on);
  CHECK(send("POST", path, "user-9", R"({"action":"deny"})").status() == 204);
  CHECK_FALSE(chats->is_on);
  CHECK(chats->target == 41);
  CHECK(send("POST", path, "user-9", R"({"action":"maybe"})").status() == 400);
  CHECK(send("POST", path, "user-8", R"({"action":"deny"})").status() == 403);
}

TEST_CASE_METHOD(api_fixture, "chat: the log says who did what to whom and why",
                 "[net][http][chat]") {
  chats->log = {{.log_id = 99,
                 .action = "delete",
                 .by = 9,
                 .by_name = "cem",
                 .user = 8,
                 .username = "bo",
                 .message_id = 41,
                 .text = "Hello",
                 .reason = "spam",
                 .details = R"({"a":1})",
                 .created_at = from_unix_ms(noon_ms)},
                chat::log_entry()};
  chats->log[1].log_id = 98;
  chats->log[1].action = "mode";
  chats->log[1].details = "broken";
  const auto shown = send("GET", "/api/v1/channels/7/chat/log", "admin-1").json();
  CHECK(shown.at("next").is_null());
  CHECK(boost::json::serialize(shown.at("items").at(0)) ==
        R"({"log_id":99,"action":"delete","by":{"user_id":9,"username":"cem"},)"
        R"("user":{"user_id":8,"username":"bo"},"message_id":41,"message":"Hello",)"
        R"("reason":"spam","details":{"a":1},"created_at":"2026-01-15T10:30:00.123Z"})");
  const auto& bare = shown.at("items").at(1);
  for (const auto* name : {"by", "user", "message_id", "message", "reason"}) {
    CHECK(bare.at(name).is_null());
  }
  CHECK(bare.at("details") == boost::json::object());
}

TEST_CASE_METHOD(api_fixture, "chat: every command of a moderator may say why",
                 "[net][http][chat]") {
  struct row {
    std::string method;
    std::string rest;
    std::string fields;
  };

  const auto each = GENERATE(
      row{"DELETE", "/chat/41", ""}, row{"PATCH", "/chat/mode", R"("slow_mode_s":5,)"},
      row{"PUT", "/chat/words", R"("words":[],)"}, row{"PUT", "/bans/8", ""},
      row{"DELETE", "/bans/8", ""}, row{"PUT", "/moderators/8", ""},
      row{"DELETE", "/moderators/8", ""}, row{"POST", "/chat/held/41", R"("action":"allow",)"});
  INFO(each.method << " " << each.rest);
  const auto path = "/api/v1/channels/7" + each.rest;
  CHECK(send(each.method, path, "user-7", "{" + each.fields + R"("reason":"spam"})").status() <
        300);
  CHECK(chats->reason == "spam");
  CHECK(send(each.method, path, "user-7", "{" + each.fields + R"("reason":null})").status() < 300);
  CHECK(chats->reason.empty());
  const auto calls = chats->calls;
  CHECK(send(each.method, path, "user-7", "{" + each.fields + R"("reason":5})").status() == 400);
  CHECK(chats->calls == calls);
}

TEST_CASE_METHOD(api_fixture, "chat: a card shows also what was deleted", "[net][http][chat]") {
  auto gone = message(2, "sorry");
  gone.kind = chat::event_kind::deleted;
  chats->shown_card = {.user = 8,
                       .username = "bo",
                       .role = chat::role::moderator,
                       .is_banned = true,
                       .banned_until = from_unix_ms(noon_ms),
                       .followed_at = std::nullopt,
                       .messages = {message(1, "a"), gone}};
  const auto card = send("GET", "/api/v1/channels/7/chat/users/8", "user-9").json();
  CHECK(card.at("role") == "moderator");
  CHECK(card.at("banned") == true);
  CHECK(card.at("until") == "2026-01-15T10:30:00.123Z");
  CHECK(card.at("followed_at").is_null());
  CHECK(card.at("messages").at(0).at("deleted") == false);
  CHECK(card.at("messages").at(1).at("deleted") == true);
  CHECK(card.at("messages").at(1).at("message") == "sorry");
  CHECK(send("GET", "/api/v1/channels/7/chat/users/8", "user-8").status() == 403);
}

}  // namespace
}  // namespace troupe::http::testing
