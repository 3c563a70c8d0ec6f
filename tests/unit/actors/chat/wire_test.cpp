// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/wire.hpp"

#include <chrono>
#include <iostream>
#include <random>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "base/clock.hpp"

namespace troupe::chat {
namespace {

constexpr std::int64_t moment_ms = 1'768'473'000'123;  // 2026-01-15T10:30:00.123Z

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

event message() {
  event e;
  e.seq = 42;
  e.message_id = 4213;
  e.user = 8;
  e.username = "bo";
  e.text = "Hello";
  e.created_ms = moment_ms;
  return e;
}

TEST_CASE("wire: a message is exactly so", "[actors][chat][wire]") {
  auto e = message();
  CHECK(to_json(e) == R"({"type":"message","seq":42,"message_id":4213,"stream_id":null,)"
                      R"("user":{"user_id":8,"username":"bo","role":"user"},"message":"Hello",)"
                      R"("created_at":"2026-01-15T10:30:00.123Z"})");
  e.stream = 48213;
  e.author_role = role::owner;
  e.nonce = "c\"1";
  e.text = "こんにちは \"you\"\n";
  e.reply_to = quote{4212, 7, "aya", "a\\b"};
  CHECK(to_json(e) ==
        R"({"type":"message","seq":42,"message_id":4213,"stream_id":48213,)"
        R"("user":{"user_id":8,"username":"bo","role":"owner"},"message":"こんにちは \"you\"\n",)"
        R"("nonce":"c\"1",)"
        R"("reply_to":{"message_id":4212,"user_id":7,"username":"aya","message":"a\\b"},)"
        R"("created_at":"2026-01-15T10:30:00.123Z"})");
}

TEST_CASE("wire: every other event is exactly so", "[actors][chat][wire]") {
  event e = message();
  e.kind = event_kind::deleted;
  CHECK(to_json(e) == R"({"type":"deleted","seq":42,"message_id":4213})");
  e.kind = event_kind::cleared;
  CHECK(to_json(e) == R"({"type":"cleared","seq":42,"user_id":8})");
  e.kind = event_kind::mode;
  e.mode = {30, 0};
  CHECK(to_json(e) == R"({"type":"mode","seq":42,"slow_mode_s":30,"followers_only_min_age_s":0})");
  e.kind = event_kind::ban;
  e.is_on = true;
  CHECK(to_json(e) ==
        R"({"type":"ban","seq":42,"user_id":8,"username":"bo","active":true,"until":null})");
  e.until_ms = moment_ms;
  e.is_on = false;
  CHECK(to_json(e) == R"({"type":"ban","seq":42,"user_id":8,"username":"bo","active":false,)"
                      R"("until":"2026-01-15T10:30:00.123Z"})");
  e.kind = event_kind::role;
  e.author_role = role::moderator;
  CHECK(to_json(e) == R"({"type":"role","seq":42,"user_id":8,"username":"bo","role":"moderator"})");
}

TEST_CASE("wire: notices and pieces are exactly so", "[actors][chat][wire]") {
  CHECK(to_json(stream_notice{42, "live", "A \"title\""}) ==
        R"({"type":"stream","stream_id":42,"status":"live","title":"A \"title\""})");
  CHECK(viewers_json(0) == R"({"type":"viewers","count":0})");
  CHECK(held_json(3) == R"({"type":"held","count":3})");
  CHECK(deleted_json(9, 41) == R"({"type":"deleted","seq":9,"message_id":41})");
  CHECK(to_json(mode{0, std::nullopt}) == R"({"slow_mode_s":0,"followers_only_min_age_s":null})");
  CHECK(user_json(7, "aya", role::owner) == R"({"user_id":7,"username":"aya","role":"owner"})");
  CHECK(time_text(0) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("wire: escapes what RFC 8259 wants escaped, and nothing else", "[actors][chat][wire]") {
  CHECK(quoted("") == "\"\"");
  CHECK(quoted("\"\\/\b\f\n\r\t") == R"("\"\\/\b\f\n\r\t")");
  CHECK(quoted(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\x7f\"");
  CHECK(quoted("é€😀") == "\"é€😀\"");
}

TEST_CASE("wire: what is not UTF-8 becomes U+FFFD", "[actors][chat][wire]") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(quoted("a\x80z") == "\"a" + bad + "z\"");
  CHECK(quoted("a\xC0\xAFz") == "\"a" + bad + bad + "z\"");                  // overlong
  CHECK(quoted("\xED\xA0\x80") == "\"" + bad + bad + bad + "\"");            // a surrogate
  CHECK(quoted("\xF4\x90\x80\x80") == "\"" + bad + bad + bad + bad + "\"");  // beyond U+10FFFF
  CHECK(quoted("a\xE2\x82") == "\"a" + bad + bad + "\"");                    // cut off
  CHECK(quoted("\xE2\x28\xA1") == "\"" + bad + "(" + bad + "\"");
  CHECK(quoted("\xE0\x9F\xBF") == "\"" + bad + bad + bad + "\"");  // overlong
  CHECK(quoted("\xF0\x8F\xBF\xBF") == "\"" + bad + bad + bad + bad + "\"");
}

TEST_CASE("wire: another parser reads back what was written", "[actors][chat][wire]") {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> any_length(0, 40);
  // Mostly the borders of UTF-8 and of what is escaped.
  const std::vector<std::string> pieces = {"a",
                                           "\"",
                                           "\\",
                                           "\n",
                                           "\x01",
                                           "\x7f",
                                           "é",
                                           "\xE0\xA0\x80",
                                           "\xED\x9F\xBF",
                                           "\xEE\x80\x80",
                                           "\xF0\x90\x80\x80",
                                           "\xF4\x8F\xBF\xBF",
                                           "/",
                                           "\xE2\x80\xA8"};
  std::uniform_int_distribution<std::size_t> any(0, pieces.size() - 1);
  for (int i = 0; i < 2000; ++i) {
    auto e = message();
    e.text.clear();
    for (int left = any_length(random); left > 0; --left) {
      e.text += pieces[any(random)];
    }
    e.nonce = e.text;
    e.reply_to = quote{1, 2, "x", e.text};
    const auto read = boost::json::parse(to_json(e));
    REQUIRE(read.at("message").as_string() == e.text);
    REQUIRE(read.at("reply_to").at("message").as_string() == e.text);
  }
}

TEST_CASE("wire: random bytes always become JSON", "[actors][chat][wire]") {
  std::mt19937 random(2);
  std::uniform_int_distribution<int> any_byte(0, 255);
  for (int i = 0; i < 5000; ++i) {
    auto e = message();
    e.text.assign(24, ' ');
    for (auto& c : e.text) {
      c = static_cast<char>(any_byte(random));
    }
    boost::system::error_code failure;
    boost::json::parse(to_json(e), failure);
    REQUIRE_FALSE(failure);
  }
}

TEST_CASE("wire: how fast it is", "[.bench][actors][chat][wire]") {
  auto e = message();
  e.text.assign(80, 'a');
  e.text += "\"こんにちは";
  e.nonce = "0123456789abcdef";
  constexpr int times = 500'000;
  std::size_t total = 0;
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    e.seq = i;
    total += to_json(e).size();
  }
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - before);
  std::cout << "to_json: " << took.count() / times * 1e9 << " ns of " << total / times
            << " bytes\n";
}

}  // namespace
}  // namespace troupe::chat
