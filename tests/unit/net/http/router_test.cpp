// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/router.hpp"

#include <catch2/catch.hpp>

namespace troupe::http {
namespace {

router make_router() {
  router table;
  const auto nothing = [](call) {};
  table.add({"GET", "/streams", access::everyone, nothing});
  table.add({"GET", "/streams/{stream_id}", access::everyone, nothing});
  table.add({"POST", "/streams/{stream_id}/end", access::owner, nothing});
  table.add({"POST", "/streams/start", access::user, nothing});
  table.add({"POST", "/streams", access::user, nothing});
  table.add({"PUT", "/channels/{user_id}/bans/{banned_id}", access::moderator, nothing});
  table.add({"PATCH", "/channels/{user_id}/bans/{banned_id}", access::moderator, nothing});
  table.add({"DELETE", "/channels/{user_id}/bans/{banned_id}", access::moderator, nothing});
  table.add({"GET", "/channels/{user_id}/bans", access::moderator, nothing});
  return table;
}

TEST_CASE("router: finds a route by method and path", "[net][http]") {
  const auto table = make_router();
  const auto found = table.find("POST", "/streams/9007199254740991/end");
  REQUIRE(found.found != nullptr);
  CHECK(found.found->pattern == "/streams/{stream_id}/end");
  CHECK(found.captured == 9007199254740991);
  CHECK(table.find("HEAD", "/streams/7").found == table.find("GET", "/streams/7").found);
  CHECK(table.find("POST", "/streams/start").found->who == access::user);
}

TEST_CASE("router: what is no id, too long or too short matches nothing", "[net][http]") {
  const auto table = make_router();
  const auto path =
      GENERATE(as<std::string>{}, "", "/", "streams", "/streams/", "/streams/abc", "/streams/0",
               "/streams/-1", "/streams/9007199254740992", "/streams/7/", "/streams/7/end/x",
               "//streams", "/streams//end", "/streams/{stream_id}", "/streamsx", "/stream");
  const auto outcome = table.find("GET", path);
  INFO(path);
  CHECK(outcome.found == nullptr);
  CHECK(outcome.allow.empty());
}

TEST_CASE("router: captures two ids in the order of the path", "[net][http]") {
  const auto table = make_router();
  const auto method = GENERATE(as<std::string>{}, "PUT", "PATCH", "DELETE");
  const auto found = table.find(method, "/channels/12/bans/345");
  REQUIRE(found.found != nullptr);
  CHECK(found.found->method == method);
  CHECK(found.captured == 12);
  CHECK(found.captured2 == 345);
  for (const auto* wrong : {"/channels/12/bans/0", "/channels/x/bans/345", "/channels/12/bans/",
                            "/channels/12/bans/345/", "/channels//bans/345"}) {
    CHECK(table.find(method, wrong).found == nullptr);
  }
  const auto one = table.find("GET", "/channels/12/bans");
  CHECK(one.captured == 12);
  CHECK(one.captured2 == 0);
}

TEST_CASE("router: names the methods that a path takes", "[net][http]") {
  const auto table = make_router();
  CHECK(table.find("PUT", "/streams").allow == "GET, HEAD, POST, OPTIONS");
  CHECK(table.find("GET", "/streams/start").allow == "POST, OPTIONS");
  CHECK(table.find("get", "/streams/7").allow == "GET, HEAD, OPTIONS");
  CHECK(table.find("GET", "/channels/1/bans/2").allow == "PUT, PATCH, DELETE, OPTIONS");
  CHECK(table.find("TRACE", "/channels/1/bans/2").found == nullptr);
}

}  // namespace
}  // namespace troupe::http
