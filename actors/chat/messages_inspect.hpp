// SPDX-License-Identifier: GPL-3.0-or-later
// How the messages of a room travel: their fields, in the order of their bytes.
#pragma once

#include "actors/chat/messages.hpp"

namespace troupe::chat {

template <class Inspector>
auto inspect(Inspector& f, speaker& x) {
  return f(x.user, x.username, x.is_administrator);
}

template <class Inspector>
auto inspect(Inspector& f, mode& x) {
  return f(x.slow_s, x.followers_only_min_age_s);
}

template <class Inspector>
auto inspect(Inspector& f, refusal& x) {
  return f(x.code, x.until_ms, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, permission& x) {
  return f(x.refusal);
}

template <class Inspector>
auto inspect(Inspector& f, verdict& x) {
  return f(x.user, x.session, x.nonce, x.code);
}

template <class Inspector>
auto inspect(Inspector& f, quote& x) {
  return f(x.message_id, x.user, x.username, x.text);
}

template <class Inspector>
auto inspect(Inspector& f, event& x) {
  return f(x.seq, x.kind, x.message_id, x.stream, x.user, x.username, x.author_role, x.text,
           x.nonce, x.reply_to, x.mode, x.is_on, x.until_ms, x.created_ms);
}

template <class Inspector>
auto inspect(Inspector& f, stream_notice& x) {
  return f(x.stream, x.status, x.title);
}

template <class Inspector>
auto inspect(Inspector& f, posted& x) {
  return f(x.is_held, x.message_id, x.seq, x.text, x.created_ms);
}

template <class Inspector>
auto inspect(Inspector& f, post& x) {
  return f(x.from, x.session, x.nonce, x.text, x.reply_to);
}

template <class Inspector>
auto inspect(Inspector& f, subscription& x) {
  return f(x.last_seq, x.events, x.mode, x.owner, x.owner_name, x.moderators, x.stream, x.viewers,
           x.held);
}

template <class Inspector>
auto inspect(Inspector& f, subscribe& x) {
  return f(x.relay, x.after);
}

template <class Inspector>
auto inspect(Inspector& f, unsubscribe& x) {
  return f(x.relay);
}

template <class Inspector>
auto inspect(Inspector& f, delete_message& x) {
  return f(x.by, x.message_id, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, ban_user& x) {
  return f(x.by, x.user, x.duration_s, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, unban_user& x) {
  return f(x.by, x.user, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, set_moderator& x) {
  return f(x.by, x.user, x.is_moderator, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, set_mode& x) {
  return f(x.by, x.slow_s, x.sets_followers_only, x.followers_only_min_age_s, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, word_rule& x) {
  return f(x.word, x.action);
}

template <class Inspector>
auto inspect(Inspector& f, word_list& x) {
  return f(x.words);
}

template <class Inspector>
auto inspect(Inspector& f, set_words& x) {
  return f(x.by, x.words, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, read_words& x) {
  return f(x.by);
}

template <class Inspector>
auto inspect(Inspector& f, held& x) {
  return f(x.message_id, x.user, x.username, x.text, x.word, x.created_ms);
}

template <class Inspector>
auto inspect(Inspector& f, held_list& x) {
  return f(x.items);
}

template <class Inspector>
auto inspect(Inspector& f, read_held& x) {
  return f(x.by);
}

template <class Inspector>
auto inspect(Inspector& f, decide_held& x) {
  return f(x.by, x.message_id, x.is_allowed, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, role_answer& x) {
  return f(x.role, x.mode);
}

template <class Inspector>
auto inspect(Inspector& f, read_role& x) {
  return f(x.who);
}

template <class Inspector>
auto inspect(Inspector& f, mode_answer& x) {
  return f(x.mode);
}

template <class Inspector>
auto inspect(Inspector& f, read_mode&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, stream_changed& x) {
  return f(x.stream);
}

template <class Inspector>
auto inspect(Inspector& f, follow_changed& x) {
  return f(x.user);
}

template <class Inspector>
auto inspect(Inspector& f, audience_report& x) {
  return f(x.node, x.people);
}

template <class Inspector>
auto inspect(Inspector& f, room_news& x) {
  return f(x.epoch, x.events, x.stream, x.viewers, x.held, x.verdicts);
}

template <class Inspector>
auto inspect(Inspector& f, joined& x) {
  return f(x.last_seq, x.history, x.missed, x.mode, x.owner, x.owner_name, x.moderators, x.stream,
           x.viewers, x.held);
}

template <class Inspector>
auto inspect(Inspector& f, join& x) {
  return f(x.after);
}

template <class Inspector>
auto inspect(Inspector& f, leave&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, listening& x) {
  return f(x.heard);
}

}  // namespace troupe::chat
