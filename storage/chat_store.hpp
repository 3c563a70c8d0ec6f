// SPDX-License-Identifier: GPL-3.0-or-later
// What of a chat room outlives every process: its numbered events, what moderators decided, and the
// answers to recent nonces. Each room's row remembers the highest epoch that wrote it and refuses
// lower ones (promise R1): a new activation calls adopt() before it acts.
// Thread: every function from any thread that may block.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

/// The numbers are what the tables hold.
enum class room_event_kind : std::uint8_t {
  message = 0,
  deleted = 1,  ///< target: the message
  cleared = 2,  ///< user: whose messages are gone
  mode = 3,     ///< details
  ban = 4,      ///< user, until, is_on
  role = 5,     ///< user, is_on: moderator
};

/// One numbered event of a room.
struct room_event {
  std::int64_t seq = 0;
  room_event_kind kind = room_event_kind::message;
  id message_id = 0;  ///< of a message; target of deleted; else 0
  std::optional<stream_id> stream;
  user_id user = 0;
  std::string username;
  /// Of a message: what its author was in the channel then, 0 user, 1 moderator, 2 owner.
  int author_role = 0;
  std::string text;  ///< of a message; empty once it is gone
  std::string nonce;
  id reply_to = 0;
  std::string details;  ///< JSON of the actor's own: what a reply quotes, a mode
  std::optional<wall_time> until;
  bool is_on = false;
  bool is_gone = false;  ///< a message that was deleted or cleared later
  wall_time created_at;
};

/// What was answered to a nonce.
struct nonce_record {
  std::string session;
  std::string nonce;
  std::string digest;    ///< of the text, to tell a repetition from a reuse
  id message_id = 0;     ///< also of a held message
  std::int64_t seq = 0;  ///< 0: held
  std::string text;      ///< as it was said, for a repeated POST's answer; may be cut off at 500
  wall_time created_at;
};

/// What a room knows of one user, apart from what was said.
struct member_record {
  user_id user = 0;
  std::string username;
  bool is_moderator = false;
  std::optional<wall_time> moderator_since;
  bool is_banned = false;
  std::optional<wall_time> banned_until;  ///< nothing and is_banned: for good
  std::string ban_reason;
  user_id banned_by = 0;
  std::string banned_by_name;
  wall_time banned_at;
  std::optional<wall_time> followed_at;  ///< read only: from the follow table
  std::optional<wall_time> said_at;      ///< read only, of member() alone: their last message
};

struct held_message {
  id message_id = 0;
  user_id user = 0;
  std::string username;
  std::string session;
  std::string nonce;
  std::string text;
  std::string word;  ///< the rule that held it
  id reply_to = 0;
  std::optional<stream_id> stream;
  wall_time created_at;
};

struct moderation_entry {
  id log_id = 0;       ///< from the node's id generator; newest first is highest first
  std::string action;  ///< "delete", "timeout", "ban", "unban", "appoint", "dismiss", "mode",
                       ///< "words", "allow", "deny"
  user_id by = 0;
  std::string by_name;
  user_id user = 0;  ///< 0: nobody
  std::string username;
  id message_id = 0;
  std::string text;  ///< of the message concerned
  std::string reason;
  std::string details;  ///< JSON of the actor's own
  wall_time created_at;
};

/// Everything one commit changes in one room; written as a whole or not at all.
struct room_write {
  user_id room = 0;
  std::int64_t epoch = 0;
  /// The room's last number and message id afterwards.
  std::int64_t last_seq = 0;
  id last_message_id = 0;
  std::vector<room_event> events;  ///< dense, ending with last_seq; may be empty
  std::vector<nonce_record> nonces;
  std::vector<id> gone_messages;  ///< deleted: their text goes from every later read of events
  std::vector<user_id> cleared;   ///< everything they said before these events
  std::vector<member_record>
      members;  ///< replace what stood under (room, user); followed_at is ignored
  std::optional<std::string> settings;  ///< JSON of the actor's own: mode and words
  std::vector<held_message> held;
  std::vector<id> decided;  ///< held messages that are held no more
  std::vector<moderation_entry> log;
};

/// A room as its new activation finds it.
struct adopted_room {
  std::string owner_name;  ///< username of the channel's owner
  std::int64_t last_seq = 0;
  id last_message_id = 0;
  std::string settings;              ///< empty at first
  std::vector<room_event> ring;      ///< the last 100 events, oldest first
  std::vector<nonce_record> nonces;  ///< younger than 10 minutes, at most 50,000, newest
  std::vector<held_message> held;    ///< oldest first
  std::vector<member_record> moderators;
  std::optional<stream_id> stream;  ///< the owner's unfinished one
  int stream_status = 0;            ///< as storage::stream_status
  std::string stream_title;
};

/// fenced: a newer activation has the room, or its last number or message id are not what the
/// writer believes (an earlier commit of its own arrived after all). Either way: drop what you
/// hold, adopt().
enum class room_outcome : std::uint8_t { ok, fenced };

struct history_request {
  user_id room = 0;
  /// At most one of these four is set; none: the newest.
  std::optional<id> before;
  std::optional<id> after;
  std::optional<std::int64_t> before_seq;
  std::optional<std::int64_t> after_seq;
  int limit = 50;
  bool only_messages = true;  ///< and only those that are not gone
};

class chat_store {
 public:
  virtual ~chat_store() = default;

  /// Takes the room for the activation with this epoch, making its row if there is none. Errors:
  /// not_found (no such user); conflict (fenced) when a newer activation has it.
  [[nodiscard]] virtual result<adopted_room> adopt(user_id room, std::int64_t epoch,
                                                   wall_time now) = 0;
  /// All writes, whose rooms differ, in one transaction and one round trip; answers in their order.
  /// A fenced room does not fail its neighbours. After unavailable or deadline_exceeded it may have
  /// been applied: last_seq() tells.
  [[nodiscard]] virtual result<std::vector<room_outcome>> append(
      std::span<const room_write> writes) = 0;
  /// The room's last number, if the epoch still stands. Errors: conflict (fenced).
  [[nodiscard]] virtual result<std::int64_t> last_seq(user_id room, std::int64_t epoch) = 0;

  /// Events oldest first.
  [[nodiscard]] virtual result<std::vector<room_event>> history(const history_request& r) = 0;
  /// A message, also one that is gone (text empty then). Errors: not_found.
  [[nodiscard]] virtual result<room_event> find_message(user_id room, id message_id) = 0;
  /// One query; a user the room knows nothing of gives an empty record with the username. Errors:
  /// not_found (no such user).
  [[nodiscard]] virtual result<member_record> member(user_id room, user_id user) = 0;
  [[nodiscard]] virtual result<std::vector<member_record>> moderators(user_id room) = 0;
  /// Those in force at now, newest first, below (banned_at, user) of `before`.
  [[nodiscard]] virtual result<std::vector<member_record>> bans(
      user_id room, wall_time now, int limit,
      std::optional<std::pair<wall_time, user_id>> before) = 0;
  /// A user's last messages, newest last, those gone included with their text kept for moderators.
  [[nodiscard]] virtual result<std::vector<room_event>> messages_of(user_id room, user_id user,
                                                                    int limit) = 0;
  [[nodiscard]] virtual result<std::vector<moderation_entry>> moderation_log(
      user_id room, int limit, std::optional<id> before) = 0;
  /// Nonces older than 10 minutes; at most limit rows, answers how many.
  [[nodiscard]] virtual result<std::size_t> remove_old_nonces(wall_time before, int limit) = 0;
  /// What rooms know of users whose time-out ended before that; never of a moderator or of somebody
  /// banned for good. At most limit rows, answers how many.
  [[nodiscard]] virtual result<std::size_t> remove_past_timeouts(wall_time before, int limit) = 0;
};

}  // namespace troupe::storage
