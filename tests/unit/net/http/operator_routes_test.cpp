// SPDX-License-Identifier: GPL-3.0-or-later
// Life, readiness, metrics, and the document of the API against the table of routes.
#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

TEST_CASE_METHOD(api_fixture, "openapi: lists exactly the routes, with who may call them",
                 "[net][http]") {
  std::set<std::string> routes;
  for (const auto& each : api().table().routes()) {
    routes.insert(each.method + " " + each.pattern + " " + name_of(each.who));
  }
  std::set<std::string> listed;
  for (const auto& [path, operations] : document().document().at("paths").as_object()) {
    for (const auto& [method, operation] : operations.as_object()) {
      auto upper = std::string(method);
      std::ranges::transform(upper, upper.begin(),
                             [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      listed.insert(upper + " " + std::string(path) + " " +
                    std::string(operation.at("x-access").as_string()));
    }
  }
  CHECK(routes.size() == api().table().routes().size());
  CHECK(listed == routes);
}

TEST_CASE_METHOD(api_fixture, "openapi: what a route needs is what the document says",
                 "[net][http]") {
  const std::map<std::string, std::string> needed = {{"everyone", "[]"},
                                                     {"visitor", R"([{},{"bearer":[]}])"},
                                                     {"user", R"([{"bearer":[]}])"},
                                                     {"owner", R"([{"bearer":[]}])"},
                                                     {"moderator", R"([{"bearer":[]}])"},
                                                     {"administrator", R"([{"bearer":[]}])"},
                                                     {"operators", R"([{},{"bearer":[]}])"}};
  std::set<std::string> names;
  for (const auto& [path, operations] : document().document().at("paths").as_object()) {
    for (const auto& [method, operation] : operations.as_object()) {
      const auto who = std::string(operation.at("x-access").as_string());
      CHECK(boost::json::serialize(operation.at("security")) == needed.at(who));
      CHECK(names.insert(std::string(operation.at("operationId").as_string())).second);
      CHECK(operation.at("responses").as_object().contains("401") ==
            (who != "everyone" || path == "/api/v1/auth/token"));
      for (const auto* always : {"429", "500"}) {
        CHECK(operation.at("responses").as_object().contains(always));
      }
    }
  }
}

TEST_CASE_METHOD(api_fixture, "openapi: every example fits its schema", "[net][http]") {
  int examples = 0;
  const auto visit = [&](const auto& self, const boost::json::value& v) -> void {
    if (v.is_array()) {
      for (const auto& each : v.as_array()) {
        self(self, each);
      }
    }
    if (!v.is_object()) {
      return;
    }
    const auto& object = v.as_object();
    const auto* schema = object.if_contains("schema");
    if (const auto* example = object.if_contains("example");
        schema != nullptr && example != nullptr) {
      const auto reference = std::string(schema->at("$ref").as_string());
      CHECK(document().schema_problem(reference.substr(reference.rfind('/') + 1), *example) == "");
      ++examples;
    }
    for (const auto& [name, each] : object) {
      self(self, each);
    }
  };
  visit(visit, document().document());
  CHECK(examples >= 25);
}

TEST_CASE_METHOD(api_fixture, "openapi: is served as it is", "[net][http]") {
  const auto served = send("GET", "/api/v1/openapi.json");
  CHECK(served.status() == 200);
  CHECK(served.text() == openapi_json);
  CHECK(served.header("Content-Type") == "application/json");
  CHECK(served.header("Cache-Control") == "public, max-age=300");
}

TEST_CASE("openapi check: finds what does not conform", "[net][http]") {
  const openapi_check check;
  const auto problem = [&](int status, std::string body, std::string type = "application/json",
                           std::string cache = "no-store") {
    return check.problem("post", "/api/v1/users",
                         {.status = status,
                          .headers = {{"Content-Type", type}, {"Cache-Control", cache}},
                          .body = {shared_bytes(bytes(body.begin(), body.end()))}});
  };
  CHECK(problem(201, R"({"user_id":1,"username":"a"})") == "");
  CHECK(problem(200, R"({"user_id":1,"username":"a"})") != "");
  CHECK(problem(201, R"({"user_id":1})") != "");
  CHECK(problem(201, R"({"user_id":"1","username":"a"})") != "");
  CHECK(problem(201, R"({"user_id":0,"username":"a"})") != "");
  CHECK(problem(201, R"({"user_id":1,"username":"a","more":1})") != "");
  CHECK(problem(201, R"({"user_id":1,"username":"a"})", "text/html") != "");
  CHECK(problem(201, R"({"user_id":1,"username":"a"})", "application/json", "public") != "");
  CHECK(problem(429, R"({"error":{"code":"rate_limited","message":"m"}})") ==
        "header Retry-After is missing");
}

TEST_CASE_METHOD(api_fixture, "operators: life and readiness", "[net][http]") {
  CHECK(send("GET", "/healthz").json().at("status") == "ok");
  CHECK(send("GET", "/readyz").json().at("status") == "ready");
  why_not_ready = "the store does not answer";
  const auto not_ready = send("GET", "/readyz");
  CHECK(not_ready.status() == 503);
  CHECK(not_ready.code() == "not_ready");
  CHECK(not_ready.message() == "the store does not answer");
  CHECK(not_ready.header("Retry-After"));
  CHECK(send("GET", "/healthz").status() == 200);
}

TEST_CASE_METHOD(api_fixture, "operators: metrics are for them alone", "[net][http]") {
  CHECK(send("GET", "/metrics").status() == 401);
  CHECK(send("GET", "/metrics", "user-7").status() == 403);
  CHECK(send("GET", "/metrics", "admin-1").status() == 200);
  auto r = make_request("GET", "/metrics");
  r.is_trusted = true;
  const auto shown = send(r);
  CHECK(shown.status() == 200);
  CHECK(shown.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(shown.text().find("troupe_http_requests_total{method=\"GET\",route=\"/metrics\",status="
                          "\"2xx\"} 1") != std::string::npos);
  r.headers.emplace_back("x-forwarded-for", "127.0.0.1");  // through a proxy: anyone
  CHECK(send(r).status() == 401);
}

}  // namespace
}  // namespace troupe::http::testing
