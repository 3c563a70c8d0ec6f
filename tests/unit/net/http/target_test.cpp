// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/target.hpp"

#include <catch2/catch.hpp>

using namespace troupe;

namespace {

std::string path_of(std::string_view text) {
  const auto t = http::parse_target(text);
  return t ? t->path : "refused: " + t.error().reason;
}

}  // namespace

TEST_CASE("target: decodes paths", "[net][target]") {
  CHECK(path_of("/") == "/");
  CHECK(path_of("/live/1/master.m3u8?_HLS_msn=4") == "/live/1/master.m3u8");
  CHECK(path_of("/a%20b/%E3%81%82") == "/a b/\u3042");
  CHECK(path_of("/a/") == "/a/");
  CHECK(path_of("/a+b") == "/a+b");
  CHECK(path_of("/..a/.b/c..") == "/..a/.b/c..");
}

TEST_CASE("target: takes the absolute form apart", "[net][target]") {
  CHECK(path_of("http://host:80/a") == "/a");
  CHECK(path_of("HTTPS://host/a?b") == "/a");
  CHECK(path_of("http://host") == "/");
  CHECK(path_of("http://host?x=1") == "/");
  CHECK(http::parse_target("http://host?x=1")->query.front().second == "1");
}

TEST_CASE("target: refuses what could mean two things", "[net][target]") {
  for (const auto* bad : {"",
                          "a",
                          "*",
                          "host:443",
                          "ftp://host/a",
                          "?a",
                          "/a#b",
                          "/%",
                          "/%4",
                          "/%4g",
                          "/%+4",
                          "/%00",
                          "/%0a",
                          "/%7f",
                          "/a%2fb",
                          "/a%2Fb",
                          "/a%5cb",
                          "/a\\b",
                          "/.",
                          "/..",
                          "/a/../b",
                          "/a/./b",
                          "/%2e%2e/b",
                          "/a/%2E",
                          "//",
                          "//a",
                          "/a//b",
                          "/%ff",
                          "/%c0%af",
                          "/%ed%a0%80",
                          "http:///a/..",
                          "/a?b=%",
                          "/a?b=%zz",
                          "/a?%00",
                          "/a?b=%ff",
                          "/a?b=%0d%0a"}) {
    INFO(bad);
    CHECK(path_of(bad) == "refused: invalid_target");
  }
}

TEST_CASE("target: reads the query in order", "[net][target]") {
  const auto t = http::parse_target("/a?b=1&&b=%26+x&flag&=v&c=d=e");
  REQUIRE(t);
  using pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(t->query == pairs{{"b", "1"}, {"b", "& x"}, {"flag", ""}, {"", "v"}, {"c", "d=e"}});
  CHECK(http::parse_target("/a?")->query.empty());
}

TEST_CASE("target: bounds the number of query parameters", "[net][target]") {
  std::string text = "/a?";
  for (int i = 0; i < 64; ++i) {
    text += "x=1&";
  }
  CHECK(http::parse_target(text)->query.size() == 64);
  CHECK_FALSE(http::parse_target(text + "x=1"));
}
