// SPDX-License-Identifier: GPL-3.0-or-later
// From what somebody wants to say to an entry that can be stored: the checks, in the order in which
// their refusals are told.
#include <algorithm>
#include <utility>

#include "actors/chat/permission.hpp"
#include "actors/chat/room.hpp"
#include "actors/chat/text_rules.hpp"

namespace troupe::chat {
namespace {

constexpr std::size_t longest_nonce = 64;     // docs/chat-protocol.md
constexpr std::size_t longest_session = 256;  // ours
// For how long what was read of a follow is believed: a refusal for the impatient who just
// followed, and against those who make the room read with every message; a permission for who
// ceased to.
constexpr duration refusal_trusted = std::chrono::seconds(3);
constexpr duration follow_trusted = std::chrono::seconds(60);
constexpr std::size_t most_repeaters = 16;  // of one message that is not durable yet

}  // namespace

runtime::later<posted> room::on(context& ctx, const post& m) {
  auto d = std::make_unique<draft>();
  auto answer = d->answer.answer();
  if (used(places_) >= limits_.most_waiting) {
    d_.counters.full_of_messages.add();
    d->answer.set(refuse(errc::unavailable, "unavailable", "too many messages wait in this chat"));
    return answer;
  }
  const auto rate = role_of(m.from) == role::user ? limits_.user_rate : limits_.moderator_rate;
  if (rate > 0 && behind_gate(m.from.user) >= rate) {
    d_.counters.behind_earlier.add();
    d->answer.set(refuse(errc::rate_limited, "rate_limited",
                         "your messages before this one are not answered yet",
                         std::chrono::seconds(1)));
    return answer;
  }
  d->said = m;
  d->held_place = places_;
  d->deadline = ctx.now() + limits_.longest_wait;
  in_order(ctx, m.from.user,
           [this, d = std::move(d)](context& now) mutable { say(now, std::move(d)); });
  arm(ctx);
  return answer;
}

void room::say(context& ctx, draft_ptr d) {
  if (ctx.now() >= d->deadline) {
    d_.counters.withdrawn.add();
    d->answer.set(away());
    return;
  }
  const auto& m = d->said;
  if (m.from.user == 0) {
    d->answer.set(refuse(errc::unauthenticated, "unauthenticated", "log in to chat"));
    return;
  }
  if (!checked_remark(m.nonce, longest_nonce) || !checked_remark(m.session, longest_session)) {
    d->answer.set(
        refuse(errc::invalid_argument, "invalid_nonce", "a nonce is 1 to 64 visible characters"));
    return;
  }
  if (is_repeated(ctx, *d)) {
    return;
  }
  auto text = checked_text(m.text, limits_.message_length);
  if (!text) {
    d_.counters.refuse(text.error().reason);
    d->answer.set(fail(std::move(text.error())));
    return;
  }
  d->text = std::move(*text);
  check_author(ctx, std::move(d));
}

void room::check_author(context& ctx, draft_ptr d) {
  d->author_role = role_of(d->said.from);
  if (d->author_role == role::user) {
    check_member(ctx, std::move(d), false);
  } else if (auto in_time = check_pace(ctx, *d); !in_time) {
    d->answer.set(fail(std::move(in_time.error())));
  } else {
    check_words(ctx, std::move(d));
  }
}

bool room::is_repeated(context& ctx, draft& d) {
  const auto& m = d.said;
  if (m.nonce.empty()) {
    return false;
  }
  d.digest = digest_of(m.from.user, m.reply_to, m.text);
  const auto* known = nonces_.find(m.session, m.nonce, ctx.wall());
  if (known == nullptr) {
    return false;
  }
  if (known->digest != d.digest) {
    d.answer.set(refuse(errc::conflict, "nonce_reused", "this nonce was used for another message"));
  } else if (known->answer) {
    d.answer.set(*known->answer);
  } else {
    const auto has_it = [&](const room_entry& e) {
      return e.nonce && e.nonce->session == m.session && e.nonce->nonce == m.nonce;
    };
    auto found = std::ranges::find_if(gathering_, has_it);
    room_entry* entry = found != gathering_.end() ? &*found : nullptr;
    if (entry == nullptr && flight_) {
      const auto flying = std::ranges::find_if(flight_->entries, has_it);
      entry = flying != flight_->entries.end() ? &*flying : nullptr;
    }
    if (entry != nullptr && entry->authors.size() >= most_repeaters) {
      d_.counters.repeated_too_often.add();
      d.answer.set(away());
    } else if (entry == nullptr) {
      d.answer.set(away());
    } else {
      entry->authors.push_back(std::move(d.answer));
    }
  }
  return true;
}

void room::check_member(context& ctx, draft_ptr d, bool is_fresh) {
  const auto user = d->said.from.user;
  const auto deadline = d->deadline;
  with_member(ctx, user, user, is_fresh, deadline,
              [this, d = std::move(d), is_fresh](context& now,
                                                 result<storage::member_record*> who) mutable {
                if (!who) {
                  d->answer.set(fail(std::move(who.error())));
                  return;
                }
                if (auto ok = check_ban(now, **who); !ok) {
                  d->answer.set(fail(std::move(ok.error())));
                  return;
                }
                if (auto ok = check_pace(now, *d); !ok) {
                  d->answer.set(fail(std::move(ok.error())));
                  return;
                }
                // They may have followed, or ceased to, since it was read.
                auto follows = check_followers_only(now, **who);
                const auto age = now.now() - members_.read_at(d->said.from.user);
                const bool is_old = data.mode.followers_only_min_age_s &&
                                    age >= (follows ? follow_trusted : refusal_trusted);
                if (!is_fresh && is_old) {
                  check_member(now, std::move(d), true);
                } else if (follows) {
                  check_words(now, std::move(d));
                } else {
                  pace_.tried(d->said.from.user, now.now(), most_counted());
                  d_.counters.refuse(follows.error().reason);
                  d->answer.set(fail(std::move(follows.error())));
                }
              });
}

std::size_t room::most_counted() const {
  return std::max(limits_.moderator_rate, limits_.user_rate);
}

result<void> room::check_ban(const context& ctx, const storage::member_record& who) const {
  if (!ban_of(who, ctx.wall())) {
    return {};
  }
  if (!who.banned_until) {
    return refuse(errc::forbidden, "banned", "you are banned from this chat");
  }
  return refuse(errc::forbidden, "banned", "you are timed out in this chat",
                *who.banned_until - ctx.wall());
}

result<void> room::check_followers_only(const context& ctx,
                                        const storage::member_record& who) const {
  const auto refused = follow_refusal_of(who, data.mode, ctx.wall());
  if (!refused) {
    return {};
  }
  auto why = make_error(errc::forbidden, "followers_only", "only followers may chat here");
  if (refused->until_ms) {
    why.message = "only those who have followed for longer may chat here";
    why.retry_after =
        std::chrono::ceil<std::chrono::milliseconds>(from_unix_ms(*refused->until_ms) - ctx.wall());
  }
  return fail(std::move(why));
}

result<void> room::check_pace(const context& ctx, const draft& d) {
  const auto user = d.said.from.user;
  const bool is_user = d.author_role == role::user;
  const auto most = is_user ? limits_.user_rate : limits_.moderator_rate;
  if (const auto wait = pace_.wait_for_rate(user, most, ctx.now()); wait > duration::zero()) {
    return refuse(errc::rate_limited, "rate_limited", "you are sending messages too quickly", wait);
  }
  if (is_user && data.mode.slow_s > 0) {
    const auto wait = pace_.wait_for_gap(user, std::chrono::seconds(data.mode.slow_s), ctx.now());
    if (wait > duration::zero()) {
      return refuse(errc::rate_limited, "slow_mode", "slow mode is on", wait);
    }
  }
  return {};
}

void room::check_words(context& ctx, draft_ptr d) {
  if (d->author_role == role::user) {
    auto found = filter_.look(d->text);
    if (found.is_refused) {
      d->answer.set(
          refuse(errc::forbidden, "blocked_word", "the message has a word that is not said here"));
      return;
    }
    d->text = std::move(found.text);
    if (found.is_held) {
      d->held_by = std::move(found.word);
    }
  }
  const auto reply_to = d->said.reply_to;
  if (reply_to == 0 || !d->held_by.empty()) {
    accept(ctx, std::move(d));
  } else if (const auto* known = find_in_ring(reply_to); known != nullptr) {
    d->reply_to = quote_of(*known);
    accept(ctx, std::move(d));
  } else if (d->original) {
    d->reply_to = quote_of(*std::exchange(d->original, std::nullopt));
    accept(ctx, std::move(d));
  } else {
    const auto user = d->said.from.user;
    with_message(ctx, user, reply_to,
                 [this, d = std::move(d)](context& now, result<event> original) mutable {
                   // Meanwhile its author may have been banned, the mode or the words changed.
                   d->original = std::move(original);
                   check_author(now, std::move(d));
                 });
  }
}

void room::accept(context& ctx, draft_ptr d) {
  auto& m = d->said;
  const auto now_ms = to_unix_ms(ctx.wall());
  const auto now = from_unix_ms(now_ms);  // what is answered now and after a restart is the same
  pace_.said(m.from.user, ctx.now(), most_counted());
  room_entry e;
  e.is_message = true;
  e.held_place = std::move(d->held_place);
  e.deadline = d->deadline;
  e.authors.push_back(std::move(d->answer));
  if (!m.nonce.empty()) {
    e.nonce = storage::nonce_record{m.session, m.nonce, d->digest, 0, 0, d->text, now};
    const auto dropped =
        nonces_.put(m.session, m.nonce, {.digest = d->digest, .answer = {}, .created_at = now});
    d_.counters.nonces_dropped.add(static_cast<double>(dropped));
  }
  const auto stream = is_live() ? std::optional(stream_->stream) : std::nullopt;
  if (!d->held_by.empty()) {
    e.held = storage::held_message{.message_id = 0,
                                   .user = m.from.user,
                                   .username = m.from.username,
                                   .session = m.session,
                                   .nonce = m.nonce,
                                   .text = std::move(d->text),
                                   .word = std::move(d->held_by),
                                   .reply_to = m.reply_to,
                                   .stream = stream,
                                   .created_at = now};
  } else {
    event said;
    said.kind = event_kind::message;
    said.stream = stream;
    said.user = m.from.user;
    said.username = m.from.username;
    said.author_role = d->author_role;
    said.text = std::move(d->text);
    said.nonce = m.nonce;
    said.reply_to = std::move(d->reply_to);
    said.created_ms = now_ms;
    e.events.push_back(std::move(said));
  }
  enqueue(ctx, std::move(e));
}

}  // namespace troupe::chat
