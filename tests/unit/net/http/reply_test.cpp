// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/reply.hpp"

#include <string>

#include <catch2/catch.hpp>

namespace troupe::http {
namespace {

std::string text_of(const response& r) {
  std::string all;
  for (const auto& part : r.body) {
    all += as_text(part.view());
  }
  return all;
}

TEST_CASE("reply: what the store says stays here", "[net][http]") {
  const std::string secret = "connection to server at \"db.internal\" failed for user troupe";
  const auto [code, reason, status] =
      GENERATE(table<errc, const char*, int>({{errc::unavailable, "store_unavailable", 503},
                                              {errc::unavailable, "store_busy", 503},
                                              {errc::unavailable, "store_not_writable", 503},
                                              {errc::unavailable, "disk_error", 503},
                                              {errc::deadline_exceeded, "store_timeout", 503},
                                              {errc::conflict, "constraint_violation", 409},
                                              {errc::invalid_argument, "invalid_text", 400},
                                              {errc::data_corrupt, "store_corrupt", 500},
                                              {errc::internal, "internal", 500}}));
  const auto answer = error_response(make_error(code, reason, secret));
  INFO(reason);
  CHECK(answer.status == status);
  CHECK(text_of(answer).find("db.internal") == std::string::npos);
}

TEST_CASE("reply: other errors are told as they are", "[net][http]") {
  const auto answer = error_response(make_error(errc::unavailable, "overloaded", "try later"));
  CHECK(answer.status == 503);
  CHECK(text_of(answer) == R"({"error":{"code":"overloaded","message":"try later"}})");
}

}  // namespace
}  // namespace troupe::http
