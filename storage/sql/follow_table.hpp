// SPDX-License-Identifier: GPL-3.0-or-later
// follow_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/follow_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class follow_table final : public follow_store {
 public:
  explicit follow_table(access a) : access_(a) {}

  result<follow_change> add(user_id follower, user_id channel, wall_time now,
                            std::int64_t most) override;
  result<follow_change> remove(user_id follower, user_id channel) override;
  result<std::optional<wall_time>> followed_at(user_id follower, user_id channel) override;
  result<std::vector<follower_record>> list_followers(
      user_id channel, int limit, const std::optional<follow_place>& before) override;
  result<std::vector<followed_record>> list_following(
      user_id follower, int limit, const std::optional<follow_place>& before) override;
  result<std::vector<stream_record>> list_live_followed(user_id follower, int limit,
                                                        std::optional<stream_id> before) override;
  result<profile_record> profile(user_id id, std::optional<user_id> viewer) override;
  result<profile_record> profile_by_name(std::string_view key,
                                         std::optional<user_id> viewer) override;

 private:
  access access_;
};

}  // namespace troupe::storage::sql
