// SPDX-License-Identifier: GPL-3.0-or-later
// What a ChatRoom (entity room/USER_ID of the channel's owner) and a RoomRelay (relay/NODE/USER_ID)
// understand. Times are Unix milliseconds. Codes of errors: docs/chat-protocol.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "runtime/message.hpp"

namespace troupe::chat {

/// Who speaks, or acts, as the edge's access token proved it.
struct speaker {
  user_id user = 0;
  std::string username;
  bool is_administrator = false;
};

enum class role : std::uint8_t { user, moderator, owner };

std::string_view to_string(role r);

/// What moderators may set for everybody.
struct mode {
  std::int64_t slow_s = 0;                               ///< 0: off
  std::optional<std::int64_t> followers_only_min_age_s;  ///< nothing: off

  friend bool operator==(const mode&, const mode&) = default;
};

/// Why somebody may not write, whatever they say.
struct refusal {
  std::string code;                      ///< "unauthenticated", "banned", "followers_only"
  std::optional<std::int64_t> until_ms;  ///< when it ends by itself; nothing: it does not
  std::string reason;                    ///< of a ban, in its moderator's words
};

struct permission {
  std::optional<chat::refusal> refusal;  ///< nothing: they may
};

/// What becomes of a held message, for its author alone.
struct verdict {
  user_id user = 0;
  std::string session;  ///< whose nonce it is
  std::string nonce;    ///< empty: none
  std::string code;     ///< "held_denied", "held_dropped"
};

/// What a reply quotes.
struct quote {
  id message_id = 0;
  user_id user = 0;
  std::string username;
  std::string text;  ///< its first 100 code points
};

enum class event_kind : std::uint8_t { message, deleted, cleared, mode, ban, role };

/// One numbered event, as everybody sees it. Fields that its kind has no use for are empty. A
/// message that was deleted or cleared since has the kind deleted and its own number.
struct event {
  std::int64_t seq = 0;
  event_kind kind = event_kind::message;
  id message_id = 0;  ///< of a message; of deleted: the one that is gone
  std::optional<stream_id> stream;
  user_id user = 0;  ///< who said it, or whom it concerns
  std::string username;
  chat::role author_role = role::user;  ///< of a message's author; of role: what the user is now
  std::string text;
  std::string nonce;
  std::optional<quote> reply_to;
  chat::mode mode;
  bool is_on = false;                    ///< ban: in force
  std::optional<std::int64_t> until_ms;  ///< ban: nothing is for good
  std::int64_t created_ms = 0;
};

/// The owner's present or last stream, for the room.
struct stream_notice {
  stream_id stream = 0;
  std::string status;  ///< "waiting", "live", "reconnecting", "ended"
  std::string title;   ///< from stream/ID: empty, it is as it was
};

// ---- to room/USER_ID ----

struct posted {
  bool is_held = false;
  id message_id = 0;
  std::int64_t seq = 0;  ///< 0 when held
  std::string text;      ///< normalised, masked
  std::int64_t created_ms = 0;
};

/// Says something. session and nonce make it happen once. Answered when durable; while the store is
/// away within 60 s. Errors: those of a message, docs/chat-protocol.md; waits in
/// error::retry_after.
struct post {
  static constexpr std::string_view type = "room.post";
  static constexpr std::uint32_t version = 1;
  using answer = posted;

  speaker from;
  std::string session;  ///< of the viewer session; "http/USER_ID" for POST
  std::string nonce;    ///< empty: no protection against repetition
  std::string text;
  id reply_to = 0;
};

/// A relay wants events after a number. The room remembers it until it has not renewed for 10 s.
struct subscription {
  std::int64_t last_seq = 0;
  /// after+1 …; or the last 100 when after is older than the room's ring, or none was given.
  std::vector<event> events;
  chat::mode mode;
  user_id owner = 0;
  std::string owner_name;
  std::vector<user_id> moderators;
  std::optional<stream_notice> stream;
  std::int64_t viewers = 0;
  std::int64_t held = 0;
};

struct subscribe {
  static constexpr std::string_view type = "room.subscribe";
  static constexpr std::uint32_t version = 1;
  using answer = subscription;

  std::string relay;  ///< its entity's id, "NODE/USER_ID"
  std::optional<std::int64_t> after;
};

struct unsubscribe {
  static constexpr std::string_view type = "room.unsubscribe";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::string relay;
};

// Of all that moderators do: reason is for their log, at most 500 code points, and may be empty.

/// Deleting a message of one's own needs no role. Errors: forbidden, not_found.
struct delete_message {
  static constexpr std::string_view type = "room.delete_message";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  speaker by;
  id message_id = 0;
  std::string reason;
};

/// Bans for good, or for a time; clears what the user said. Errors: forbidden, not_found.
struct ban_user {
  static constexpr std::string_view type = "room.ban_user";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  speaker by;
  user_id user = 0;
  std::optional<std::int64_t> duration_s;
  std::string reason;
};

struct unban_user {
  static constexpr std::string_view type = "room.unban_user";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  speaker by;
  user_id user = 0;
  std::string reason = {};
};

/// The owner (or an administrator) appoints or dismisses a moderator.
struct set_moderator {
  static constexpr std::string_view type = "room.set_moderator";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  speaker by;
  user_id user = 0;
  bool is_moderator = false;
  std::string reason = {};
};

struct set_mode {
  static constexpr std::string_view type = "room.set_mode";
  static constexpr std::uint32_t version = 1;
  using answer = mode;

  speaker by;
  std::optional<std::int64_t> slow_s;
  bool sets_followers_only = false;
  std::optional<std::int64_t> followers_only_min_age_s;
  std::string reason = {};
};

enum class word_action : std::uint8_t { refuse, mask, hold };

std::string_view to_string(word_action a);

struct word_rule {
  std::string word;
  word_action action = word_action::refuse;
};

struct word_list {
  std::vector<word_rule> words;
};

struct set_words {
  static constexpr std::string_view type = "room.set_words";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  speaker by;
  std::vector<word_rule> words;
  std::string reason = {};
};

struct read_words {
  static constexpr std::string_view type = "room.read_words";
  static constexpr std::uint32_t version = 1;
  using answer = word_list;

  speaker by;
};

struct held {
  id message_id = 0;
  user_id user = 0;
  std::string username;
  std::string text;
  std::string word;
  std::int64_t created_ms = 0;
};

struct held_list {
  std::vector<held> items;
};

struct read_held {
  static constexpr std::string_view type = "room.read_held";
  static constexpr std::uint32_t version = 1;
  using answer = held_list;

  speaker by;
};

struct decide_held {
  static constexpr std::string_view type = "room.decide_held";
  static constexpr std::uint32_t version = 1;
  using answer = runtime::accepted;

  speaker by;
  id message_id = 0;
  bool is_allowed = false;
  std::string reason = {};
};

/// What the speaker is in this channel; the one place where it is decided.
struct role_answer {
  chat::role role = chat::role::user;
  chat::mode mode{};
};

struct read_role {
  static constexpr std::string_view type = "room.read_role";
  static constexpr std::uint32_t version = 1;
  using answer = role_answer;

  speaker who;
};

struct mode_answer {
  chat::mode mode;
};

struct read_mode {
  static constexpr std::string_view type = "room.read_mode";
  static constexpr std::uint32_t version = 1;
  using answer = mode_answer;
};

/// From stream/ID of the room's owner, at every change.
struct stream_changed {
  static constexpr std::string_view type = "room.stream_changed";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  stream_notice stream;
};

/// Somebody began or ceased to follow the channel: what the room knows of it is old.
struct follow_changed {
  static constexpr std::string_view type = "room.follow_changed";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  user_id user = 0;
};

/// From a node's presence: how many people watch this channel there. Repeated at least every 5 s
/// while there are any; without one for 12 s a node's people count as gone.
struct audience_report {
  static constexpr std::string_view type = "room.audience_report";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::string node;
  std::int64_t people = 0;
};

// ---- to relay/NODE/USER_ID ----

/// From the room: events just committed, or notices.
struct room_news {
  static constexpr std::string_view type = "relay.room_news";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::uint64_t epoch = 0;  ///< of the room's activation: news of an older one are passed over
  std::vector<event> events;
  std::optional<stream_notice> stream;
  std::optional<std::int64_t> viewers;
  std::optional<std::int64_t> held;
  std::vector<verdict> verdicts;
};

/// What a client that joins gets.
struct joined {
  std::int64_t last_seq = 0;  ///< the next event is last_seq + 1
  /// JSON objects, oldest first, with commas between them: what stands in the brackets of
  /// "history". Many who join share these bytes; empty when there is nothing.
  shared_bytes history;
  /// Inclusive; of what the client asked for and history has not.
  std::optional<std::pair<std::int64_t, std::int64_t>> missed;
  chat::mode mode;
  user_id owner = 0;
  std::string owner_name;
  std::vector<user_id> moderators;
  std::optional<stream_notice> stream;
  std::int64_t viewers = 0;
  std::int64_t held = 0;  ///< messages that wait for a moderator; told to moderators alone
};

/// A viewer session joins. Errors: not_found (no such channel), unavailable.
struct join {
  static constexpr std::string_view type = "relay.join";
  static constexpr std::uint32_t version = 1;
  using answer = joined;

  std::optional<std::int64_t> after;
};

/// A viewer session is gone; the relay ends when nobody is left for a while.
struct leave {
  static constexpr std::string_view type = "relay.leave";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

/// From the sockets' side, every few seconds for each room with sockets: makes a relay that was
/// lost anew, also in a room where nothing happens.
struct listening {
  static constexpr std::string_view type = "relay.listening";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::int64_t heard = 0;  ///< the last number the sockets got, with their welcome or after it
};

}  // namespace troupe::chat

#include "actors/chat/messages_inspect.hpp"  // IWYU pragma: export
