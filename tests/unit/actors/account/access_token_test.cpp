// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/access_token.hpp"

#include <catch2/catch.hpp>

#include "actors/account/crypto.hpp"
#include "actors/account/refresh_token.hpp"

using namespace troupe;
using namespace troupe::account;
using namespace std::chrono_literals;

namespace {

const bytes key(32, 0x42);

/// A token of any header and claims, signed as the holder of this key would.
std::string forge(const std::string& header, const std::string& claims, byte_view with = key) {
  const auto text = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
  return text + "." + to_base64url(hmac_sha256(with, as_bytes(text)));
}

struct forger {
  manual_clock time;
  access_tokens tokens{key, "troupe", 900s, time};

  std::string header(const std::string& algorithm = "HS256") const {
    return R"({"alg":")" + algorithm + R"(","typ":"JWT","kid":")" + tokens.key_name() + R"("})";
  }

  std::string claims(const std::string& replaced = "", const std::string& by = "") const {
    const auto now = to_unix_ms(time.wall()) / 1000;
    std::string text = R"({"iss":"troupe","sub":"7","name":"ann","adm":false,"iat":)" +
                       std::to_string(now) + R"(,"exp":)" + std::to_string(now + 900) + "}";
    if (!replaced.empty()) {
      text.replace(text.find(replaced), replaced.size(), by);
    }
    return text;
  }

  std::string reason(const std::string& token) const {
    const auto r = tokens.verify(token);
    return r ? "accepted" : r.error().reason;
  }
};

}  // namespace

TEST_CASE("access_token: proves who it was made for", "[account]") {
  forger f;
  for (const bool administrator : {false, true}) {
    const auto token = f.tokens.sign({largest_id, "Ann_1", administrator});
    CHECK(token.size() < 400);
    const auto who = f.tokens.verify(token).value();
    CHECK(who.id == largest_id);
    CHECK(who.username == "Ann_1");
    CHECK(who.is_administrator == administrator);
  }
}

TEST_CASE("access_token: ends with its time", "[account]") {
  forger f;
  const auto token = f.tokens.sign({7, "ann", false});
  f.time.advance(899s);
  CHECK(f.reason(token) == "accepted");
  f.time.advance(1s);
  CHECK(f.reason(token) == "token_expired");
  auto damaged = token;
  damaged[damaged.find('.') + 5] ^= 1;
  CHECK(f.reason(damaged) == "invalid_token");
}

TEST_CASE("access_token: another key, issuer or key name is refused", "[account]") {
  forger f;
  CHECK(f.reason(forge(f.header(), f.claims())) == "accepted");
  CHECK(f.reason(forge(f.header(), f.claims(), bytes(32, 0x43))) == "invalid_token");
  CHECK(f.reason(forge(f.header(), f.claims("troupe", "other"))) == "invalid_token");
  CHECK(f.reason(forge(R"({"alg":"HS256","kid":"x"})", f.claims())) == "invalid_token");
  CHECK(f.reason(forge(R"({"alg":"HS256"})", f.claims())) == "invalid_token");
  const access_tokens elsewhere(bytes(32, 1), "troupe", 900s, f.time);
  CHECK(f.reason(elsewhere.sign({7, "ann", true})) == "invalid_token");
}

TEST_CASE("access_token: no algorithm but HS256, whatever the header says", "[account]") {
  forger f;
  for (const char* algorithm :
       {"none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "", "hs257"}) {
    CHECK(f.reason(forge(f.header(algorithm), f.claims())) == "invalid_token");
  }
  const auto unsigned_token =
      to_base64url(as_bytes(f.header("none"))) + "." + to_base64url(as_bytes(f.claims())) + ".";
  CHECK(f.reason(unsigned_token) == "invalid_token");
  CHECK(f.reason(unsigned_token.substr(0, unsigned_token.size() - 1)) == "invalid_token");
}

TEST_CASE("access_token: a header that must be understood is not", "[account]") {
  forger f;
  const auto with = [&f](const std::string& more) {
    auto header = f.header();
    header.insert(header.size() - 1, more);
    return f.reason(forge(header, f.claims()));
  };
  CHECK(with("") == "accepted");
  CHECK(with(R"(,"x":1)") == "accepted");
  CHECK(with(R"(,"crit":["exp"])") == "invalid_token");              // RFC 7515, 4.1.11
  CHECK(with(R"(,"b64":false,"crit":["b64"])") == "invalid_token");  // RFC 7797
  CHECK(with(R"(,"alg":"none")") ==
        "invalid_token");  // the last of a name counts, for both readers
  CHECK(with(R"(,"kid":["a"])") == "invalid_token");
}

TEST_CASE("access_token: claims of the wrong kind are refused", "[account]") {
  forger f;
  const auto now = std::to_string(to_unix_ms(f.time.wall()) / 1000 + 900);
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{R"("7")", "7"},
                                                        {R"("7")", R"("-7")"},
                                                        {R"("7")", R"("7x")"},
                                                        {R"("7")", R"("9007199254740992")"},
                                                        {R"("7")", "null"},
                                                        {R"("ann")", R"("")"},
                                                        {R"("ann")", "[]"},
                                                        {R"("name")", R"("nome")"},
                                                        {R"("iss")", R"("ist")"},
                                                        {now, "\"" + now + "\""},
                                                        {now, "1e300"},
                                                        {now, "-1"},
                                                        {"\"exp\":" + now, "\"x\":1"}}) {
    INFO(from << " -> " << to);
    CHECK(f.reason(forge(f.header(), f.claims(from, to))) == "invalid_token");
  }
  CHECK(f.tokens.verify(forge(f.header(), f.claims("false", R"("true")")))->is_administrator ==
        false);
}

TEST_CASE("access_token: one token has one spelling", "[account]") {
  forger f;
  const auto token = f.tokens.sign({7, "ann", false});
  for (const auto& text :
       {std::string(), std::string("."), std::string(".."), token + ".", token + ".x", token + "=",
        " " + token, token + "\n", std::string(token).insert(3, " "), token.substr(1),
        token.substr(0, token.rfind('.') + 1), token.substr(token.find('.')),
        std::string(largest_access_token + 1, 'A'), std::string(1 << 20, '.'),
        std::string(token).append(1, '\0')}) {
    CHECK(f.reason(text) == "invalid_token");
  }
  // The last character of 43 carries two unused bits.
  auto other = token;
  other.back() = static_cast<char>(other.back() + 1);
  CHECK(f.reason(other) == "invalid_token");
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    CHECK(f.reason(damaged) == "invalid_token");
  }
}

TEST_CASE("refresh_token: its text is its two parts and nothing else", "[account]") {
  const auto token = refresh_token::make();
  const auto parsed = refresh_token::parse(token.text());
  REQUIRE(parsed);
  CHECK(parsed->family_digest() == token.family_digest());
  CHECK(parsed->secret_digest() == token.secret_digest());
  const sealer s(bytes(32, 1));
  CHECK(token.successor(s).family == token.family);
  CHECK(token.successor(s).secret != token.secret);
  CHECK(token.successor(s).text() == parsed->successor(s).text());
  CHECK(token.successor(sealer(bytes(32, 2))).secret != token.successor(s).secret);
  CHECK(refresh_token::make().family != token.family);
  CHECK_FALSE(refresh_token::parse(token.text() + "A"));
  CHECK_FALSE(refresh_token::parse(token.text().substr(1)));
  CHECK_FALSE(refresh_token::parse(token.text().replace(5, 1, "=")));
}
