// SPDX-License-Identifier: GPL-3.0-or-later
// A whole request against the HTTP API over fakes. Input, in lines: METHOD, PATH?QUERY (split at
// '?', '&', '='), then NAME: VALUE headers up to an empty line, then the body. What must hold: one
// answer, at once, with a status of ours, and JSON whenever it says so.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "net/http/api.hpp"
#include "tests/unit/net/http/fake_account_changes.hpp"
#include "tests/unit/net/http/fake_chats.hpp"
#include "tests/unit/net/http/fake_follows.hpp"
#include "tests/unit/net/http/fakes.hpp"

namespace {

using namespace troupe;

std::string_view cut(std::string_view& rest, char end) {
  const auto piece = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(rest.size(), piece.size() + 1));
  return piece;
}

http::request read_request(std::string_view input) {
  http::request r;
  r.method = cut(input, '\n');
  auto target = cut(input, '\n');
  r.path = "/" + std::string(cut(target, '?'));
  while (!target.empty()) {
    auto pair = cut(target, '&');
    const auto name = cut(pair, '=');
    r.query.emplace_back(name, pair);
  }
  for (auto line = cut(input, '\n'); !line.empty(); line = cut(input, '\n')) {
    const auto name = cut(line, ':');
    r.headers.emplace_back(name, line.starts_with(' ') ? line.substr(1) : line);
  }
  r.body = input;
  r.remote_address = r.header("from").value_or("203.0.113.9");
  return r;
}

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check_answer(const http::response& answer) {
  check(answer.status >= 200 && answer.status < 600);
  std::string text;
  for (const auto& part : answer.body) {
    text += as_text(part.view());
  }
  for (const auto& [name, value] : answer.headers) {
    check(value.find_first_of("\r\n") == std::string::npos);  // no header of a peer's making
    if (name == "Content-Type" && value == "application/json") {
      boost::system::error_code failure;
      boost::json::parse(text, failure);
      check(!failure);
    }
  }
}

/// Made once: a fresh API for each input would measure its making. Limits are off, or the second
/// thousand of inputs would see 429 only.
http::api& api() {
  static metrics m;
  static const auto made = [] {
    http::api_settings settings;
    settings.limits.requests_per_minute_per_address = 0;
    settings.limits.requests_per_minute_per_user = 0;
    settings.limits.log_ins_per_minute_per_address = 0;
    settings.limits.idempotency_keys = 100;
    return http::api::make({.accounts = std::make_shared<http::testing::fake_accounts>(),
                            .changes = std::make_shared<http::testing::fake_changes>(),
                            .streams = std::make_shared<http::testing::fake_streams>(),
                            .chats = std::make_shared<http::testing::fake_chats>(),
                            .follows = std::make_shared<http::testing::fake_follows>(),
                            .why_not_ready = {},
                            .idempotency = nullptr,
                            .metrics = m},
                           settings);
  }();
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  int answers = 0;
  api().handle(read_request(as_text({data, size})), [&](const http::response& answer) {
    ++answers;
    check_answer(answer);
  });
  check(answers == 1);
  return 0;
}
