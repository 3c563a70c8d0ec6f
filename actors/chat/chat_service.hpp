// SPDX-License-Identifier: GPL-3.0-or-later
// The chats facade over the store and the room entities: what changes a room, or what only it
// knows, goes to the room; what is only rows is read from the store, after the room has said that
// the caller may. Thread: every function from any thread; nothing blocks the caller.
#pragma once

#include "actors/chat/chats.hpp"
#include "actors/chat/messages.hpp"
#include "base/worker_pool.hpp"
#include "runtime/entities.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

/// What it borrows; all of it must live longer.
struct chat_dependencies {
  storage::chat_store& store;
  worker_pool& store_pool;
  runtime::entities& entities;
  const clock& time;
};

class chat_service final : public chats {
 public:
  explicit chat_service(const chat_dependencies& d) : d_(d) {}

  void say(const account::identity& who, user_id channel, std::string text, id reply_to,
           std::string nonce, callback<posted> done) override;
  void history(user_id channel, const history_query& query, callback<history_page> done) override;
  void delete_message(const account::identity& who, user_id channel, id message_id,
                      std::string reason, callback<void> done) override;
  void read_mode(user_id channel, callback<chat::mode> done) override;
  void set_mode(const account::identity& who, user_id channel, chat::set_mode change,
                callback<chat::mode> done) override;
  void moderators(user_id channel, callback<std::vector<moderator>> done) override;
  void set_moderator(const account::identity& who, user_id channel, user_id user, bool is_moderator,
                     std::string reason, callback<void> done) override;
  void bans(const account::identity& who, user_id channel, int limit,
            std::optional<std::string> cursor, callback<page<ban>> done) override;
  void ban_user(const account::identity& who, user_id channel, user_id user,
                std::optional<std::int64_t> duration_s, std::string reason,
                callback<void> done) override;
  void unban_user(const account::identity& who, user_id channel, user_id user, std::string reason,
                  callback<void> done) override;
  void words(const account::identity& who, user_id channel,
             callback<std::vector<word_rule>> done) override;
  void set_words(const account::identity& who, user_id channel, std::vector<word_rule> words,
                 std::string reason, callback<void> done) override;
  void held_messages(const account::identity& who, user_id channel,
                     callback<std::vector<held>> done) override;
  void decide_held(const account::identity& who, user_id channel, id message_id, bool is_allowed,
                   std::string reason, callback<void> done) override;
  void moderation_log(const account::identity& who, user_id channel, int limit,
                      std::optional<std::string> cursor, callback<page<log_entry>> done) override;
  void card(const account::identity& who, user_id channel, user_id user,
            callback<member_card> done) override;

 private:
  /// Each call is a session of its own: one command, applied once. A room that is not awake is only
  /// woken when the store knows its channel: asking for any number leaves nothing behind.
  template <class M>
  void ask(user_id channel, M m, duration deadline, callback<typename M::answer> done);
  template <class M>
  void ask(user_id channel, M m, callback<typename M::answer> done);
  /// A command whose answer is a bare yes.
  template <class M>
  void command(user_id channel, M m, callback<void> done);
  /// Runs a blocking read of the store on its pool; unavailable when the pool has no room.
  template <class T, class Job>
  void on_store(Job job, callback<T> done);
  /// As on_store, once the room has said that who is a moderator there, its owner or an
  /// administrator.
  template <class T, class Job>
  void as_moderator(const account::identity& who, user_id channel, Job job, callback<T> done);

  chat_dependencies d_;
};

}  // namespace troupe::chat
