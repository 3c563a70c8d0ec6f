// SPDX-License-Identifier: GPL-3.0-or-later
// A chat_store in memory that fails as it is told: before the write, after it, or so late that its
// writer has given it up. It keeps the promises of storage/chat_store.hpp, fencing included.
// Thread: one.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/chat_store.hpp"

namespace troupe::test {

class memory_chat_store final : public storage::chat_store {
 public:
  enum class fault : std::uint8_t {
    none,
    away,         ///< nothing is written
    lost_answer,  ///< written, and answered unavailable
    late,         ///< answered unavailable, written by arrive_late()
    broken,       ///< refused for good when it holds the room `broken_room`
  };

  struct room_rows {
    std::int64_t epoch = 0;
    std::int64_t last_seq = 0;
    id last_message_id = 0;
    std::string settings;
    std::vector<storage::room_event> events;
    std::vector<storage::nonce_record> nonces;
    std::map<user_id, storage::member_record> members;
    std::vector<storage::held_message> held;
    std::vector<storage::moderation_entry> log;
    std::map<user_id, std::int64_t> cleared_below;
    std::set<id> gone;
  };

  // What tests set.
  bool is_away = false;               ///< every call
  bool reads_are_away = false;        ///< every call but append()
  std::deque<fault> faults;           ///< of the next appends
  std::function<fault()> next_fault;  ///< asked when faults is empty
  user_id broken_room = 0;
  std::map<user_id, std::string> users;
  std::map<std::pair<user_id, user_id>, wall_time> follows;  ///< (room, user)
  std::optional<stream_id> stream;
  int stream_status = 0;

  // What tests look at.
  std::map<user_id, room_rows> rooms;
  std::size_t appends = 0;
  std::size_t writes = 0;
  std::size_t member_reads = 0;
  std::size_t position_reads = 0;

  /// What was late is written now, where its epoch and number still stand.
  void arrive_late();

  result<storage::adopted_room> adopt(user_id room, std::int64_t epoch, wall_time now) override;
  result<std::vector<storage::room_outcome>> append(
      std::span<const storage::room_write> all) override;
  result<std::int64_t> last_seq(user_id room, std::int64_t epoch) override;
  result<std::vector<storage::room_event>> history(const storage::history_request& r) override;
  result<storage::room_event> find_message(user_id room, id message_id) override;
  result<storage::member_record> member(user_id room, user_id user) override;
  result<std::vector<storage::member_record>> moderators(user_id room) override;
  result<std::vector<storage::member_record>> bans(
      user_id room, wall_time now, int limit,
      std::optional<std::pair<wall_time, user_id>> before) override;
  result<std::vector<storage::room_event>> messages_of(user_id room, user_id user,
                                                       int limit) override;
  result<std::vector<storage::moderation_entry>> moderation_log(user_id room, int limit,
                                                                std::optional<id> before) override;
  result<std::size_t> remove_old_nonces(wall_time before, int limit) override;
  result<std::size_t> remove_past_timeouts(wall_time before, int limit) override;

 private:
  storage::room_outcome write(const storage::room_write& w);
  storage::room_event as_read(const room_rows& r, storage::room_event e) const;

  std::vector<storage::room_write> late_;
};

}  // namespace troupe::test
