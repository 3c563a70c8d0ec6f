// SPDX-License-Identifier: GPL-3.0-or-later
// The follows facade over the store. Thread: every function from any thread; nothing blocks the
// caller.
#pragma once

#include <cstdint>
#include <functional>

#include "actors/follow/follows.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/worker_pool.hpp"
#include "storage/follow_store.hpp"
#include "storage/user_store.hpp"

namespace troupe::follow {

struct settings {
  /// How many channels one user may follow; 0 = any number. It also bounds what it costs to find
  /// the live ones among them.
  std::int64_t most_followed = 5'000;
};

/// What it borrows; all of it must live longer.
struct service_dependencies {
  storage::follow_store& store;
  storage::user_store& users;
  worker_pool& store_pool;
  const clock& time;
  metrics& counters;
  /// Told of each change, before it is answered, on a thread of the pool; empty: nobody is.
  std::function<void(user_id channel, user_id follower)> on_change = {};
};

class follow_service final : public follows {
 public:
  follow_service(settings s, const service_dependencies& d);

  void follow(const account::identity& who, user_id channel, callback<relation> done) override;
  void unfollow(const account::identity& who, user_id channel, callback<relation> done) override;
  void followers(user_id channel, list_request request, callback<page<follower>> done) override;
  void following(user_id user, list_request request, callback<page<followed>> done) override;
  void live_followed(user_id user, list_request request,
                     callback<page<stream::info>> done) override;
  void profile_of(user_id user, std::optional<user_id> viewer, callback<profile> done) override;
  void profile_named(std::string username, std::optional<user_id> viewer,
                     callback<profile> done) override;
  void followed_at(user_id user, user_id channel, callback<std::optional<wall_time>> done) override;

 private:
  /// Runs a blocking job on the store's pool; unavailable when the pool has no room. The job may
  /// outlive this service, not what the service borrows.
  template <class T, class Job>
  void on_store(Job job, callback<T> done);

  const std::int64_t most_followed_;
  const service_dependencies d_;
  metrics::counter& followed_;
  metrics::counter& unfollowed_;
};

}  // namespace troupe::follow
