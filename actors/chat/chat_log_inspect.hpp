// SPDX-License-Identifier: GPL-3.0-or-later
// How what a room gives its log travels: the store's structs, field by field.
#pragma once

#include "runtime/archive.hpp"
#include "storage/chat_store.hpp"

namespace troupe::storage {

template <class Inspector>
auto inspect(Inspector& f, room_event& x) {
  return f(x.seq, x.kind, x.message_id, x.stream, x.user, x.username, x.author_role, x.text,
           x.nonce, x.reply_to, x.details, x.until, x.is_on, x.is_gone, x.created_at);
}

template <class Inspector>
auto inspect(Inspector& f, nonce_record& x) {
  return f(x.session, x.nonce, x.digest, x.message_id, x.seq, x.text, x.created_at);
}

template <class Inspector>
auto inspect(Inspector& f, member_record& x) {
  return f(x.user, x.username, x.is_moderator, x.moderator_since, x.is_banned, x.banned_until,
           x.ban_reason, x.banned_by, x.banned_by_name, x.banned_at, x.followed_at);
}

template <class Inspector>
auto inspect(Inspector& f, held_message& x) {
  return f(x.message_id, x.user, x.username, x.session, x.nonce, x.text, x.word, x.reply_to,
           x.stream, x.created_at);
}

template <class Inspector>
auto inspect(Inspector& f, moderation_entry& x) {
  return f(x.log_id, x.action, x.by, x.by_name, x.user, x.username, x.message_id, x.text, x.reason,
           x.details, x.created_at);
}

template <class Inspector>
auto inspect(Inspector& f, room_write& x) {
  return f(x.room, x.epoch, x.last_seq, x.last_message_id, x.events, x.nonces, x.gone_messages,
           x.cleared, x.members, x.settings, x.held, x.decided, x.log);
}

}  // namespace troupe::storage
