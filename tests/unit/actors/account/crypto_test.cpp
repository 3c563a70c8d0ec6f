// SPDX-License-Identifier: GPL-3.0-or-later
// Against published vectors; tests/data/crypto/LICENSES.md says whose.
#include "actors/account/crypto.hpp"

#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/account/password_hash.hpp"
#include "tests/unit/actors/account/vectors.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace troupe::account::testing;

TEST_CASE("crypto: AES-256-GCM as Wycheproof has it", "[account]") {
  const auto rows = read_table("wycheproof_aes256_gcm.txt");
  CHECK(rows.size() > 50);
  int refused = 0;
  for (const auto& r : rows) {
    const auto key = unhex(r.at(0));
    auto sealed = unhex(r.at(4));
    const auto tag = unhex(r.at(5));
    sealed.insert(sealed.end(), tag.begin(), tag.end());
    const auto opened = aes_gcm_open(key, unhex(r.at(1)), sealed, unhex(r.at(2)));
    if (r.at(6) == "valid") {
      REQUIRE(opened);
      CHECK(*opened == unhex(r.at(3)));
      CHECK(aes_gcm_seal(key, unhex(r.at(1)), unhex(r.at(3)), unhex(r.at(2))) == sealed);
    } else {
      CHECK_FALSE(opened);
      ++refused;
    }
  }
  CHECK(refused > 10);
  CHECK_FALSE(aes_gcm_open(bytes(31), bytes(12), bytes(16), {}));
  CHECK_FALSE(aes_gcm_open(bytes(32), bytes(11), bytes(16), {}));
  CHECK_FALSE(aes_gcm_open(bytes(32), bytes(12), bytes(15), {}));
}

TEST_CASE("crypto: HMAC-SHA-256 as Wycheproof has it", "[account]") {
  const auto rows = read_table("wycheproof_hmac_sha256.txt");
  CHECK(rows.size() > 50);
  for (const auto& r : rows) {
    const auto made = hmac_sha256(unhex(r.at(0)), unhex(r.at(1)));
    CHECK(equal_in_constant_time(made, unhex(r.at(2))) == (r.at(3) == "valid"));
  }
}

TEST_CASE("crypto: base64url has one spelling for each value", "[account]") {
  // RFC 4648, 10.
  for (const auto& [plain, text] :
       std::vector<std::pair<std::string, std::string>>{{"", ""},
                                                        {"f", "Zg"},
                                                        {"fo", "Zm8"},
                                                        {"foo", "Zm9v"},
                                                        {"foob", "Zm9vYg"},
                                                        {"fooba", "Zm9vYmE"},
                                                        {"foobar", "Zm9vYmFy"},
                                                        {"\xff\xfe", "__4"}}) {
    CHECK(to_base64url(as_bytes(plain)) == text);
    const auto back = from_base64url(text);
    REQUIRE(back);
    CHECK(as_text(*back) == plain);
  }
  for (const char* bad : {"A", "Zh", "Zm9", "Zg==", "Zm9v\n", "Zm 9", "+/8", "Zm9vZ"}) {
    CHECK_FALSE(from_base64url(bad));
  }
  CHECK(to_base64(as_bytes("f")) == "Zg==");
  CHECK(to_base64(as_bytes("fo")) == "Zm8=");
  CHECK(to_base64(as_bytes("\xff\xfe\xfd")) == "//79");
}

TEST_CASE("crypto: random text uses all of its alphabet", "[account]") {
  const auto text = random_base62(20'000);
  CHECK(text.size() == 20'000);
  CHECK(std::set<char>(text.begin(), text.end()).size() == 62);
  CHECK(random_bytes(32) != random_bytes(32));
}

TEST_CASE("password_hash: bcrypt gives the published hashes", "[account]") {
  const auto rows = read_table("bcrypt.txt");
  CHECK(rows.size() == 7);
  for (const auto& r : rows) {
    const auto plain = unhex(r.at(0));
    CHECK(bcrypt(std::string(as_text(plain)), r.at(1)) == r.at(1));
  }
  CHECK(bcrypt("x", "").empty());
  CHECK(bcrypt("x", "$2b$").empty());
  CHECK(bcrypt("x", "$1$short").empty());
}

TEST_CASE("password_hash: every byte of a long password counts", "[account]") {
  const std::string common(100, 'a');
  const auto hash = hash_password(common + "1", 4);
  CHECK(hash.starts_with("sha256:$2b$04$"));
  CHECK(is_password(common + "1", hash));
  CHECK_FALSE(is_password(common + "2", hash));
  CHECK_FALSE(is_password(common, hash));
  const auto zero = hash_password(std::string("ab\0cd", 5), 4);
  CHECK_FALSE(is_password("ab", zero));
  CHECK(is_password(std::string("ab\0cd", 5), zero));
  CHECK(hash_password("same", 4) != hash_password("same", 4));
}

TEST_CASE("password_hash: nobody's hash takes the work and matches nothing", "[account]") {
  const auto hash = impossible_hash(4);
  CHECK(hash.size() == hash_password("x", 4).size());
  // bcrypt itself works on it: the answer has the same salt, and another end.
  const auto worked = bcrypt("x", hash.substr(7));
  CHECK(worked.substr(0, 29) == hash.substr(7, 29));
  CHECK_FALSE(is_password("x", hash));
  CHECK_FALSE(is_password("", hash));
  CHECK_FALSE(is_password("x", ""));
  CHECK_FALSE(is_password("x", "sha256:"));
  CHECK_FALSE(is_password("x", "$2b$04$" + std::string(53, '.')));
}
