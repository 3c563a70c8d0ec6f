// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/token_keys.hpp"

#include <algorithm>
#include <charconv>

#include "actors/account/crypto.hpp"
#include "base/check.hpp"

namespace troupe::account {

namespace {

constexpr std::string_view prefix = "access_token_key/";
constexpr std::string_view purpose = "access token signing key";
constexpr std::size_t key_size = 32;  // RFC 7518, 3.2: at least the hash's size

/// Clocks of nodes may differ by as much.
constexpr auto clock_slack = std::chrono::seconds(60);

std::string stored_name(std::int64_t number) {
  return std::string(prefix) + std::to_string(number);
}

/// 0 for what is no name of ours.
std::int64_t number_of(std::string_view name) {
  const auto digits = name.substr(std::min(prefix.size(), name.size()));
  std::int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return name == stored_name(number) ? number : 0;
}

}  // namespace

token_key make_token_key(std::int64_t number, bytes secret, wall_time made_at, bool is_first) {
  const auto d = sha256(secret);
  return {.number = number,
          .secret = std::move(secret),
          .name = to_base64url(byte_view(d).first(9)),
          .made_at = made_at,
          .signs_from = is_first ? made_at : made_at + key_notice};
}

key_ring::key_ring(std::vector<token_key> keys, std::chrono::seconds token_life)
    : keys_(std::move(keys)), token_life_(token_life) {
  TROUPE_CHECK(!keys_.empty(), "whoever makes a ring has a key");
  std::ranges::sort(keys_, {}, &token_key::number);
  // Whatever clock made it: the only one left has to sign.
  keys_.front().signs_from = std::min(keys_.front().signs_from, keys_.front().made_at);
}

const token_key& key_ring::signing(wall_time now) const {
  const auto newest = std::ranges::find_if(keys_.rbegin(), keys_.rend(),
                                           [&](const token_key& k) { return k.signs_from <= now; });
  return newest == keys_.rend() ? keys_.front() : *newest;
}

const token_key* key_ring::verifying(std::string_view name, wall_time now) const {
  const auto found = std::ranges::find(keys_, name, &token_key::name);
  if (found == keys_.end()) {
    return nullptr;
  }
  const auto successor = std::next(found);
  const bool is_over =
      successor != keys_.end() && successor->signs_from + token_life_ + clock_slack <= now;
  return is_over ? nullptr : &*found;
}

std::vector<token_key> key_ring::expired(wall_time now) const {
  std::vector<token_key> over;
  std::ranges::copy_if(keys_, std::back_inserter(over),
                       [&](const token_key& k) { return verifying(k.name, now) == nullptr; });
  return over;
}

result<std::vector<token_key>> load_token_keys(storage::secret_store& secrets, const sealer& master,
                                               wall_time now) {
  auto stored = secrets.list(prefix);
  if (!stored) {
    return fail(stored.error().with("reading the token signing keys"));
  }
  if (stored->empty()) {
    auto sealed = secrets.add(stored_name(1), master.seal(purpose, random_bytes(key_size)), now);
    if (!sealed) {
      return fail(sealed.error().with("storing the token signing key"));
    }
    stored->push_back({stored_name(1), std::move(*sealed), now});
  }
  std::vector<token_key> keys;
  for (const auto& each : *stored) {
    const auto number = number_of(each.name);
    auto secret = master.open(purpose, each.sealed);
    if (!secret) {
      return fail(secret.error().with("opening the token signing key " + each.name));
    }
    if (number > 0) {
      keys.push_back(make_token_key(number, std::move(*secret), each.created_at, number == 1));
    }
  }
  if (keys.empty()) {
    return fail(errc::data_corrupt, "no stored secret is a token signing key");
  }
  return keys;
}

result<token_key> add_token_key(storage::secret_store& secrets, const sealer& master,
                                const token_key& after, wall_time now) {
  const auto number = after.number + 1;
  const auto sealed =
      secrets.add(stored_name(number), master.seal(purpose, random_bytes(key_size)), now);
  if (!sealed) {
    return fail(sealed.error().with("storing a token signing key"));
  }
  auto secret = master.open(purpose, *sealed);
  if (!secret) {
    return fail(secret.error());
  }
  return make_token_key(number, std::move(*secret), now, false);
}

result<void> remove_token_key(storage::secret_store& secrets, const token_key& key) {
  return secrets.remove(stored_name(key.number));
}

}  // namespace troupe::account
