// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/second_factor.hpp"

#include <set>

#include <catch2/catch.hpp>

#include "actors/account/crypto.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace std::chrono_literals;

namespace {

wall_time at(std::int64_t seconds) {
  return wall_time(std::chrono::seconds(seconds));
}

const sealer master(bytes(32, 0x11));

}  // namespace

TEST_CASE("second_factor: codes as RFC 6238, appendix B, has them", "[account]") {
  struct row {
    std::int64_t time;
    const char* code;
  };

  const auto secret = as_bytes("12345678901234567890");
  for (const auto& [time, code] :
       {row{59, "94287082"}, row{1111111109, "07081804"}, row{1111111111, "14050471"},
        row{1234567890, "89005924"}, row{2000000000, "69279037"}, row{20000000000, "65353130"}}) {
    CHECK(totp_code(secret, totp_step_at(at(time)), 8) == code);
    // Six digits are the last six of eight.
    CHECK(totp_code(secret, totp_step_at(at(time))) == std::string(code).substr(2));
  }
}

TEST_CASE("second_factor: a code holds for its step and the ones beside it", "[account]") {
  const auto secret = make_totp_secret();
  const auto now = at(1'800'000'000);
  const auto step = totp_step_at(now);
  for (std::int64_t off = -4; off <= 4; ++off) {
    const auto found = find_totp_step(secret, totp_code(secret, step + off), now, 0);
    CHECK(found == (off >= -1 && off <= 1 ? std::optional(step + off) : std::nullopt));
  }
  // What was accepted is over, and what came before it.
  CHECK_FALSE(find_totp_step(secret, totp_code(secret, step), now, step));
  CHECK_FALSE(find_totp_step(secret, totp_code(secret, step - 1), now, step));
  CHECK(find_totp_step(secret, totp_code(secret, step + 1), now, step) == step + 1);
  for (const auto& bad : {std::string(), std::string("12345"), std::string("1234567"),
                          std::string("12345a"), std::string("12 345"), std::string(6, '\0')}) {
    CHECK_FALSE(find_totp_step(secret, bad, now, 0));
  }
}

TEST_CASE("second_factor: what an authenticator reads", "[account]") {
  const auto secret = as_bytes("12345678901234567890");
  CHECK(to_base32(secret) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  CHECK(to_base32(as_bytes("f")) == "MY");
  CHECK(totp_uri("home: & co", "aya_1", secret) ==
        "otpauth://totp/home%3A%20%26%20co:aya_1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=home%3A%20%26%20co&algorithm=SHA1&digits=6&period=30");
  CHECK(make_totp_secret() != make_totp_secret());
  CHECK(make_totp_secret().size() == 20);
}

TEST_CASE("second_factor: a secret opens for its owner alone", "[account]") {
  const auto secret = make_totp_secret();
  const auto sealed = seal_totp_secret(master, 7, secret);
  CHECK(open_totp_secret(master, 7, sealed).value() == secret);
  CHECK_FALSE(open_totp_secret(master, 8, sealed));
  CHECK_FALSE(open_totp_secret(sealer(bytes(32, 0x12)), 7, sealed));
}

TEST_CASE("second_factor: recovery codes are used once each", "[account]") {
  const auto codes = make_recovery_codes();
  CHECK(codes.size() == 10);
  CHECK(std::set(codes.begin(), codes.end()).size() == 10);
  auto sealed = seal_recovery_codes(master, 7, codes);
  CHECK(count_recovery_codes(master, 7, sealed).value() == 10);
  for (int left = 10; left > 0; --left) {
    const auto code = read_recovery_code(codes.at(static_cast<std::size_t>(left - 1))).value();
    const auto rest = use_recovery_code(master, 7, sealed, code).value();
    REQUIRE(rest);
    CHECK(count_recovery_codes(master, 7, *rest).value() == left - 1);
    CHECK_FALSE(use_recovery_code(master, 7, *rest, code).value());
    sealed = *rest;
  }
  CHECK_FALSE(use_recovery_code(master, 8, sealed, "0000000000"));
  CHECK_FALSE(use_recovery_code(master, 7, bytes(40, 1), "0000000000"));
}

TEST_CASE("second_factor: a recovery code is read as people write it", "[account]") {
  CHECK(read_recovery_code("abcde-fghjk") == "abcdefghjk");
  CHECK(read_recovery_code(" ABCDE fghjk ") == "abcdefghjk");
  CHECK(read_recovery_code("OIL00-00000") == "0110000000");
  for (const auto& bad : {std::string(), std::string("abcde-fghj"), std::string("abcde-fghjku"),
                          std::string("abcde-fghj!"), std::string("123456"),
                          std::string(100'000, 'a'), std::string(100'000, '-')}) {
    CHECK_FALSE(read_recovery_code(bad));
  }
}
