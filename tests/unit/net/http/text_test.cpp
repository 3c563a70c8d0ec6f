// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/text.hpp"

#include <catch2/catch.hpp>

namespace troupe::http {
namespace {

TEST_CASE("count_code_points: counts UTF-8 and refuses what is not", "[net][http]") {
  CHECK(count_code_points("") == 0);
  CHECK(count_code_points("abc") == 3);
  CHECK(count_code_points("配信中") == 3);
  CHECK(count_code_points("\xF0\x9F\x8E\xA5") == 1);
  CHECK(count_code_points("\xF4\x8F\xBF\xBF") == 1);
  const auto broken = GENERATE(as<std::string>{}, "\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF",
                               "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                               "\xF5\x80\x80\x80", "\xE3\x81", "\xC3", "\xFF", "a\xF0\x9F\x8E");
  CHECK_FALSE(count_code_points(broken));
}

TEST_CASE("has_control_characters: C0, DEL and C1", "[net][http]") {
  CHECK(has_control_characters("a\nb"));
  CHECK(has_control_characters(std::string_view("a\0b", 3)));
  CHECK(has_control_characters("\x7F"));
  CHECK(has_control_characters("\xC2\x85"));
  CHECK_FALSE(has_control_characters("\xC2\xA0 é 配信"));
}

TEST_CASE("decode_form_value: plus, escapes and broken escapes", "[net][http]") {
  CHECK(decode_form_value("a+b%20c%2B%C3%A9") == "a b c+é");
  CHECK(decode_form_value("") == "");
  const auto broken = GENERATE(as<std::string>{}, "%", "%1", "%zz", "%1z", "% 1", "%-1", "%+1");
  CHECK_FALSE(decode_form_value(broken));
}

TEST_CASE("host_name: only what can stand in an address", "[net][http]") {
  CHECK(host_name("example.org") == "example.org");
  CHECK(host_name("example.org:8080") == "example.org");
  CHECK(host_name("10.0.0.1:80") == "10.0.0.1");
  CHECK(host_name("[2001:db8::1]:80") == "[2001:db8::1]");
  CHECK(host_name("[::1]") == "[::1]");
  const auto bad = GENERATE(as<std::string>{}, "", ":80", "a b", "a/b", "user@host", "host:80x",
                            "host:123456", "[::1", "[zz]", "[::1]x", "\"", "a:b:c", "h\n", "<x>");
  INFO(bad);
  CHECK_FALSE(host_name(bad));
  CHECK_FALSE(host_name(std::string(254, 'a')));
  CHECK_FALSE(host_name(std::string_view("[::1\0\r\n]", 8)));
}

TEST_CASE("cookie: finds a value among others and several headers", "[net][http]") {
  request r;
  r.headers = {{"cookie", "a=1; bc=2"}, {"x", "c=9"}, {"cookie", "c=3;d=\"4\"; e"}};
  using values = std::vector<std::string_view>;
  CHECK(cookies(r, "a") == values{"1"});
  CHECK(cookies(r, "bc") == values{"2"});
  CHECK(cookies(r, "c") == values{"3"});
  CHECK(cookies(r, "d") == values{"\"4\""});
  CHECK(cookies(r, "b").empty());
  CHECK(cookies(r, "e").empty());
}

}  // namespace
}  // namespace troupe::http
