// SPDX-License-Identifier: GPL-3.0-or-later
// One chat room, entity room/USER_ID of the channel's owner: checks and numbers what is said and
// decided, has it stored, then answers and tells a relay per node with viewers.
// Started by: the entity runtime, on first use. Owns: the ring of the last 100 events, nonces,
// mode, words, moderators, what is held. Talks to: chat_log, the store, relays, the audience's
// sink. Life: adopt -> serve -> passivated when idle without relays and audience. Thread: CAF
// worker pool, never blocks. Survives: everything that was answered or shown is stored; a new
// activation, anywhere, goes on from there. The memory is ahead of the store by what is in
// gathering_ and flight_; only what is stored is shown. When the store refuses it, the activation
// ends and its memory with it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/chat/audience.hpp"
#include "actors/chat/chat_log.hpp"
#include "actors/chat/member_cache.hpp"
#include "actors/chat/messages.hpp"
#include "actors/chat/nonce_table.hpp"
#include "actors/chat/pace.hpp"
#include "actors/chat/room_entry.hpp"
#include "actors/chat/room_removals.hpp"
#include "actors/chat/room_settings.hpp"
#include "actors/chat/word_filter.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/entities.hpp"

namespace troupe::chat {

/// To itself.
struct room_wakeup {
  static constexpr std::string_view type = "room.wakeup";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  enum class reason : std::uint8_t { every_second, commit, lookups };
  reason why = reason::every_second;
};

template <class Inspector>
auto inspect(Inspector& f, room_wakeup& x) {
  return f(x.why);
}

class room {
 public:
  static constexpr std::string_view kind = "room";
  static constexpr auto keep = runtime::keep::own_tables;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<post, subscribe, unsubscribe, delete_message, ban_user,
                                     unban_user, set_moderator, chat::set_mode, set_words,
                                     read_words, read_held, decide_held, read_role, read_mode,
                                     stream_changed, follow_changed, audience_report, room_wakeup>;

  /// The part of the memory that tests and tools look at, and what travels to another node; nothing
  /// of it is stored as such.
  struct state {
    user_id owner = 0;
    std::string owner_name;
    std::int64_t last_seq = 0;  // stored
    id last_message_id = 0;     // stored
    chat::mode mode;
    // Set when it leaves: who is told of what comes next. A room whose node died learns it from
    // the relays themselves, within two seconds.
    std::set<std::string> relays = {};
    std::map<std::string, std::int64_t> people = {};  // by node
    std::int64_t viewers = 0;                         // as published
  };

  room(const runtime::entity_name& name, const room_dependencies& d);
  ~room();
  room(const room&) = delete;
  room& operator=(const room&) = delete;

  /// For many viewers, each a sender.
  static runtime::kind_options options();

  runtime::later<void> activate(runtime::context& ctx);
  void passivate(runtime::context& ctx);

  runtime::later<posted> on(runtime::context& ctx, const post& m);
  result<subscription> on(runtime::context& ctx, const subscribe& m);
  void on(runtime::context& ctx, const unsubscribe& m);
  runtime::later<runtime::accepted> on(runtime::context& ctx, const delete_message& m);
  runtime::later<runtime::accepted> on(runtime::context& ctx, const ban_user& m);
  runtime::later<runtime::accepted> on(runtime::context& ctx, const unban_user& m);
  runtime::later<runtime::accepted> on(runtime::context& ctx, const set_moderator& m);
  runtime::later<chat::mode> on(runtime::context& ctx, const chat::set_mode& m);
  runtime::later<runtime::accepted> on(runtime::context& ctx, const set_words& m);
  result<word_list> on(runtime::context& ctx, const read_words& m) const;
  result<held_list> on(runtime::context& ctx, const read_held& m) const;
  runtime::later<runtime::accepted> on(runtime::context& ctx, const decide_held& m);
  result<role_answer> on(runtime::context& ctx, const read_role& m) const;
  result<mode_answer> on(runtime::context& ctx, const read_mode& m) const;
  void on(runtime::context& ctx, const stream_changed& m);
  void on(runtime::context& ctx, const follow_changed& m);
  void on(runtime::context& ctx, const audience_report& m);
  void on(runtime::context& ctx, const room_wakeup& m);

  state data;

 private:
  using context = runtime::context;
  using task = std::move_only_function<void(context&)>;
  using member_then = std::move_only_function<void(context&, result<storage::member_record*>)>;
  using message_then = std::move_only_function<void(context&, result<event>)>;
  using draft_ptr = std::unique_ptr<draft>;
  template <class R>
  using body = std::move_only_function<void(context&, runtime::promise<R>)>;

  // room.cpp: what the room is.
  result<void> adopt(context& ctx, storage::adopted_room row);
  chat::role role_of(const speaker& who) const;
  result<void> require(const speaker& who, chat::role least) const;
  bool is_live() const;
  /// Wakes up within a second while there is anything to watch.
  void arm(context& ctx);
  void take_over_listeners(context& ctx);
  void every_second(context& ctx);
  static std::size_t used(const ticket& places);
  std::size_t waiting() const;
  std::unexpected<error> refuse(errc code, std::string_view reason, std::string_view message,
                                duration retry_after = {}) const;
  std::unexpected<error> away() const;

  // room_posting.cpp: from a message to an entry.
  void say(context& ctx, draft_ptr d);
  bool is_repeated(context& ctx, draft& d);
  void check_author(context& ctx, draft_ptr d);
  void check_member(context& ctx, draft_ptr d, bool is_fresh);
  result<void> check_ban(const context& ctx, const storage::member_record& who) const;
  result<void> check_followers_only(const context& ctx, const storage::member_record& who) const;
  result<void> check_pace(const context& ctx, const draft& d);
  std::size_t most_counted() const;
  void check_words(context& ctx, draft_ptr d);
  void accept(context& ctx, draft_ptr d);

  // room_lookups.cpp: one sender's commands stay in order while one of them waits for the store.
  void in_order(context& ctx, user_id sender, task t);
  std::size_t behind_gate(user_id sender) const;
  void hold_gate(user_id sender);
  void open_gate(context& ctx, user_id sender);
  /// Gives the record of user to then, now or later; later, the sender's further commands wait.
  /// deadline: until when an absent store is asked again; nothing: not at all.
  void with_member(context& ctx, user_id sender, user_id user, bool is_fresh,
                   std::optional<steady_time> deadline, member_then then);
  void with_message(context& ctx, user_id sender, id message_id, message_then then);
  std::optional<quote> quote_of(const result<event>& original) const;
  void start_lookups(context& ctx);
  void looked_up(context& ctx, user_id user, result<storage::member_record> found);
  void give_up_lookups(context& ctx);

  // room_commits.cpp: from entries to the store, then to everybody.
  void enqueue(context& ctx, room_entry e);
  void start_batch(context& ctx);
  storage::room_write make_write(context& ctx, std::vector<room_entry>& entries);
  void add_unsettled_of(user_id user, storage::room_write& w) const;
  id next_id();
  void send_batch(context& ctx);
  void batch_answered(context& ctx, const result<committed>& how);
  void retry_later(context& ctx);
  void retry(context& ctx);
  void read_back(context& ctx);
  void was_not_stored(context& ctx);
  void settle(context& ctx);
  void settle_entry(context& ctx, room_entry& e, std::vector<event>& news);
  void give_up_waiting(context& ctx);

  // room_moderation.cpp: what commands change.
  template <class R>
  runtime::later<R> command(context& ctx, const speaker& by, body<R> what);
  const ticket& places_of(const speaker& by) const;
  template <class R>
  void enqueue_command(context& ctx, const speaker& by, room_entry e, runtime::promise<R> answer,
                       R wanted = {});
  /// Nothing is to be changed: answers when what was decided before is stored.
  template <class R>
  void answer_in_turn(context& ctx, const speaker& by, runtime::promise<R> answer, R wanted = {});
  storage::moderation_entry log_of(const context& ctx, std::string_view action, const speaker& by,
                                   user_id user, std::string_view username) const;
  result<void> may_ban(const ban_user& m) const;
  void apply_ban(context& ctx, const ban_user& m, const std::string& reason,
                 storage::member_record& who, room_entry& e);
  void dismiss(context& ctx, storage::member_record& who, room_entry& e);
  void decide(context& ctx, const decide_held& m, std::optional<quote> quoted,
              runtime::promise<runtime::accepted> answer);
  void remove_message(context& ctx, const delete_message& m, const result<event>& found,
                      runtime::promise<runtime::accepted> answer);
  void change_member(storage::member_record& who, room_entry& e);

  // room_subscribers.cpp: who is told.
  void add_to_ring(std::vector<event>& news);
  const event* find_in_ring(id message_id) const;
  void publish(context& ctx, const room_news& news);
  void publish_viewers(context& ctx);
  void publish_held(context& ctx);
  void forget_silent_relays(context& ctx);
  void drop_oldest_held(context& ctx);

  const room_dependencies& d_;
  const room_settings& limits_;
  bool is_open_ = false;

  std::deque<event> ring_;
  nonce_table nonces_;
  pace pace_;
  member_cache members_;
  std::map<user_id, std::string> moderators_;
  std::vector<word_rule> words_;
  word_filter filter_;
  shown_settings shown_;
  std::deque<storage::held_message> held_;  // stored, oldest first
  std::size_t published_held_ = 0;
  std::optional<stream_notice> stream_;

  // Lookups.
  struct gate {
    std::size_t holds = 0;
    std::deque<task> waiting;
  };

  struct lookup_waiter {
    user_id sender = 0;
    std::optional<steady_time> deadline;
    member_then then;
  };

  struct lookup {
    std::vector<lookup_waiter> waiters;
    bool is_running = false;
    bool is_outdated = false;  // they followed, or ceased to, meanwhile
  };

  std::unordered_map<user_id, gate> gates_;
  std::unordered_map<user_id, lookup> lookups_;
  std::deque<user_id> to_look_up_;
  std::size_t lookups_running_ = 0;
  bool lookups_pause_ = false;
  removals removals_;
  duration lookup_backoff_{};

  // Commits.
  ticket places_ = std::make_shared<const int>(0);
  ticket staff_places_ = std::make_shared<const int>(0);  // of moderators' commands
  id issued_id_ = 0;                                      // never given twice, stored or not
  std::deque<room_entry> gathering_;
  std::optional<room_flight> flight_;
  bool is_away_ = false;  // the store did not answer the last write
  duration backoff_{};

  // Who is told.
  std::map<std::string, steady_time> relays_;
  chat::audience audience_;
  std::int64_t published_viewers_ = 0;
  steady_time viewers_published_at_{};
  bool is_armed_ = false;
};

template <class Inspector>
auto inspect(Inspector& f, room::state& x) {
  return f(x.owner, x.owner_name, x.last_seq, x.last_message_id, x.mode, x.relays, x.people,
           x.viewers);
}

}  // namespace troupe::chat
