// SPDX-License-Identifier: GPL-3.0-or-later
// Who follows whom, and what a channel's page shows of its owner. Counts are kept in the
// transaction that changes what they count: they are exact, and reading them counts nothing.
// Thread: every function from any thread that may block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "storage/stream_store.hpp"

namespace troupe::storage {

/// Where a page of a list ended: the next one holds what is older.
struct follow_place {
  wall_time followed_at;
  user_id id = 0;  ///< the listed user's: breaks ties
};

/// How two users stand after a change, or because there was nothing to change.
struct follow_change {
  bool changed = false;
  std::optional<wall_time> followed_at;  ///< nothing: does not follow
  std::int64_t follower_count = 0;       ///< the channel's
};

struct follower_record {
  user_id id = 0;
  std::string username;
  wall_time followed_at;
};

struct followed_record {
  user_id id = 0;
  std::string username;
  wall_time followed_at;
  std::optional<stream_record> stream;  ///< the one that is live or reconnecting now
};

struct profile_record {
  user_id id = 0;
  std::string username;
  wall_time created_at;
  std::int64_t follower_count = 0;
  std::int64_t following_count = 0;
  std::optional<stream_id> stream;       ///< the one that is live or reconnecting now
  std::optional<wall_time> followed_at;  ///< by the viewer who asks
};

class follow_store {
 public:
  virtual ~follow_store() = default;

  /// Following twice changes nothing. most: how many channels one user may follow. Errors:
  /// not_found (no such channel or follower), conflict (too_many_follows).
  [[nodiscard]] virtual result<follow_change> add(user_id follower, user_id channel, wall_time now,
                                                  std::int64_t most) = 0;
  /// Errors: not_found (no such channel).
  [[nodiscard]] virtual result<follow_change> remove(user_id follower, user_id channel) = 0;
  /// Since when; nothing when the follower does not follow, or nobody has that id.
  [[nodiscard]] virtual result<std::optional<wall_time>> followed_at(user_id follower,
                                                                     user_id channel) = 0;

  /// Both newest first, at most limit; empty for an unknown user.
  [[nodiscard]] virtual result<std::vector<follower_record>> list_followers(
      user_id channel, int limit, const std::optional<follow_place>& before) = 0;
  [[nodiscard]] virtual result<std::vector<followed_record>> list_following(
      user_id follower, int limit, const std::optional<follow_place>& before) = 0;
  /// Live and reconnecting streams of followed channels, newest (highest id) first, below `before`.
  /// Looks at each followed channel once: what bounds their number bounds this.
  [[nodiscard]] virtual result<std::vector<stream_record>> list_live_followed(
      user_id follower, int limit, std::optional<stream_id> before) = 0;

  /// viewer: who asks, if known. Errors of both: not_found.
  [[nodiscard]] virtual result<profile_record> profile(user_id id,
                                                       std::optional<user_id> viewer) = 0;
  /// key: the canonical form of a username.
  [[nodiscard]] virtual result<profile_record> profile_by_name(std::string_view key,
                                                               std::optional<user_id> viewer) = 0;
};

}  // namespace troupe::storage
