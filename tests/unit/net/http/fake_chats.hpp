// SPDX-License-Identifier: GPL-3.0-or-later
// Rooms in memory: 7 and 42 are the channels of the user 7, and 9 is their moderator. Keeps what it
// was asked; what it answers is set by the test.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/chat/chats.hpp"
#include "tests/unit/net/http/fakes.hpp"

namespace troupe::http::testing {

class fake_chats final : public chat::chats, public fake_backend {
 public:
  struct said {
    user_id by = 0;
    user_id channel = 0;
    std::string text;
    id reply_to = 0;
    std::string nonce;
  };

  std::vector<said> messages;
  bool holds_messages = false;
  std::optional<chat::history_query> query;
  chat::history_page page_of_history;
  user_id channel = 0;  ///< of the last call
  id target = 0;        ///< message or user of the last call
  std::string reason;
  std::optional<std::int64_t> duration_s;
  std::optional<chat::set_mode> change;
  bool is_on = false;
  std::vector<chat::word_rule> rules = {{"spoiler", chat::word_action::hold}};
  std::optional<std::string> cursor;
  int limit = 0;
  std::vector<chat::moderator> all_moderators;
  std::vector<chat::ban> all_bans;
  std::vector<chat::held> all_held;
  std::vector<chat::log_entry> log;
  chat::member_card shown_card = bo();

  void say(const account::identity& who, user_id room, std::string text, id reply_to,
           std::string nonce, callback<chat::posted> done) override {
    messages.push_back({who.id, room, text, reply_to, std::move(nonce)});
    answer<chat::posted>(std::move(done),
                         chat::posted{.is_held = holds_messages,
                                      .message_id = 4213,
                                      .seq = static_cast<std::int64_t>(messages.size()),
                                      .text = std::move(text),
                                      .created_ms = 1'768'473'000'123});
  }

  void history(user_id room, const chat::history_query& wanted,
               callback<chat::history_page> done) override {
    channel = room;
    query = wanted;
    answer<chat::history_page>(std::move(done), page_of_history);
  }

  void delete_message(const account::identity& who, user_id room, id message_id, std::string why,
                      callback<void> done) override {
    moderate(who, room, message_id, std::move(why), std::move(done));
  }

  void read_mode(user_id room, callback<chat::mode> done) override {
    channel = room;
    answer<chat::mode>(std::move(done), chat::mode{10, std::nullopt});
  }

  void set_mode(const account::identity& who, user_id room, chat::set_mode wanted,
                callback<chat::mode> done) override {
    channel = room;
    reason = wanted.reason;
    change = std::move(wanted);
    answer<chat::mode>(std::move(done), if_moderator(who, room, chat::mode{3, 60}));
  }

  void moderators(user_id room, callback<std::vector<chat::moderator>> done) override {
    channel = room;
    answer<std::vector<chat::moderator>>(std::move(done), all_moderators);
  }

  void set_moderator(const account::identity& who, user_id room, user_id user, bool is_moderator,
                     std::string why, callback<void> done) override {
    is_on = is_moderator;
    reason = std::move(why);
    channel = room;
    target = user;
    answer<void>(std::move(done), who.id == 7 || who.is_administrator
                                      ? result<void>()
                                      : fail(errc::forbidden, "only the owner appoints"));
  }

  void bans(const account::identity& who, user_id room, int most, std::optional<std::string> after,
            callback<page<chat::ban>> done) override {
    list(room, most, std::move(after));
    answer<page<chat::ban>>(std::move(done),
                            if_moderator(who, room, page<chat::ban>{all_bans, "next-1"}));
  }

  void ban_user(const account::identity& who, user_id room, user_id user,
                std::optional<std::int64_t> seconds, std::string why,
                callback<void> done) override {
    duration_s = seconds;
    is_on = true;
    moderate(who, room, user, std::move(why), std::move(done));
  }

  void unban_user(const account::identity& who, user_id room, user_id user, std::string why,
                  callback<void> done) override {
    is_on = false;
    moderate(who, room, user, std::move(why), std::move(done));
  }

  void words(const account::identity& who, user_id room,
             callback<std::vector<chat::word_rule>> done) override {
    channel = room;
    answer<std::vector<chat::word_rule>>(std::move(done), if_moderator(who, room, rules));
  }

  void set_words(const account::identity& who, user_id room, std::vector<chat::word_rule> wanted,
                 std::string why, callback<void> done) override {
    rules = std::move(wanted);
    moderate(who, room, 0, std::move(why), std::move(done));
  }

  void held_messages(const account::identity& who, user_id room,
                     callback<std::vector<chat::held>> done) override {
    channel = room;
    answer<std::vector<chat::held>>(std::move(done), if_moderator(who, room, all_held));
  }

  void decide_held(const account::identity& who, user_id room, id message_id, bool is_allowed,
                   std::string why, callback<void> done) override {
    is_on = is_allowed;
    moderate(who, room, message_id, std::move(why), std::move(done));
  }

  void moderation_log(const account::identity& who, user_id room, int most,
                      std::optional<std::string> after,
                      callback<page<chat::log_entry>> done) override {
    list(room, most, std::move(after));
    answer<page<chat::log_entry>>(
        std::move(done), if_moderator(who, room, page<chat::log_entry>{log, std::nullopt}));
  }

  void card(const account::identity& who, user_id room, user_id user,
            callback<chat::member_card> done) override {
    channel = room;
    target = user;
    answer<chat::member_card>(std::move(done), if_moderator(who, room, shown_card));
  }

 private:
  static chat::member_card bo() {
    chat::member_card c;
    c.user = 8;
    c.username = "bo";
    return c;
  }

  static bool may_moderate(const account::identity& who) {
    return who.id == 7 || who.id == 9 || who.is_administrator;
  }

  template <class T>
  result<T> if_moderator(const account::identity& who, user_id room, T value) {
    channel = room;
    if (!may_moderate(who)) {
      return fail(errc::forbidden, "only moderators may do this");
    }
    return value;
  }

  void moderate(const account::identity& who, user_id room, id what, std::string why,
                callback<void> done) {
    channel = room;
    target = what;
    reason = std::move(why);
    answer<void>(std::move(done), may_moderate(who)
                                      ? result<void>()
                                      : fail(errc::forbidden, "only moderators may do this"));
  }

  void list(user_id room, int most, std::optional<std::string> after) {
    channel = room;
    limit = most;
    cursor = std::move(after);
  }
};

}  // namespace troupe::http::testing
