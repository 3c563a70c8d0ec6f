// SPDX-License-Identifier: GPL-3.0-or-later
// The API over fakes, with a clock that the test moves. Every answer is held to openapi.json.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "net/http/api.hpp"
#include "tests/unit/net/http/fake_account_changes.hpp"
#include "tests/unit/net/http/fake_chats.hpp"
#include "tests/unit/net/http/fake_cluster.hpp"
#include "tests/unit/net/http/fake_follows.hpp"
#include "tests/unit/net/http/fakes.hpp"
#include "tests/unit/net/http/openapi_check.hpp"

namespace troupe::http::testing {

struct answer {
  response raw;

  int status() const { return raw.status; }

  std::string text() const {
    std::string all;
    for (const auto& part : raw.body) {
      all += as_text(part.view());
    }
    return all;
  }

  boost::json::value json() const { return boost::json::parse(text()); }

  /// "" for an answer that is no error.
  std::string code() const {
    const auto body = json();
    const auto* e = body.as_object().if_contains("error");
    return e == nullptr ? "" : std::string(e->at("code").as_string());
  }

  std::string message() const { return std::string(json().at("error").at("message").as_string()); }

  std::optional<std::string> header(const std::string& name) const {
    for (const auto& [key, value] : raw.headers) {
      if (key == name) {
        return value;
      }
    }
    return std::nullopt;
  }
};

using header_list = std::vector<std::pair<std::string, std::string>>;

inline request make_request(std::string method, std::string path, const std::string& token = "",
                            std::string body = "", header_list more = {}) {
  request r{.method = std::move(method),
            .path = std::move(path),
            .query = {},
            .headers = {{"host", "live.example.org:8080"}},
            .body = std::move(body),
            .remote_address = "203.0.113.9",
            .is_trusted = false};
  if (!token.empty()) {
    r.headers.emplace_back("authorization", "Bearer " + token);
  }
  const bool names_type =
      std::ranges::any_of(more, [](const auto& each) { return each.first == "content-type"; });
  if (!r.body.empty() && !names_type) {
    r.headers.emplace_back("content-type", "application/json");
  }
  r.headers.insert(r.headers.end(), more.begin(), more.end());
  return r;
}

/// As the documentation and OpenAPI write it.
inline std::string name_of(access who) {
  switch (who) {
    case access::everyone:
      return "everyone";
    case access::visitor:
      return "visitor";
    case access::user:
      return "user";
    case access::owner:
      return "owner";
    case access::moderator:
      return "moderator";
    case access::administrator:
      return "administrator";
    case access::operators:
      return "operators";
  }
  return "";
}

class api_fixture {
 public:
  manual_clock clock;
  troupe::metrics metrics;
  std::shared_ptr<fake_accounts> accounts = std::make_shared<fake_accounts>();
  std::shared_ptr<fake_changes> changes = std::make_shared<fake_changes>();
  std::shared_ptr<fake_streams> streams = std::make_shared<fake_streams>();
  std::shared_ptr<fake_chats> chats = std::make_shared<fake_chats>();
  std::shared_ptr<fake_follows> follows = std::make_shared<fake_follows>();
  std::shared_ptr<fake_cluster> cluster = std::make_shared<fake_cluster>();
  api_settings settings;
  std::optional<std::string> why_not_ready;

  http::api& api() {
    if (!api_) {
      api_ = http::api::make({.accounts = accounts,
                              .changes = changes,
                              .streams = streams,
                              .chats = chats,
                              .follows = follows,
                              .cluster = cluster,
                              .why_not_ready = [this] { return why_not_ready; },
                              .idempotency = nullptr,
                              .clock = clock,
                              .metrics = metrics},
                             settings);
    }
    return *api_;
  }

  /// Nothing when the API did not answer yet.
  std::shared_ptr<std::optional<response>> send_only(request r) {
    auto slot = std::make_shared<std::optional<response>>();
    api().handle(std::move(r), [slot](response given) {
      REQUIRE_FALSE(slot->has_value());
      *slot = std::move(given);
    });
    return slot;
  }

  answer send(const request& r) {
    const auto slot = send_only(r);
    REQUIRE(slot->has_value());
    check_documented(r, **slot);
    return {**slot};
  }

  answer send(std::string method, std::string path, const std::string& token = "",
              std::string body = "", header_list more = {}) {
    return send(
        make_request(std::move(method), std::move(path), token, std::move(body), std::move(more)));
  }

  /// The answer is one that openapi.json lists for its route.
  void check_documented(const request& r, const response& given) {
    const auto match = api().table().find(r.method, r.path);
    if (match.found != nullptr) {
      auto method = match.found->method;
      std::ranges::transform(method, method.begin(),
                             [](char c) { return static_cast<char>(c - 'A' + 'a'); });
      const auto problem = check_.problem(method, match.found->pattern, given);
      INFO(r.method << " " << r.path << " " << given.status << " " << answer{given}.text());
      CHECK(problem == "");
    }
  }

  const openapi_check& document() const { return check_; }

  void forget_api() { api_.reset(); }

 private:
  std::shared_ptr<http::api> api_;
  openapi_check check_;
};

}  // namespace troupe::http::testing
