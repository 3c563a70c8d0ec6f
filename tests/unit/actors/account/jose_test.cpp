// SPDX-License-Identifier: GPL-3.0-or-later
// Which JSON Web Signatures our keys could have made: published ones, good and bad, against what
// verify() asks before it reads a claim; tests/data/crypto/LICENSES.md says whose they are.
#include <catch2/catch.hpp>

#include <string>

#include "actors/account/access_token.hpp"
#include "tests/unit/actors/account/vectors.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace troupe::account::testing;

namespace {

struct vector_row {
  std::string name;
  bytes key;
  std::string key_name;
  std::string token;
  bool is_valid = false;
};

std::vector<vector_row> jose_rows() {
  std::vector<vector_row> all;
  for (const auto& r : read_table("jose_hs256.txt")) {
    auto token = r.at(3);
    if (token.starts_with("hex:")) {
      const auto data = unhex(token.substr(4));
      token.assign(data.begin(), data.end());
    }
    all.push_back({r.at(0), unhex(r.at(1)), r.at(2), std::move(token), r.at(4) == "valid"});
  }
  return all;
}

bool is_ours(const vector_row& r) {
  return hs256_key_name(r.token) == r.key_name && is_hs256_by(r.token, r.key);
}

}  // namespace

TEST_CASE("jose: takes and refuses what Wycheproof, RFC 7515 and RFC 7520 show", "[account]") {
  int valid = 0;
  int refused = 0;
  for (const auto& row : jose_rows()) {
    INFO(row.name << ": " << row.token);
    CHECK(is_ours(row) == row.is_valid);
    (row.is_valid ? valid : refused) += 1;
  }
  CHECK(valid >= 8);
  CHECK(refused >= 50);
}

TEST_CASE("jose: a good signature is one key's, over every character", "[account]") {
  for (const auto& row : jose_rows()) {
    if (!row.is_valid) {
      continue;
    }
    INFO(row.name);
    auto other_key = row.key;
    other_key.back() ^= 1;
    CHECK_FALSE(is_hs256_by(row.token, other_key));
    CHECK_FALSE(is_hs256_by(row.token, {}));
    for (std::size_t i = 0; i < row.token.size(); ++i) {
      auto damaged = row.token;
      damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
      CHECK_FALSE(is_hs256_by(damaged, row.key));
    }
  }
}

TEST_CASE("jose: none of the published keys' tokens is a log-in here", "[account]") {
  const manual_clock time;
  for (const auto& row : jose_rows()) {
    if (row.key.size() != 32) {
      continue;
    }
    // Signed well or not: its claims are not ours, nor is its key's name.
    const access_tokens tokens(row.key, "troupe", std::chrono::seconds(900), time);
    const auto who = tokens.verify(row.token);
    REQUIRE_FALSE(who);
    CHECK(who.error().reason == "invalid_token");
  }
}
