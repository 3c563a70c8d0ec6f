// SPDX-License-Identifier: GPL-3.0-or-later
// The keys that sign access tokens, and which of them sign and verify when. Each lies sealed in the
// secret store as "access_token_key/N". A new one is known to every node before it signs, and an
// old one verifies until the last token it signed has expired; then it is deleted. Thread: key_ring
// is a value; the functions below it block.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "actors/account/master_key.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "storage/secret_store.hpp"

namespace troupe::account {

struct token_key {
  std::int64_t number = 0;
  bytes secret;
  std::string name;  ///< "kid": derived from the secret
  wall_time made_at;
  /// The first key signs at once, a later one when every node has had time to read it.
  wall_time signs_from;
};

token_key make_token_key(std::int64_t number, bytes secret, wall_time made_at, bool is_first);

/// Ascending by number, never empty.
class key_ring {
 public:
  key_ring(std::vector<token_key> keys, std::chrono::seconds token_life);

  const token_key& signing(wall_time now) const;
  /// Null for a name that no key has, or one whose tokens have all expired.
  const token_key* verifying(std::string_view name, wall_time now) const;

  const token_key& newest() const { return keys_.back(); }

  const std::vector<token_key>& all() const { return keys_; }

  /// Those whose tokens have all expired.
  std::vector<token_key> expired(wall_time now) const;

 private:
  std::vector<token_key> keys_;
  std::chrono::seconds token_life_;
};

/// Between the making of a key and its first signature: ten times what nodes look after.
constexpr auto key_notice = std::chrono::seconds(30);
/// At which age the newest key gets a successor.
constexpr auto key_age = std::chrono::days(30);

/// Every key there is, the first made if there is none. Errors: data_corrupt when one was sealed
/// under another master key.
[[nodiscard]] result<std::vector<token_key>> load_token_keys(storage::secret_store& secrets,
                                                             const sealer& master, wall_time now);
/// Stores a key after this one, or reads the one that another node stored first.
[[nodiscard]] result<token_key> add_token_key(storage::secret_store& secrets, const sealer& master,
                                              const token_key& after, wall_time now);
[[nodiscard]] result<void> remove_token_key(storage::secret_store& secrets, const token_key& key);

}  // namespace troupe::account
