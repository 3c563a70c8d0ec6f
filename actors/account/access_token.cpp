// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/access_token.hpp"

#include <jwt.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include <boost/json.hpp>

#include "actors/account/crypto.hpp"
#include "base/check.hpp"
#include "base/ids.hpp"

namespace troupe::account {

namespace {

struct token_deleter {
  void operator()(jwt_t* t) const { jwt_free(t); }
};

struct text_deleter {
  void operator()(char* t) const { std::free(t); }
};

using token_handle = std::unique_ptr<jwt_t, token_deleter>;

std::unexpected<error> invalid() {
  return fail(errc::unauthenticated, "invalid_token", "this access token is not valid");
}

/// Three parts in strict base64url. libjwt takes more spellings, and one token should have one.
bool is_compact_form(std::string_view token) {
  if (token.size() > largest_access_token || std::ranges::count(token, '.') != 2) {
    return false;
  }
  for (;;) {
    const auto dot = token.find('.');
    const auto part = token.substr(0, dot);
    if (part.empty() || !from_base64url(part)) {
      return false;
    }
    if (dot == token.npos) {
      return true;
    }
    token.remove_prefix(dot + 1);
  }
}

token_handle decode(const std::string& token, byte_view key) {
  jwt_t* parsed = nullptr;
  const int failed = jwt_decode(&parsed, token.c_str(), key.data(), static_cast<int>(key.size()));
  token_handle handle(parsed);
  return failed == 0 ? std::move(handle) : nullptr;
}

std::string_view text_of(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// The year 5138: what is later overflows a wall_time, and is none of ours.
constexpr std::int64_t latest_expiry = 100'000'000'000;

std::int64_t seconds_of(wall_time t) {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

}  // namespace

std::optional<std::string> hs256_key_name(std::string_view token) {
  if (!is_compact_form(token)) {
    return std::nullopt;
  }
  const auto header = from_base64url(token.substr(0, token.find('.')));
  boost::system::error_code failure;
  const auto value = boost::json::parse(as_text(*header), failure);
  const auto* fields = failure ? nullptr : value.if_object();
  const auto* named = fields != nullptr ? fields->if_contains("alg") : nullptr;
  const auto* algorithm = named != nullptr ? named->if_string() : nullptr;
  if (algorithm == nullptr || *algorithm != "HS256" || fields->contains("crit")) {
    return std::nullopt;
  }
  const auto* name = fields->if_contains("kid");
  if (name == nullptr) {
    return std::string();
  }
  return name->is_string() ? std::optional<std::string>(name->get_string()) : std::nullopt;
}

bool is_hs256_by(std::string_view token, byte_view key) {
  if (!hs256_key_name(token) || key.size() < digest().size()) {
    return false;
  }
  const auto last = token.rfind('.');
  const auto given = from_base64url(token.substr(last + 1));
  return given && equal_in_constant_time(*given, hmac_sha256(key, as_bytes(token.substr(0, last))));
}

access_tokens::access_tokens(key_ring keys, std::string issuer, std::chrono::seconds life,
                             const clock& time)
    : issuer_(std::move(issuer)),
      life_(life),
      time_(time),
      keys_(std::make_shared<const key_ring>(std::move(keys))) {}

access_tokens::access_tokens(bytes key, std::string issuer, std::chrono::seconds life,
                             const clock& time)
    : access_tokens(key_ring({make_token_key(1, std::move(key), time.wall(), true)}, life),
                    std::move(issuer), life, time) {}

std::shared_ptr<const key_ring> access_tokens::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

void access_tokens::use(key_ring keys) {
  auto next = std::make_shared<const key_ring>(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(next);
}

std::string access_tokens::key_name() const {
  return keys()->signing(time_.wall()).name;
}

std::string access_tokens::sign(const identity& who) const {
  jwt_t* made = nullptr;
  TROUPE_CHECK(jwt_new(&made) == 0, "there is memory for a token");
  const token_handle token(made);
  const auto now = seconds_of(time_.wall());
  const auto ring = keys();
  const auto& key = ring->signing(time_.wall());
  const bool filled = jwt_set_alg(made, JWT_ALG_HS256, key.secret.data(),
                                  static_cast<int>(key.secret.size())) == 0 &&
                      jwt_add_header(made, "kid", key.name.c_str()) == 0 &&
                      jwt_add_grant(made, "iss", issuer_.c_str()) == 0 &&
                      jwt_add_grant(made, "sub", std::to_string(who.id).c_str()) == 0 &&
                      jwt_add_grant(made, "name", who.username.c_str()) == 0 &&
                      jwt_add_grant_bool(made, "adm", who.is_administrator ? 1 : 0) == 0 &&
                      jwt_add_grant_int(made, "gen", who.generation) == 0 &&
                      jwt_add_grant_int(made, "iat", now) == 0 &&
                      jwt_add_grant_int(made, "exp", now + life_.count()) == 0;
  TROUPE_CHECK(filled, "our claims are text and numbers");
  const std::unique_ptr<char, text_deleter> text(jwt_encode_str(made));
  TROUPE_CHECK(text != nullptr, "a filled token can be signed");
  return text.get();
}

result<identity> access_tokens::verify(std::string_view token) const {
  // The header is read first: libjwt would go by the algorithm that the token names.
  const auto named = hs256_key_name(token);
  const auto ring = keys();
  const auto* key = named ? ring->verifying(*named, time_.wall()) : nullptr;
  if (key == nullptr || !is_hs256_by(token, key->secret)) {
    return invalid();
  }
  const auto verified = decode(std::string(token), key->secret);
  if (verified == nullptr || jwt_get_alg(verified.get()) != JWT_ALG_HS256) {
    return invalid();
  }
  auto* claims = verified.get();
  const auto user = parse_id(text_of(jwt_get_grant(claims, "sub")));
  const auto name = text_of(jwt_get_grant(claims, "name"));
  const std::int64_t expiry = jwt_get_grant_int(claims, "exp");  // 0 when it is missing
  if (text_of(jwt_get_grant(claims, "iss")) != issuer_ || !user || name.empty() || expiry <= 0 ||
      expiry > latest_expiry) {
    return invalid();
  }
  if (expiry <= seconds_of(time_.wall())) {
    return fail(errc::unauthenticated, "token_expired", "this access token has expired");
  }
  return identity{*user, std::string(name), jwt_get_grant_bool(claims, "adm") == 1,
                  wall_time(std::chrono::seconds(expiry)), jwt_get_grant_int(claims, "gen")};
}

}  // namespace troupe::account
