// SPDX-License-Identifier: GPL-3.0-or-later
// docs/api-access.md is held to the table of routes: every call, with who may.
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "tests/unit/net/http/api_fixture.hpp"

namespace troupe::http::testing {
namespace {

TEST_CASE_METHOD(api_fixture, "api: docs/api-access.md lists exactly the calls, with who may",
                 "[net][http]") {
  std::ifstream file(std::string(TROUPE_SOURCE_DIR) + "/docs/api-access.md");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::regex row(R"(\| (GET|POST|PUT|PATCH|DELETE) \| `([^`]+)` \| ([a-z]+) \|)");
  std::set<std::string> listed;
  for (std::sregex_iterator each(text.begin(), text.end(), row), end; each != end; ++each) {
    listed.insert("| " + (*each)[1].str() + " | `" + (*each)[2].str() + "` | " + (*each)[3].str() +
                  " |");
  }
  for (const auto& each : api().table().routes()) {
    const auto line =
        "| " + each.method + " | `" + each.pattern + "` | " + name_of(each.who) + " |";
    INFO("docs/api-access.md lacks: " << line);
    CHECK(listed.erase(line) == 1);
  }
  for (const auto& line : listed) {
    INFO("docs/api-access.md has what no route is: " << line);
    CHECK(false);
  }
}

/// What each kind of caller gets where the table says who may: 401, 403, or in.
TEST_CASE_METHOD(api_fixture, "api: every call refuses whom the table refuses", "[net][http]") {
  settings.limits.requests_per_minute_per_address = 0;
  settings.limits.requests_per_minute_per_user = 0;
  const std::regex capture(R"(\{[^}]+\})");
  int checked = 0;
  for (const auto& each : api().table().routes()) {
    const auto path = std::regex_replace(each.pattern, capture, "42");
    INFO(each.method << " " << path);
    const auto status = [&](const std::string& token) {
      const auto slot = send_only(make_request(each.method, path, token));
      return *slot ? (**slot).status : 0;
    };
    const bool is_open = each.who == access::everyone || each.who == access::visitor;
    const bool is_restricted = each.who == access::administrator || each.who == access::operators;
    if (!is_open) {
      CHECK(status("") == 401);
      CHECK(status("forged") == 401);
    }
    if (each.who == access::visitor) {
      CHECK(status("forged") == 401);
    }
    if (is_restricted) {
      CHECK(status("user-7") == 403);
      CHECK(status("admin-1") != 403);
    }
    ++checked;
  }
  CHECK(checked >= 30);
}

}  // namespace
}  // namespace troupe::http::testing
