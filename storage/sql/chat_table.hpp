// SPDX-License-Identifier: GPL-3.0-or-later
// chat_store over the relational schema. Reading stands in chat_table.cpp, append() in
// chat_table_append.cpp. Thread: any that may block.
#pragma once

#include "storage/chat_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class chat_table final : public chat_store {
 public:
  chat_table(access a, engine kind) : access_(a), kind_(kind) {}

  result<adopted_room> adopt(user_id room, std::int64_t epoch, wall_time now) override;
  result<std::vector<room_outcome>> append(std::span<const room_write> writes) override;
  result<std::int64_t> last_seq(user_id room, std::int64_t epoch) override;
  result<std::vector<room_event>> history(const history_request& r) override;
  result<room_event> find_message(user_id room, id message_id) override;
  result<member_record> member(user_id room, user_id user) override;
  result<std::vector<member_record>> moderators(user_id room) override;
  result<std::vector<member_record>> bans(
      user_id room, wall_time now, int limit,
      std::optional<std::pair<wall_time, user_id>> before) override;
  result<std::vector<room_event>> messages_of(user_id room, user_id user, int limit) override;
  result<std::vector<moderation_entry>> moderation_log(user_id room, int limit,
                                                       std::optional<id> before) override;
  result<std::size_t> remove_old_nonces(wall_time before, int limit) override;
  result<std::size_t> remove_past_timeouts(wall_time before, int limit) override;

 private:
  result<void> claim(user_id room, std::int64_t epoch);
  result<adopted_room> read_state(user_id room);
  result<std::vector<nonce_record>> read_nonces(user_id room, wall_time after);
  result<std::size_t> remove_some(const std::string& table, const std::string& which,
                                  wall_time before, int limit);

  access access_;
  engine kind_;
};

}  // namespace troupe::storage::sql
