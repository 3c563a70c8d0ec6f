// SPDX-License-Identifier: GPL-3.0-or-later
// Access and refresh tokens: any bytes as they come, and, split at the first line end, as header
// and claims of a token that is rightly signed, so that what lies behind the signature is reached.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/account/access_token.hpp"
#include "actors/account/crypto.hpp"
#include "actors/account/refresh_token.hpp"
#include "base/check.hpp"

namespace {

using namespace troupe;
using namespace troupe::account;

const manual_clock test_time;
const bytes key(32, 0x42);
const access_tokens tokens(key, "troupe", std::chrono::seconds(900), test_time);

void check(const result<identity>& who) {
  if (who) {
    TROUPE_CHECK(who->id > 0 && who->id <= largest_id, "an accepted token names a user");
    TROUPE_CHECK(!who->username.empty(), "an accepted token has a name");
  } else {
    TROUPE_CHECK(who.error().code == errc::unauthenticated, "a refused token is a refused log-in");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(tokens.verify(text));
  if (const auto token = refresh_token::parse(text)) {
    TROUPE_CHECK(token->text() == text, "a refresh token has one spelling");
  }
  const auto line = text.find('\n');
  if (line == text.npos) {
    return 0;
  }
  // "kid" goes in front: of two members with one name the parser keeps the last.
  std::string header(text.substr(0, line));
  if (header.starts_with('{')) {
    header.insert(1, "\"kid\":\"" + tokens.key_name() + "\",");
  }
  const auto content =
      to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(text.substr(line + 1)));
  check(tokens.verify(content + "." + to_base64url(hmac_sha256(key, as_bytes(content)))));
  return 0;
}
