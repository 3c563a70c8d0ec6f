// SPDX-License-Identifier: GPL-3.0-or-later
// What moderators decide. A command is checked when its turn comes, changes the room's memory at
// once, so that whatever is said next obeys it, and is answered when it is stored.
#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "actors/chat/room.hpp"
#include "actors/chat/room_records.hpp"
#include "actors/chat/text_rules.hpp"
#include "actors/chat/word_changes.hpp"

namespace troupe::chat {
namespace {

// docs/chat-protocol.md
constexpr std::int64_t longest_slow_s = 3600;
constexpr std::int64_t longest_age_s = 7'776'000;
constexpr std::int64_t longest_timeout_s = 1'209'600;
constexpr std::size_t longest_reason = 500;
// A word takes at most 64 code points, so an entry of the log at most about 30 kB.
constexpr std::size_t most_words_in_entry = 100;

using runtime::accepted;
using accepted_promise = runtime::promise<accepted>;

event event_of(event_kind kind, user_id user, const std::string& username, wall_time now) {
  event e;
  e.kind = kind;
  e.user = user;
  e.username = username;
  e.created_ms = to_unix_ms(now);
  return e;
}

/// What somebody gives as their reason, once they may do what they ask.
result<std::string> reason_if(result<void> allowed, const std::string& raw) {
  return allowed ? checked_remark(raw, longest_reason) : fail(std::move(allowed.error()));
}

}  // namespace

template <class R>
runtime::later<R> room::command(context& ctx, const speaker& by, body<R> what) {
  runtime::promise<R> promised;
  auto answer = promised.answer();
  if (is_away_) {  // a moderator learns at once that it does not take effect
    promised.set(away());
    return answer;
  }
  const auto& places = places_of(by);
  const auto most = &places == &places_ ? limits_.most_waiting : limits_.most_staff_waiting;
  if (used(places) >= most) {
    (&places == &places_ ? d_.counters.full_of_messages : d_.counters.full_of_commands).add();
    promised.set(refuse(errc::unavailable, "unavailable", "too much waits in this chat"));
    return answer;
  }
  if (behind_gate(by.user) >= limits_.most_behind_gate) {
    d_.counters.behind_earlier.add();
    promised.set(refuse(errc::rate_limited, "rate_limited",
                        "your commands before this one are not answered yet",
                        std::chrono::seconds(1)));
    return answer;
  }
  in_order(ctx, by.user,
           [place = places, promised = std::move(promised),
            what = std::move(what)](context& now) mutable { what(now, std::move(promised)); });
  return answer;
}

/// Messages, however many wait, leave room for those who moderate them.
const ticket& room::places_of(const speaker& by) const {
  return role_of(by) == role::user ? places_ : staff_places_;
}

template <class R>
void room::enqueue_command(context& ctx, const speaker& by, room_entry e,
                           runtime::promise<R> answer, R wanted) {
  e.held_place = places_of(by);
  e.done = [answer = std::move(answer), wanted](context&) mutable { answer.set(wanted); };
  enqueue(ctx, std::move(e));
}

template <class R>
void room::answer_in_turn(context& ctx, const speaker& by, runtime::promise<R> answer, R wanted) {
  if (!flight_ && gathering_.empty()) {
    answer.set(wanted);
  } else {
    enqueue_command(ctx, by, {}, std::move(answer), wanted);
  }
}

storage::moderation_entry room::log_of(const context& ctx, std::string_view action,
                                       const speaker& by, user_id user,
                                       std::string_view username) const {
  storage::moderation_entry entry;
  entry.log_id = d_.ids.next();
  entry.action = action;
  entry.by = by.user;
  entry.by_name = by.username;
  entry.user = user;
  entry.username = username;
  entry.details = "{}";
  entry.created_at = ctx.wall();
  return entry;
}

void room::change_member(storage::member_record& who, room_entry& e) {
  members_.pin(who.user);
  e.members.push_back(who);
}

// ---- deleting ----

runtime::later<accepted> room::on(context& ctx, const delete_message& m) {
  return command<accepted>(ctx, m.by, [this, m](context& now, accepted_promise answer) {
    with_message(
        now, m.by.user, m.message_id,
        [this, m, answer = std::move(answer)](context& then, const result<event>& found) mutable {
          remove_message(then, m, found, std::move(answer));
        });
  });
}

void room::remove_message(context& ctx, const delete_message& m, const result<event>& found,
                          accepted_promise answer) {
  const bool is_own = found && found->user == m.by.user;
  if (!is_own || m.by.user == 0) {
    if (auto allowed = require(m.by, role::moderator); !allowed) {
      answer.set(fail(std::move(allowed.error())));
      return;
    }
  }
  if (!found) {
    answer.set(fail(found.error()));
    return;
  }
  auto reason = checked_remark(m.reason, longest_reason);
  if (!reason) {
    answer.set(fail(std::move(reason.error())));
    return;
  }
  if (found->kind != event_kind::message || removals_.has_pending(m.message_id)) {
    answer_in_turn(ctx, m.by, std::move(answer));  // gone already, or about to be
    return;
  }
  room_entry e;
  auto gone = event_of(event_kind::deleted, 0, {}, ctx.wall());
  gone.message_id = m.message_id;
  e.events.push_back(std::move(gone));
  e.gone_messages.push_back(m.message_id);
  removals_.add_message(m.message_id);
  auto entry = log_of(ctx, "delete", m.by, found->user, found->username);
  entry.message_id = m.message_id;
  entry.text = found->text;
  entry.reason = std::move(*reason);
  e.log.push_back(std::move(entry));
  enqueue_command(ctx, m.by, std::move(e), std::move(answer));
}

// ---- bans ----

result<void> room::may_ban(const ban_user& m) const {
  if (auto allowed = require(m.by, role::moderator); !allowed) {
    return allowed;
  }
  if (m.user == data.owner) {
    return refuse(errc::forbidden, "forbidden", "nobody bans the channel's owner");
  }
  const bool is_above = m.by.is_administrator || role_of(m.by) == role::owner;
  if (moderators_.contains(m.user) && !is_above) {
    return refuse(errc::forbidden, "forbidden", "moderators do not ban moderators");
  }
  if (m.duration_s && (*m.duration_s < 1 || *m.duration_s > longest_timeout_s)) {
    return fail(errc::invalid_argument, "invalid_duration", "a time-out is 1 s to 14 days");
  }
  return {};
}

runtime::later<accepted> room::on(context& ctx, const ban_user& m) {
  return command<accepted>(ctx, m.by, [this, m](context& now, accepted_promise answer) {
    auto reason = reason_if(may_ban(m), m.reason);
    if (!reason) {
      answer.set(fail(std::move(reason.error())));
      return;
    }
    with_member(now, m.by.user, m.user, false, {},
                [this, m, reason = std::move(*reason), answer = std::move(answer)](
                    context& then, result<storage::member_record*> who) mutable {
                  // Its target may have been appointed while its record was read.
                  if (auto still = may_ban(m); !who || !still) {
                    answer.set(fail(!who ? std::move(who.error()) : std::move(still.error())));
                    return;
                  }
                  room_entry e;
                  apply_ban(then, m, reason, **who, e);
                  enqueue_command(then, m.by, std::move(e), std::move(answer));
                });
  });
}

void room::apply_ban(context& ctx, const ban_user& m, const std::string& reason,
                     storage::member_record& who, room_entry& e) {
  const auto now = ctx.wall();
  if (moderators_.contains(m.user)) {
    dismiss(ctx, who, e);
  }
  who.is_banned = true;
  who.banned_until =
      m.duration_s
          ? std::optional(from_unix_ms(to_unix_ms(now)) + std::chrono::seconds(*m.duration_s))
          : std::nullopt;
  who.ban_reason = reason;
  who.banned_by = m.by.user;
  who.banned_by_name = m.by.username;
  who.banned_at = now;
  change_member(who, e);
  auto ban = event_of(event_kind::ban, m.user, who.username, now);
  ban.is_on = true;
  if (who.banned_until) {
    ban.until_ms = to_unix_ms(*who.banned_until);
  }
  e.events.push_back(std::move(ban));
  e.events.push_back(event_of(event_kind::cleared, m.user, who.username, now));
  e.cleared.push_back(m.user);
  removals_.add_user(m.user);
  std::erase_if(held_, [&](const storage::held_message& h) {
    if (h.user == m.user) {
      e.decided.push_back(h.message_id);
    }
    return h.user == m.user;
  });
  auto entry = log_of(ctx, m.duration_s ? "timeout" : "ban", m.by, m.user, who.username);
  entry.reason = reason;
  if (m.duration_s) {
    entry.details = fmt::format(R"({{"duration_s":{}}})", *m.duration_s);
  }
  e.log.push_back(std::move(entry));
}

runtime::later<accepted> room::on(context& ctx, const unban_user& m) {
  return command<accepted>(ctx, m.by, [this, m](context& now, accepted_promise answer) {
    auto reason = reason_if(require(m.by, role::moderator), m.reason);
    if (!reason) {
      answer.set(fail(std::move(reason.error())));
      return;
    }
    with_member(now, m.by.user, m.user, false, {},
                [this, m, reason = std::move(*reason), answer = std::move(answer)](
                    context& then, result<storage::member_record*> found) mutable {
                  if (!found) {
                    answer.set(fail(std::move(found.error())));
                    return;
                  }
                  auto& who = **found;
                  if (check_ban(then, who)) {
                    answer_in_turn(then, m.by, std::move(answer));  // none is in force
                    return;
                  }
                  room_entry e;
                  who.is_banned = false;
                  who.banned_until.reset();
                  change_member(who, e);
                  e.events.push_back(event_of(event_kind::ban, m.user, who.username, then.wall()));
                  e.log.push_back(log_of(then, "unban", m.by, m.user, who.username));
                  e.log.back().reason = std::move(reason);
                  enqueue_command(then, m.by, std::move(e), std::move(answer));
                });
  });
}

// ---- moderators ----

void room::dismiss(context& ctx, storage::member_record& who, room_entry& e) {
  moderators_.erase(who.user);
  who.is_moderator = false;
  who.moderator_since.reset();
  auto role_event = event_of(event_kind::role, who.user, who.username, ctx.wall());
  role_event.author_role = role::user;
  e.events.push_back(std::move(role_event));
}

runtime::later<accepted> room::on(context& ctx, const set_moderator& m) {
  return command<accepted>(ctx, m.by, [this, m](context& now, accepted_promise answer) {
    auto reason = reason_if(require(m.by, role::owner), m.reason);
    if (!reason) {
      answer.set(fail(std::move(reason.error())));
      return;
    }
    with_member(
        now, m.by.user, m.user, false, {},
        [this, m, reason = std::move(*reason), answer = std::move(answer)](
            context& then, result<storage::member_record*> found) mutable {
          if (!found) {
            answer.set(fail(std::move(found.error())));
            return;
          }
          auto& who = **found;
          if (moderators_.contains(m.user) == m.is_moderator) {
            answer_in_turn(then, m.by, std::move(answer));
            return;
          }
          if (m.user == data.owner) {
            answer.set(fail(errc::conflict, "is_owner", "the owner may do everything already"));
            return;
          }
          if (m.is_moderator && !check_ban(then, who)) {
            answer.set(fail(errc::conflict, "is_banned", "lift the ban first"));
            return;
          }
          if (m.is_moderator && moderators_.size() >= limits_.moderators) {
            answer.set(fail(errc::conflict, "too_many_moderators", "the channel has too many"));
            return;
          }
          room_entry e;
          if (m.is_moderator) {
            moderators_.emplace(m.user, who.username);
            who.is_moderator = true;
            who.moderator_since = then.wall();
            auto role_event = event_of(event_kind::role, m.user, who.username, then.wall());
            role_event.author_role = role::moderator;
            e.events.push_back(std::move(role_event));
          } else {
            dismiss(then, who, e);
          }
          change_member(who, e);
          e.log.push_back(
              log_of(then, m.is_moderator ? "appoint" : "dismiss", m.by, m.user, who.username));
          e.log.back().reason = std::move(reason);
          enqueue_command(then, m.by, std::move(e), std::move(answer));
        });
  });
}

// ---- mode and words ----

runtime::later<mode> room::on(context& ctx, const chat::set_mode& m) {
  return command<chat::mode>(
      ctx, m.by, [this, m](context& now, runtime::promise<chat::mode> answer) {
        auto reason = reason_if(require(m.by, role::moderator), m.reason);
        if (!reason) {
          answer.set(fail(std::move(reason.error())));
          return;
        }
        auto wanted = data.mode;
        wanted.slow_s = m.slow_s.value_or(wanted.slow_s);
        if (m.sets_followers_only) {
          wanted.followers_only_min_age_s = m.followers_only_min_age_s;
        }
        const auto age = wanted.followers_only_min_age_s.value_or(0);
        if (wanted.slow_s < 0 || wanted.slow_s > longest_slow_s || age < 0 || age > longest_age_s) {
          answer.set(fail(errc::invalid_argument, "invalid_mode",
                          "slow mode is 0 to 3600 s, the least age of a follow 0 to 90 days"));
          return;
        }
        if (wanted == data.mode) {
          answer_in_turn(now, m.by, std::move(answer), wanted);
          return;
        }
        data.mode = wanted;
        pace_.remember_for(std::chrono::seconds(wanted.slow_s));
        room_entry e;
        auto changed = event_of(event_kind::mode, 0, {}, now.wall());
        changed.mode = wanted;
        e.events.push_back(std::move(changed));
        e.settings = to_settings({data.mode, words_});
        auto entry = log_of(now, "mode", m.by, 0, {});
        entry.reason = std::move(*reason);
        entry.details = details_of(wanted);
        e.log.push_back(std::move(entry));
        enqueue_command(now, m.by, std::move(e), std::move(answer), wanted);
      });
}

runtime::later<accepted> room::on(context& ctx, const set_words& m) {
  return command<accepted>(ctx, m.by, [this, m](context& now, accepted_promise answer) {
    auto reason = reason_if(require(m.by, role::moderator), m.reason);
    if (!reason) {
      answer.set(fail(std::move(reason.error())));
      return;
    }
    auto words = checked_words(m.words, limits_.words, limits_.word_length);
    if (!words) {
      answer.set(fail(std::move(words.error())));
      return;
    }
    const auto changes = word_changes(words_, *words, most_words_in_entry);
    if (changes.empty()) {
      answer_in_turn(now, m.by, std::move(answer));
      return;
    }
    words_ = std::move(*words);
    filter_ = word_filter(words_);
    room_entry e;
    e.words = words_;
    e.settings = to_settings({data.mode, words_});
    for (const auto& each : changes) {
      e.log.push_back(log_of(now, "words", m.by, 0, {}));
      e.log.back().reason = *reason;
      e.log.back().details = each;
    }
    enqueue_command(now, m.by, std::move(e), std::move(answer));
  });
}

// ---- held messages ----

runtime::later<accepted> room::on(context& ctx, const decide_held& asked) {
  return command<accepted>(
      ctx, asked.by, [this, m = asked](context& now, accepted_promise answer) mutable {
        auto reason = reason_if(require(m.by, role::moderator), m.reason);
        if (!reason) {
          answer.set(fail(std::move(reason.error())));
          return;
        }
        m.reason = std::move(*reason);
        const auto found =
            std::ranges::find(held_, m.message_id, &storage::held_message::message_id);
        if (found == held_.end()) {
          answer.set(fail(errc::not_found, "that message is not held"));
          return;
        }
        const auto author = found->user;
        const auto reply_to = found->reply_to;
        if (!m.is_allowed) {
          decide(now, m, {}, std::move(answer));
          return;
        }
        const auto check = [this, m, author](context& then, std::optional<result<event>> original,
                                             accepted_promise waits) {
          with_member(then, m.by.user, author, false, {},
                      [this, m, original = std::move(original), answer = std::move(waits)](
                          context& last, result<storage::member_record*> who) mutable {
                        if (!who) {
                          answer.set(fail(std::move(who.error())));
                        } else if (!check_ban(last, **who)) {
                          answer.set(fail(errc::conflict, "is_banned", "lift the ban first"));
                        } else {
                          decide(last, m, original ? quote_of(*original) : std::nullopt,
                                 std::move(answer));
                        }
                      });
        };
        if (reply_to == 0) {
          check(now, {}, std::move(answer));
          return;
        }
        with_message(
            now, m.by.user, reply_to,
            [check, answer = std::move(answer)](context& then, result<event> original) mutable {
              check(then, std::move(original), std::move(answer));
            });
      });
}

void room::decide(context& ctx, const decide_held& m, std::optional<quote> quoted,
                  accepted_promise answer) {
  const auto found = std::ranges::find(held_, m.message_id, &storage::held_message::message_id);
  if (found == held_.end()) {  // another moderator was faster
    answer.set(fail(errc::not_found, "that message is not held"));
    return;
  }
  const auto held = std::move(*found);
  held_.erase(found);
  room_entry e;
  e.decided.push_back(held.message_id);
  if (m.is_allowed) {
    auto said = event_of(event_kind::message, held.user, held.username, ctx.wall());
    said.stream = is_live() ? std::optional(stream_->stream) : std::nullopt;
    said.author_role = moderators_.contains(held.user) ? role::moderator : role::user;
    said.text = held.text;
    said.nonce = held.nonce;
    said.reply_to = std::move(quoted);
    e.events.push_back(std::move(said));
  } else {
    e.verdicts.push_back({held.user, held.session, held.nonce, "held_denied"});
  }
  auto entry = log_of(ctx, m.is_allowed ? "allow" : "deny", m.by, held.user, held.username);
  entry.message_id = held.message_id;
  entry.text = held.text;
  entry.reason = m.reason;
  e.log.push_back(std::move(entry));
  enqueue_command(ctx, m.by, std::move(e), std::move(answer));
}

}  // namespace troupe::chat
