// SPDX-License-Identifier: GPL-3.0-or-later
// One chat socket's half that is an actor: who speaks through it, and in which session. Started by:
// the edge, with open. Owns: nothing that is not in the resume token. Talks to: relay/NODE/USER_ID
// (join), room/USER_ID (post, read_role), the store, for whether its user may write: never the
// room, which a herd must not reach. Life: open -> leave; what was said before is still
// answered. Thread: CAF worker pool, never blocks. Survives: nothing; the socket is closed then,
// and its client comes back with the token.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/chat/messages.hpp"
#include "actors/viewer/messages.hpp"
#include "base/metrics.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/entities.hpp"
#include "storage/chat_store.hpp"

namespace troupe::viewer {

constexpr std::size_t most_in_flight = 64;  // docs/chat-protocol.md; the runtime's lanes too
/// A message waits at most 60 s for the store (docs/chat-protocol.md); the rest is for the way.
constexpr duration longest_post = std::chrono::seconds(65);
constexpr duration longest_join = std::chrono::seconds(8);
/// Whether somebody may write is told with their welcome, unless the store lets it wait for so
/// long.
constexpr duration longest_lookup = std::chrono::seconds(1);

/// What all sessions of a node share.
struct dependencies {
  std::string node;  ///< whose relays they join
  storage::chat_store& store;
};

/// To itself: the store was asked long enough.
struct lookup_due {
  static constexpr std::string_view type = "viewer.lookup_due";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::uint32_t number = 0;
};

template <class Inspector>
auto inspect(Inspector& f, lookup_due& x) {
  return f(x.number);
}

/// How the runtime keeps sessions: they end when they are told to.
runtime::kind_options kind_options();
/// "NODE.INCARNATION/NUMBER"
runtime::entity_name name_of(std::string_view node, std::uint64_t incarnation,
                             std::uint64_t number);

class viewer_session {
 public:
  static constexpr std::string_view kind = "viewer";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<open, say, authenticate, leave, lookup_due>;

  struct state {
    user_id room = 0;  // 0: not open
    std::string session;
    user_id session_user = 0;  // who has spoken in the session; 0: nobody yet
    person speaks;
    std::optional<resumed> waits;  // a token's session whose user has not logged in yet
  };

  state data;

  explicit viewer_session(const dependencies& d) : needs_(d) {}

  runtime::later<opened> on(runtime::context& ctx, const open& m);
  runtime::later<chat::posted> on(runtime::context& ctx, const say& m);
  runtime::later<authenticated> on(runtime::context& ctx, const authenticate& m);
  void on(runtime::context& ctx, const leave& m);
  void on(runtime::context& ctx, const lookup_due& m);

 private:
  using permission_then =
      std::move_only_function<void(runtime::context&, std::optional<chat::permission>)>;

  struct lookup {
    std::uint32_t number = 0;
    chat::mode mode;
    runtime::timer due = runtime::timer::none;
    permission_then then;
  };

  void choose_session(const std::string& fresh);
  chat::role role_in(const chat::joined& j) const;
  result<void> may_speak(wall_time now) const;
  /// Gives then what the present user may, or nothing when that is not known in time.
  void find_permission(runtime::context& ctx, chat::role role, const chat::mode& m,
                       permission_then then);
  void looked_up(runtime::context& ctx, std::uint32_t number,
                 const result<storage::member_record>& found);

  const dependencies& needs_;
  std::size_t in_flight_ = 0;
  std::uint32_t lookups_so_far_ = 0;
  std::vector<lookup> lookups_;  // on their way; the welcome's, and one of each auth frame
};

template <class Inspector>
auto inspect(Inspector& f, viewer_session::state& x) {
  return f(x.room, x.session, x.session_user, x.speaks, x.waits);
}

}  // namespace troupe::viewer
