// SPDX-License-Identifier: GPL-3.0-or-later
// A question with a few choices: one vote a user, until its time is over. The example of
// docs/writing-a-behaviour.md.
// Started by: the entity runtime, on first use. Owns: question, votes. Talks to: nobody.
// Life: empty -> open -> closed; passivated when idle and closed.
// Thread: its entity. Survives: everything; the state is stored before an answer leaves.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "actors/poll/messages.hpp"
#include "base/clock.hpp"
#include "runtime/behaviour.hpp"

namespace troupe::poll {

class poll {
 public:
  static constexpr std::string_view kind = "poll";
  static constexpr auto keep = runtime::keep::snapshot;
  static constexpr std::uint32_t version = 1;  // of the state
  using messages = runtime::messages<open_poll, cast_vote, read_poll, close_poll>;

  struct state {
    std::string question;  // empty: never opened
    bool is_open = false;
    wall_time closes_at;
    std::map<std::string, std::int64_t> votes;
    std::set<user_id> voted;
  };

  state data;

  result<runtime::accepted> on(runtime::context& ctx, const open_poll& m);
  result<runtime::accepted> on(runtime::context& ctx, const cast_vote& m);
  result<poll_result> on(runtime::context& ctx, const read_poll& m) const;
  void on(runtime::context& ctx, const close_poll& m);

  void activate(runtime::context& ctx);

 private:
  void close_in_time(runtime::context& ctx);
};

template <class Inspector>
auto inspect(Inspector& f, poll::state& x) {
  return f(x.question, x.is_open, x.closes_at, x.votes, x.voted);
}

}  // namespace troupe::poll
