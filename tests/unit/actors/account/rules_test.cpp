// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/rules.hpp"

#include <spdlog/fmt/fmt.h>
#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::account;

namespace {

std::string reason(const result<void>& r) {
  return r ? "fine" : r.error().reason;
}

}  // namespace

TEST_CASE("rules: usernames", "[account]") {
  for (const auto& good : {std::string("abc"), std::string("A_1"), std::string(24, 'x'),
                           std::string("a__"), std::string("nomad")}) {
    CHECK(reason(check_username(good)) == "fine");
  }
  for (const auto& bad :
       {std::string(), std::string("ab"), std::string(25, 'x'), std::string("a b"),
        std::string("a-b"), std::string("a.b"), std::string("über"), std::string("a\0b", 3),
        std::string("___"), std::string("123"), std::string("1_2"), std::string("admin"),
        std::string("Admin"), std::string("API"), std::string("live"), std::string("assets"),
        std::string("WWW"), std::string("about"), std::string("www")}) {
    CHECK(reason(check_username(bad)) == "invalid_username");
  }
}

TEST_CASE("rules: email addresses", "[account]") {
  for (const char* good : {"a@b.co", "first.last+tag@sub.example.org", "x_y-z@1st.example",
                           "o'neil@example.org", "a@xn--bcher-kva.example"}) {
    CHECK(reason(check_email(good)) == "fine");
  }
  const std::string label(63, 'a');
  for (const auto& bad : {std::string(),
                          std::string("a"),
                          std::string("@b.co"),
                          std::string("a@"),
                          std::string("a@b"),
                          std::string("a@b..co"),
                          std::string("a@.b.co"),
                          std::string("a@b.co."),
                          std::string("a@-b.co"),
                          std::string("a@b-.co"),
                          std::string(".a@b.co"),
                          std::string("a.@b.co"),
                          std::string("a..b@b.co"),
                          std::string("a b@b.co"),
                          std::string("a@b@c.co"),
                          std::string("<a@b.co>"),
                          std::string("\"a\"@b.co"),
                          std::string("a@b.co\n"),
                          std::string("a@[127.0.0.1]"),
                          std::string("ü@b.co"),
                          "a@" + label + "a.co",
                          std::string(65, 'a') + "@b.co",
                          fmt::format("a@{0}.{0}.{0}.{0}.co", label)}) {
    INFO(bad);
    CHECK(reason(check_email(bad)) == "invalid_email");
  }
}

TEST_CASE("rules: passwords", "[account]") {
  const auto check = [](const std::string& p) {
    return reason(check_password(p, "SomeUserName", "some@example.org"));
  };
  std::string kana;
  for (int i = 0; i < 10; ++i) {
    kana += "あ";
  }
  CHECK(check("0123456789") == "fine");
  CHECK(check(std::string(128, 'x')) == "fine");
  CHECK(check(kana) == "fine");
  for (const auto& bad :
       {std::string(), std::string("012345678"), std::string(129, 'x'), kana.substr(3),
        std::string("someusername"), std::string("SOME@example.org"), std::string(600, '\x80')}) {
    CHECK(check(bad) == "weak_password");
  }
}

TEST_CASE("rules: canonical forms differ only where letters do", "[account]") {
  CHECK(canonical("AnN_1@X.Org") == "ann_1@x.org");
  CHECK(canonical("[@`{") == "[@`{");
}
