// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

using namespace std::chrono_literals;

TEST_CASE_METHOD(api_fixture, "cluster: administrators see the nodes", "[net][http]") {
  cluster->all = {.asked = "a",
                  .view = 7,
                  .sentence = "is active",
                  .nodes = {{.node = "a",
                             .state = "active",
                             .incarnation = 17,
                             .address = "10.0.0.1:4040",
                             .roles = {"edge", "rooms"},
                             .answers = true,
                             .is_suspected = false,
                             .heard_ago = {},
                             .version = "1.0",
                             .uptime = 60s,
                             .http_port = 8080,
                             .rtmp_port = 1935,
                             .counts = {{"connections", 3}, {"room entities", 2}}},
                            {.node = "b",
                             .state = "active",
                             .incarnation = 18,
                             .address = "10.0.0.2:4040",
                             .roles = {},
                             .answers = false,
                             .is_suspected = true,
                             .heard_ago = 700ms,
                             .version = {},
                             .uptime = {},
                             .http_port = 0,
                             .rtmp_port = 0,
                             .counts = {}}}};
  CHECK(send("GET", "/api/v1/admin/cluster", "user-7").status() == 403);
  const auto got = send("GET", "/api/v1/admin/cluster", "admin-1");
  REQUIRE(got.status() == 200);
  const auto body = got.json();
  CHECK(body.at("view") == 7);
  CHECK(body.at("nodes").at(0).at("counts").at("room entities") == 2);
  CHECK(body.at("nodes").at(0).at("heard_ago_ms").is_null());
  CHECK(body.at("nodes").at(1).at("heard_ago_ms") == 700);
  CHECK(body.at("nodes").at(1).at("is_suspected") == true);
}

TEST_CASE_METHOD(api_fixture, "cluster: the tree has an end", "[net][http]") {
  const auto count = GENERATE(as<std::size_t>(), 2, 5000, 5001);
  cluster->items.assign(count, {.depth = 1,
                                .name = "room/7",
                                .kind = "entity",
                                .state = "active",
                                .restarts = 0,
                                .waiting = 4});
  const auto body = send("GET", "/api/v1/admin/cluster/tree", "admin-1").json();
  CHECK(body.at("items").as_array().size() == std::min<std::size_t>(count, 5000));
  CHECK(body.at("is_whole") == (count <= 5000));
  CHECK(body.at("items").at(0).at("waiting") == 4);
}

TEST_CASE_METHOD(api_fixture, "cluster: administrators move entities", "[net][http]") {
  const std::string path = "/api/v1/admin/cluster/move";
  CHECK(send("POST", path, "admin-1", R"({"name":"room/7"})").status() == 400);
  CHECK(cluster->asked.empty());
  cluster->moved = entity_move{.name = "room/7", .from = "a", .to = "b", .pause = 1500us};
  const auto got = send("POST", path, "admin-1", R"({"name":"room/7","node":"b"})");
  REQUIRE(got.status() == 200);
  CHECK(got.json().at("pause_ms") == 1.5);
  CHECK(got.json().at("node") == "b");
  CHECK(cluster->asked == std::vector<std::string>{"move room/7 b"});
  cluster->moved = fail(errc::conflict, "is_there", "it is there already");
  CHECK(send("POST", path, "admin-1", R"({"name":"room/7","node":"b"})").code() == "is_there");
}

TEST_CASE_METHOD(api_fixture, "cluster: administrators drain nodes", "[net][http]") {
  const std::string path = "/api/v1/admin/cluster/drain";
  CHECK(send("POST", path, "user-7", R"({"node":"b"})").status() == 403);
  CHECK(send("POST", path, "admin-1").status() == 400);
  CHECK(cluster->asked.empty());
  CHECK(send("POST", path, "admin-1", R"({"node":"b"})").status() == 202);
  CHECK(cluster->asked == std::vector<std::string>{"drain b"});
  cluster->drained = fail(errc::not_found, "no_such_node", "there is no node x");
  CHECK(send("POST", path, "admin-1", R"({"node":"x"})").status() == 404);
}

}  // namespace
}  // namespace troupe::http::testing
