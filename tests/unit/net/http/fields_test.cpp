// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/fields.hpp"

#include <catch2/catch.hpp>

namespace troupe::http {
namespace {

request with_body(std::string body, std::string type = "application/json") {
  request r;
  r.headers = {{"content-type", std::move(type)}};
  r.body = std::move(body);
  return r;
}

result<fields> read(std::string body, std::string type = "application/json") {
  return fields::read(with_body(std::move(body), std::move(type)), 1000, fields::form::allowed);
}

constexpr auto form_type = "application/x-www-form-urlencoded; charset=utf-8";

TEST_CASE("fields: reads JSON, the last of equal names counts", "[net][http]") {
  const auto body = read(R"({"a":"x","n":7,"yes":true,"none":null,"more":{"deep":[1]},"a":"é"})");
  REQUIRE(body);
  CHECK(body->text("a") == "é");
  CHECK(body->optional_id("n") == 7);
  CHECK(body->flag("yes") == true);
  CHECK(body->flag("no") == false);
  CHECK(body->optional_text("none") == std::nullopt);
  CHECK(body->optional_id("none") == std::nullopt);
}

TEST_CASE("fields: a wrong type names its field", "[net][http]") {
  const auto body =
      read(R"({"a":1,"n":"7","f":1.5,"z":0,"big":18446744073709551615,"yes":"true"})");
  REQUIRE(body);
  CHECK(body->text("a").error() == make_error(errc::invalid_argument, "\"a\" must be text"));
  CHECK(body->text("b").error() == make_error(errc::invalid_argument, "\"b\" is missing"));
  CHECK(body->flag("yes").error().message == "\"yes\" must be true or false");
  const auto name = GENERATE(as<std::string>{}, "n", "f", "z", "big");
  CHECK(body->optional_id(name).error().code == errc::invalid_argument);
}

TEST_CASE("fields: refuses what is not JSON, too deep or no object", "[net][http]") {
  const auto text = GENERATE(as<std::string>{}, "{", "[]", "1", "{\"a\":\"\xFF\"}", "{}x", " ",
                             "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", "{'a':1}", "{\"a\":NaN}");
  const auto body = read(text);
  INFO(text);
  REQUIRE_FALSE(body);
  CHECK(body.error().reason == "invalid_json");
}

TEST_CASE("fields: reads forms", "[net][http]") {
  const auto body = read("a=x+y&n=7&yes=true&empty=&bare", form_type);
  REQUIRE(body);
  CHECK(body->text("a") == "x y");
  CHECK(body->optional_id("n") == 7);
  CHECK(body->flag("yes") == true);
  CHECK(body->text("empty") == "");
  CHECK(body->text("bare") == "");
  CHECK_FALSE(read("yes=1", form_type)->flag("yes"));
  CHECK_FALSE(read("n=x", form_type)->optional_id("n"));
}

TEST_CASE("fields: refuses broken and long forms", "[net][http]") {
  std::string many;
  for (int i = 0; i < 65; ++i) {
    many += "a=" + std::to_string(i) + "&";
  }
  const auto text = GENERATE_COPY(as<std::string>{}, "a=%", "a=%FF", "%FF=1", many);
  const auto body = read(text, form_type);
  REQUIRE_FALSE(body);
  CHECK(body.error().reason == "invalid_form");
}

TEST_CASE("fields: looks at type and size before the content", "[net][http]") {
  CHECK(read("").has_value());
  CHECK(read("{}", "Application/JSON ; charset=utf-8").has_value());
  CHECK(read(std::string(1001, ' ')).error().code == errc::too_large);
  CHECK(read("{}", "text/plain").error().code == errc::unsupported);
  CHECK(read("{}", "").error().code == errc::unsupported);
  CHECK(fields::read(with_body("a=b", form_type), 1000).error().reason == "unsupported_media_type");
}

}  // namespace
}  // namespace troupe::http
