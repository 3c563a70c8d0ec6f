// SPDX-License-Identifier: GPL-3.0-or-later
// What a ViewerSession (entity viewer/NODE.INCARNATION/NUMBER) is told by its socket's edge.
// Times are Unix milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/chat/messages.hpp"
#include "base/ids.hpp"
#include "runtime/message.hpp"

namespace troupe::viewer {

/// Who speaks, as an access token or the page's cookie proved it; user 0: nobody, read only.
struct person {
  chat::speaker who;
  std::int64_t expires_ms = 0;
};

/// The session of a resume token that was shown: continued when its user is who speaks.
struct resumed {
  std::string session;
  user_id user = 0;
};

struct opened {
  chat::joined joined;
  std::string session;
  /// Nothing while read only.
  std::optional<chat::role> role;
  /// Nothing: not known, the store did not say so in time.
  std::optional<chat::permission> permission{};
};

/// The first message. Errors: those of chat::join; conflict when it was open already.
struct open {
  static constexpr std::string_view type = "viewer.open";
  static constexpr std::uint32_t version = 1;
  using answer = opened;

  user_id room = 0;
  std::string session;  ///< a fresh one
  person speaks;
  std::optional<std::int64_t> after;
  std::optional<viewer::resumed> resumed;
};

/// Says something. Errors: those of a message, docs/chat-protocol.md; viewer_lost.
struct say {
  static constexpr std::string_view type = "viewer.say";
  static constexpr std::uint32_t version = 1;
  using answer = chat::posted;

  std::string text;
  std::string nonce;
  id reply_to = 0;
};

struct authenticated {
  chat::role role = chat::role::user;
  std::string session;  ///< another one when another user has spoken in it before
  std::optional<chat::permission> permission{};  ///< as in opened
};

/// Who speaks from now on: what is said later in the same mailbox is theirs. Errors: viewer_lost.
struct authenticate {
  static constexpr std::string_view type = "viewer.authenticate";
  static constexpr std::uint32_t version = 1;
  using answer = authenticated;

  person speaks;
  std::string session;  ///< a fresh one, in case that one is needed
};

/// The socket is gone: what was said is still done, then the session ends.
struct leave {
  static constexpr std::string_view type = "viewer.leave";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

template <class Inspector>
auto inspect(Inspector& f, person& x) {
  return f(x.who, x.expires_ms);
}

template <class Inspector>
auto inspect(Inspector& f, resumed& x) {
  return f(x.session, x.user);
}

template <class Inspector>
auto inspect(Inspector& f, opened& x) {
  return f(x.joined, x.session, x.role, x.permission);
}

template <class Inspector>
auto inspect(Inspector& f, open& x) {
  return f(x.room, x.session, x.speaks, x.after, x.resumed);
}

template <class Inspector>
auto inspect(Inspector& f, say& x) {
  return f(x.text, x.nonce, x.reply_to);
}

template <class Inspector>
auto inspect(Inspector& f, authenticated& x) {
  return f(x.role, x.session, x.permission);
}

template <class Inspector>
auto inspect(Inspector& f, authenticate& x) {
  return f(x.speaks, x.session);
}

template <class Inspector>
auto inspect(Inspector& f, leave&) {
  return f();
}

}  // namespace troupe::viewer
