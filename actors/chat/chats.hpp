// SPDX-License-Identifier: GPL-3.0-or-later
// The rooms as HTTP sees them; docs/chat-protocol.md says what each call means, who may, and the
// codes of errors. channel is the user_id of its owner. Thread: every function from any thread;
// callbacks on a thread of the store's pool or a CAF worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/account/accounts.hpp"
#include "actors/chat/messages.hpp"
#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/page.hpp"

namespace troupe::chat {

struct history_query {
  /// At most one of these four is set; none: the newest.
  std::optional<id> before = std::nullopt;
  std::optional<id> after = std::nullopt;
  std::optional<std::int64_t> before_seq = std::nullopt;
  std::optional<std::int64_t> after_seq = std::nullopt;
  int limit = 50;
};

struct history_page {
  std::vector<event> events;  ///< oldest first
  /// What continues, while there may be more: message_id or, for the seq ones, seq of the oldest
  /// (before) or newest (after) event.
  std::optional<std::int64_t> next;
};

struct moderator {
  user_id user = 0;
  std::string username;
  wall_time since;
};

struct ban {
  user_id user = 0;
  std::string username;
  std::optional<wall_time> until;
  std::string reason;
  user_id by = 0;
  std::string by_name;
  wall_time created_at;
};

struct log_entry {
  id log_id = 0;
  std::string action;
  user_id by = 0;
  std::string by_name;
  user_id user = 0;  ///< 0: nobody
  std::string username;
  id message_id = 0;  ///< 0: none
  std::string text;
  std::string reason;
  std::string details;  ///< a JSON object
  wall_time created_at;
};

/// What moderators see of one user.
struct member_card {
  user_id user = 0;
  std::string username;
  chat::role role = chat::role::user;
  bool is_banned = false;
  std::optional<wall_time> banned_until;
  std::optional<wall_time> followed_at;
  std::vector<event>
      messages;  ///< the last 20, oldest first; kind deleted ones still have their text
};

class chats {
 public:
  virtual ~chats() = default;

  /// nonce empty: none.
  virtual void say(const account::identity& who, user_id channel, std::string text, id reply_to,
                   std::string nonce, callback<posted> done) = 0;
  virtual void history(user_id channel, const history_query& query,
                       callback<history_page> done) = 0;
  virtual void delete_message(const account::identity& who, user_id channel, id message_id,
                              std::string reason, callback<void> done) = 0;
  virtual void read_mode(user_id channel, callback<chat::mode> done) = 0;
  virtual void set_mode(const account::identity& who, user_id channel, chat::set_mode change,
                        callback<chat::mode> done) = 0;
  virtual void moderators(user_id channel, callback<std::vector<moderator>> done) = 0;
  virtual void set_moderator(const account::identity& who, user_id channel, user_id user,
                             bool is_moderator, std::string reason, callback<void> done) = 0;
  virtual void bans(const account::identity& who, user_id channel, int limit,
                    std::optional<std::string> cursor, callback<page<ban>> done) = 0;
  virtual void ban_user(const account::identity& who, user_id channel, user_id user,
                        std::optional<std::int64_t> duration_s, std::string reason,
                        callback<void> done) = 0;
  virtual void unban_user(const account::identity& who, user_id channel, user_id user,
                          std::string reason, callback<void> done) = 0;
  virtual void words(const account::identity& who, user_id channel,
                     callback<std::vector<word_rule>> done) = 0;
  virtual void set_words(const account::identity& who, user_id channel,
                         std::vector<word_rule> words, std::string reason, callback<void> done) = 0;
  virtual void held_messages(const account::identity& who, user_id channel,
                             callback<std::vector<held>> done) = 0;
  virtual void decide_held(const account::identity& who, user_id channel, id message_id,
                           bool is_allowed, std::string reason, callback<void> done) = 0;
  virtual void moderation_log(const account::identity& who, user_id channel, int limit,
                              std::optional<std::string> cursor,
                              callback<page<log_entry>> done) = 0;
  virtual void card(const account::identity& who, user_id channel, user_id user,
                    callback<member_card> done) = 0;
};

}  // namespace troupe::chat
