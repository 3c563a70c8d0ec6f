// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/publish_name.hpp"

#include <catch2/catch.hpp>

using troupe::rtmp::publish_name;
using troupe::rtmp::read_publish_name;

TEST_CASE("publish_name: what people make of server and key", "[net][rtmp]") {
  const publish_name expected{.app = "app", .key = "KEY"};
  CHECK(read_publish_name("app", "KEY") == expected);
  CHECK(read_publish_name("app/", "/KEY/") == expected);
  CHECK(read_publish_name("/app", "KEY?user=me&x=/y") == expected);
  CHECK(read_publish_name("app?token=1", "KEY") == expected);
  CHECK(read_publish_name("app/KEY", "") == expected);
  CHECK(read_publish_name("app/KEY?x=y", "") == expected);
  CHECK(read_publish_name("app/KEY/", "?x=y") == expected);
  CHECK(read_publish_name("app", "app/KEY") == expected);
  CHECK(read_publish_name("app/_definst_", "KEY") == expected);
  CHECK(read_publish_name("", "app/KEY") == publish_name{.app = "", .key = "KEY"});
  CHECK(read_publish_name("live", "KEY") == publish_name{.app = "live", .key = "KEY"});
}

TEST_CASE("publish_name: no key is no key", "[net][rtmp]") {
  CHECK(read_publish_name("app", "").key.empty());
  CHECK(read_publish_name("app", "?KEY").key.empty());
  CHECK(read_publish_name("", "").key.empty());
  CHECK(read_publish_name("app/_definst_", "").key.empty());
  CHECK(read_publish_name("app", "a b").key.empty());
  CHECK(read_publish_name("app", std::string_view("a\0b", 3)).key.empty());
  CHECK(read_publish_name("app", "schlüssel").key.empty());
  CHECK(read_publish_name("app", std::string(256, 'k')).key.size() == 256);
  CHECK(read_publish_name("app", std::string(257, 'k')).key.empty());
}
