// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/chat_service.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "actors/chat/chat_service_reads.hpp"

namespace troupe::chat {
namespace {

// A room's first command waits for its activation, and each for a write of the store, whose own
// deadline is about 5 s.
constexpr auto room_deadline = std::chrono::seconds(8);
// While the store is away the room keeps a message for 60 s, and then says what became of it.
constexpr auto post_deadline = std::chrono::seconds(65);

speaker speaker_of(const account::identity& who) {
  return {.user = who.id, .username = who.username, .is_administrator = who.is_administrator};
}

error not_a_moderator() {
  return make_error(errc::forbidden, "only moderators of the channel may do this");
}

error wrong_cursor() {
  return make_error(errc::invalid_argument, "invalid_cursor", "cursor is not one that a list gave");
}

}  // namespace

template <class M>
void chat_service::ask(user_id channel, M m, duration deadline, callback<typename M::answer> done) {
  auto name = runtime::entity_name_of("room", channel);
  auto go_on = [this, name, m = std::move(m), deadline,
                done = std::move(done)](result<void> exists) mutable {
    if (!exists) {
      done(fail(std::move(exists.error())));
    } else {
      d_.entities.ask(d_.entities.open_session(), name, std::move(m), deadline, std::move(done));
    }
  };
  if (d_.entities.where(name)) {
    return go_on({});
  }
  on_store<void>([&store = d_.store, channel] { return require_channel(store, channel); },
                 std::move(go_on));
}

template <class M>
void chat_service::ask(user_id channel, M m, callback<typename M::answer> done) {
  ask(channel, std::move(m), room_deadline, std::move(done));
}

template <class M>
void chat_service::command(user_id channel, M m, callback<void> done) {
  ask(channel, std::move(m), [done = std::move(done)](result<runtime::accepted> answer) mutable {
    done(answer ? result<void>() : fail(std::move(answer.error())));
  });
}

template <class T, class Job>
void chat_service::on_store(Job job, callback<T> done) {
  run_on<T>(d_.store_pool, std::move(job), std::move(done));
}

template <class T, class Job>
void chat_service::as_moderator(const account::identity& who, user_id channel, Job job,
                                callback<T> done) {
  ask(channel, read_role{speaker_of(who)},
      [this, is_administrator = who.is_administrator, job = std::move(job),
       done = std::move(done)](result<role_answer> what) mutable {
        if (!what) {
          done(fail(std::move(what.error())));
        } else if (what->role == role::user && !is_administrator) {
          done(fail(not_a_moderator()));
        } else {
          on_store<T>(std::move(job), std::move(done));
        }
      });
}

void chat_service::say(const account::identity& who, user_id channel, std::string text, id reply_to,
                       std::string nonce, callback<posted> done) {
  post message{.from = speaker_of(who),
               .session = "http/" + std::to_string(who.id),
               .nonce = std::move(nonce),
               .text = std::move(text),
               .reply_to = reply_to};
  ask(channel, std::move(message), post_deadline, std::move(done));
}

void chat_service::history(user_id channel, const history_query& query,
                           callback<history_page> done) {
  on_store<history_page>(
      [&store = d_.store, channel, query] { return read_history(store, channel, query); },
      std::move(done));
}

void chat_service::delete_message(const account::identity& who, user_id channel, id message_id,
                                  std::string reason, callback<void> done) {
  command(channel,
          chat::delete_message{
              .by = speaker_of(who), .message_id = message_id, .reason = std::move(reason)},
          std::move(done));
}

void chat_service::read_mode(user_id channel, callback<chat::mode> done) {
  ask(channel, chat::read_mode{}, [done = std::move(done)](result<mode_answer> got) mutable {
    done(map(std::move(got), [](mode_answer m) { return m.mode; }));
  });
}

void chat_service::set_mode(const account::identity& who, user_id channel, chat::set_mode change,
                            callback<chat::mode> done) {
  change.by = speaker_of(who);
  ask(channel, change, std::move(done));
}

void chat_service::moderators(user_id channel, callback<std::vector<moderator>> done) {
  on_store<std::vector<moderator>>(
      [&store = d_.store, channel] { return read_moderators(store, channel); }, std::move(done));
}

void chat_service::set_moderator(const account::identity& who, user_id channel, user_id user,
                                 bool is_moderator, std::string reason, callback<void> done) {
  command(channel,
          chat::set_moderator{.by = speaker_of(who),
                              .user = user,
                              .is_moderator = is_moderator,
                              .reason = std::move(reason)},
          std::move(done));
}

void chat_service::bans(const account::identity& who, user_id channel, int limit,
                        std::optional<std::string> cursor, callback<page<ban>> done) {
  std::optional<ban_key> before;
  if (cursor) {
    before = parse_ban_cursor(*cursor);
    if (!before) {
      return done(fail(wrong_cursor()));
    }
  }
  as_moderator<page<ban>>(
      who, channel,
      [&store = d_.store, channel, now = d_.time.wall(), limit, before] {
        return read_bans(store, channel, now, limit, before);
      },
      std::move(done));
}

void chat_service::ban_user(const account::identity& who, user_id channel, user_id user,
                            std::optional<std::int64_t> duration_s, std::string reason,
                            callback<void> done) {
  command(channel,
          chat::ban_user{.by = speaker_of(who),
                         .user = user,
                         .duration_s = duration_s,
                         .reason = std::move(reason)},
          std::move(done));
}

void chat_service::unban_user(const account::identity& who, user_id channel, user_id user,
                              std::string reason, callback<void> done) {
  command(channel,
          chat::unban_user{.by = speaker_of(who), .user = user, .reason = std::move(reason)},
          std::move(done));
}

void chat_service::words(const account::identity& who, user_id channel,
                         callback<std::vector<word_rule>> done) {
  ask(channel, read_words{speaker_of(who)},
      [done = std::move(done)](result<word_list> got) mutable {
        done(map(std::move(got), [](word_list l) { return std::move(l.words); }));
      });
}

void chat_service::set_words(const account::identity& who, user_id channel,
                             std::vector<word_rule> words, std::string reason,
                             callback<void> done) {
  command(channel,
          chat::set_words{
              .by = speaker_of(who), .words = std::move(words), .reason = std::move(reason)},
          std::move(done));
}

void chat_service::held_messages(const account::identity& who, user_id channel,
                                 callback<std::vector<held>> done) {
  ask(channel, read_held{speaker_of(who)}, [done = std::move(done)](result<held_list> got) mutable {
    done(map(std::move(got), [](held_list l) { return std::move(l.items); }));
  });
}

void chat_service::decide_held(const account::identity& who, user_id channel, id message_id,
                               bool is_allowed, std::string reason, callback<void> done) {
  command(channel,
          chat::decide_held{.by = speaker_of(who),
                            .message_id = message_id,
                            .is_allowed = is_allowed,
                            .reason = std::move(reason)},
          std::move(done));
}

void chat_service::moderation_log(const account::identity& who, user_id channel, int limit,
                                  std::optional<std::string> cursor,
                                  callback<page<log_entry>> done) {
  std::optional<id> before;
  if (cursor) {
    before = parse_id(*cursor);
    if (!before) {
      return done(fail(wrong_cursor()));
    }
  }
  as_moderator<page<log_entry>>(
      who, channel,
      [&store = d_.store, channel, limit, before] {
        return read_log(store, channel, limit, before);
      },
      std::move(done));
}

void chat_service::card(const account::identity& who, user_id channel, user_id user,
                        callback<member_card> done) {
  as_moderator<member_card>(
      who, channel,
      [&store = d_.store, channel, user, now = d_.time.wall()] {
        return read_card(store, channel, user, now);
      },
      std::move(done));
}

}  // namespace troupe::chat
