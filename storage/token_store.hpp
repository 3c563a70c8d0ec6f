// SPDX-License-Identifier: GPL-3.0-or-later
// Log-ins that can be renewed. A refresh token is (family, secret): the family is one log-in, its
// row holds the digest of the one secret that is valid now. So a log-in is one row however often it
// is renewed, and a secret that was valid before is recognised by not matching.
// Thread: every function from any thread that may block.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

struct token_family {
  bytes family;  ///< digest of the token's family part, which only holders of a token know
  bytes secret;  ///< digest of the secret part
  user_id user = 0;
  wall_time expires_at;
  std::int64_t generation = 0;  ///< the user's, when it logged in: it ends when that rises
  std::int64_t network = 0;     ///< a digest of where it was begun; 0: not known
};

/// Whose a log-in is.
struct token_owner {
  user_id user = 0;
  /// What the log-in counts under: whoever signs something for it signs this, not what a later
  /// look-up of the user finds, or a log-out everywhere in between would be undone.
  std::int64_t generation = 0;

  friend bool operator==(const token_owner&, const token_owner&) = default;
};

class token_store {
 public:
  virtual ~token_store() = default;

  /// A user's log-ins beyond most_per_user are ended, the least recently used first.
  [[nodiscard]] virtual result<void> add(const token_family& token, wall_time now) = 0;
  /// Replaces the secret, once. The same call again within repeat_grace finds the new secret there
  /// already and is answered alike: the first answer was lost, or two tabs asked at once. Any other
  /// wrong secret of a known family is the reuse of a stolen token: the family is revoked. So
  /// new_secret has to be a function of the old one. Errors: unauthenticated (invalid_grant).
  [[nodiscard]] virtual result<token_owner> rotate(byte_view family, byte_view old_secret,
                                                   byte_view new_secret, wall_time now,
                                                   wall_time expires_at) = 0;
  /// Whose valid token this is; changes nothing. Errors: not_found.
  [[nodiscard]] virtual result<token_owner> find_owner(byte_view family, byte_view secret,
                                                       wall_time now) = 0;
  /// Ends the log-in; nothing happens when there is none.
  [[nodiscard]] virtual result<void> revoke(byte_view family) = 0;
  /// Of all that ended with the user's generation nothing need be kept.
  [[nodiscard]] virtual result<void> revoke_all(user_id user) = 0;
  /// Whether the user has logged in from there; the latest most_networks_per_user are remembered,
  /// also after their log-outs.
  [[nodiscard]] virtual result<bool> knows_network(user_id user, std::int64_t network) = 0;
  /// How many rows went.
  [[nodiscard]] virtual result<std::size_t> remove_expired(wall_time now) = 0;

  static constexpr int most_per_user = 64;
  static constexpr int most_networks_per_user = 32;
  /// A reload and a retry take seconds; a thief has to be as quick, and is found out by the next
  /// renewal after it like before.
  static constexpr auto repeat_grace = std::chrono::seconds(30);
};

}  // namespace troupe::storage
