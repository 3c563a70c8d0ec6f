// SPDX-License-Identifier: GPL-3.0-or-later
// Who follows whom, and what everyone may see of a user. Thread: every function from any thread;
// callbacks on a thread of the store's pool, or on the caller's, before the call returns, when it
// is refused at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/account/accounts.hpp"
#include "actors/stream/streams.hpp"
#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/page.hpp"

namespace troupe::follow {

/// How a user stands to a channel.
struct relation {
  user_id channel = 0;
  std::optional<wall_time> followed_at;  ///< nothing: does not follow
  std::int64_t follower_count = 0;       ///< the channel's
};

struct follower {
  user_id id = 0;
  std::string username;
  wall_time followed_at;
};

struct followed {
  user_id id = 0;
  std::string username;
  wall_time followed_at;
  std::optional<stream::info> stream;  ///< while it is live or reconnecting
};

/// What everyone may see of a user.
struct profile {
  user_id id = 0;
  std::string username;
  wall_time created_at;
  std::int64_t follower_count = 0;
  std::int64_t following_count = 0;
  std::optional<stream_id> stream;       ///< while it is live or reconnecting
  std::optional<wall_time> followed_at;  ///< by the viewer who asks; nothing for strangers
};

struct list_request {
  int limit = 20;                     ///< 1 to 100
  std::optional<std::string> cursor;  ///< next of the page before
};

class follows {
 public:
  virtual ~follows() = default;

  /// Both may be repeated: the answer is how things stand. Errors: not_found (no such channel),
  /// invalid_argument (own_channel), conflict (too_many_follows).
  virtual void follow(const account::identity& who, user_id channel, callback<relation> done) = 0;
  virtual void unfollow(const account::identity& who, user_id channel, callback<relation> done) = 0;

  /// Newest first. Errors of the lists: invalid_argument (invalid_cursor); of the first two also
  /// not_found.
  virtual void followers(user_id channel, list_request request, callback<page<follower>> done) = 0;
  virtual void following(user_id user, list_request request, callback<page<followed>> done) = 0;
  /// Live and reconnecting streams of the channels that the user follows, newest first.
  virtual void live_followed(user_id user, list_request request,
                             callback<page<stream::info>> done) = 0;

  /// viewer: who asks, if known. Errors of both: not_found.
  virtual void profile_of(user_id user, std::optional<user_id> viewer, callback<profile> done) = 0;
  virtual void profile_named(std::string username, std::optional<user_id> viewer,
                             callback<profile> done) = 0;

  /// Since when the user follows the channel; nothing when not.
  virtual void followed_at(user_id user, user_id channel,
                           callback<std::optional<wall_time>> done) = 0;
};

}  // namespace troupe::follow
