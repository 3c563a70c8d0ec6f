// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/viewer/viewer_session.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "actors/chat/permission.hpp"

namespace troupe::viewer {
namespace {

constexpr duration longest_question = std::chrono::seconds(5);

runtime::entity_name room_name(user_id room) {
  return runtime::entity_name_of("room", room);
}

error lost() {
  return make_error(errc::conflict, "viewer_lost", "this session has ended: connect again");
}

template <class R>
runtime::later<R> refuse(const runtime::context& ctx, error why) {
  auto promised = ctx.defer<R>();
  auto answer = promised.answer();
  promised.set(fail(std::move(why)));
  return answer;
}

}  // namespace

runtime::kind_options kind_options() {
  runtime::kind_options options;
  options.idle = duration::zero();  // a quiet reader stays
  options.mailbox_limit = 2 * most_in_flight;
  options.sender_limit = 4;  // its edge, and a command line that looks
  return options;
}

runtime::entity_name name_of(std::string_view node, std::uint64_t incarnation,
                             std::uint64_t number) {
  return {std::string(viewer_session::kind), fmt::format("{}.{}/{}", node, incarnation, number)};
}

/// A token's session is for its user alone; another user's nonces are another session's.
void viewer_session::choose_session(const std::string& fresh) {
  const auto user = data.speaks.who.user;
  if (user == 0) {
    return;
  }
  if (data.waits && data.waits->user == user) {
    data.session = data.waits->session;
  } else if (data.session_user != 0 && data.session_user != user) {
    data.session = fresh;
  }
  data.waits.reset();
  data.session_user = user;
}

chat::role viewer_session::role_in(const chat::joined& j) const {
  const auto& who = data.speaks.who;
  if (who.user == j.owner) {
    return chat::role::owner;
  }
  const bool moderates =
      who.is_administrator || std::ranges::find(j.moderators, who.user) != j.moderators.end();
  return moderates ? chat::role::moderator : chat::role::user;
}

runtime::later<opened> viewer_session::on(runtime::context& ctx, const open& m) {
  if (data.room != 0) {
    return refuse<opened>(ctx, make_error(errc::conflict, "the session is open"));
  }
  data.room = m.room;
  data.session = m.session;
  data.speaks = m.speaks;
  data.waits = m.resumed;
  if (data.waits && data.waits->user == 0) {  // read only then and now: nobody's nonces
    data.session = data.waits->session;
    data.waits.reset();
  }
  choose_session(m.session);
  auto promised = ctx.defer<opened>();
  auto answer = promised.answer();
  ctx.ask({"relay", fmt::format("{}/{}", needs_.node, m.room)}, chat::join{m.after}, longest_join,
          [this, promised = std::move(promised)](runtime::context& later,
                                                 result<chat::joined> j) mutable {
            if (!j) {
              promised.set(fail(std::move(j.error())));
              later.passivate();
              return;
            }
            // After the join: what was decided since comes as an event behind the welcome.
            opened o{std::move(*j), data.session, std::nullopt};
            if (data.speaks.who.user != 0) {
              o.role = role_in(o.joined);
            }
            const auto role = o.role.value_or(chat::role::user);
            const auto mode = o.joined.mode;
            find_permission(later, role, mode,
                            [promised = std::move(promised), o = std::move(o)](
                                runtime::context&, std::optional<chat::permission> may) mutable {
                              o.permission = std::move(may);
                              promised.set(std::move(o));
                            });
          });
  return answer;
}

void viewer_session::find_permission(runtime::context& ctx, chat::role role, const chat::mode& m,
                                     permission_then then) {
  const auto user = data.speaks.who.user;
  if (user == 0) {
    then(ctx, chat::permission{chat::refusal{"unauthenticated", {}, {}}});
    return;
  }
  if (role != chat::role::user) {
    then(ctx, chat::permission{});
    return;
  }
  const auto number = ++lookups_so_far_;
  lookups_.push_back({number, m, ctx.after(longest_lookup, lookup_due{number}), std::move(then)});
  static_cast<void>(
      ctx.run([&store = needs_.store, room = data.room, user] { return store.member(room, user); },
              [this, number](runtime::context& later, const result<storage::member_record>& found) {
                looked_up(later, number, found);
              }));
}

void viewer_session::looked_up(runtime::context& ctx, std::uint32_t number,
                               const result<storage::member_record>& found) {
  const auto at = std::ranges::find(lookups_, number, &lookup::number);
  if (at == lookups_.end()) {
    return;  // answered without it
  }
  auto done = std::move(*at);
  lookups_.erase(at);
  if (lookups_.empty()) {
    lookups_.shrink_to_fit();  // there are thousands of sessions, and most have one in their life
  }
  ctx.cancel(done.due);
  done.then(ctx, found ? std::optional(chat::permission_of(*found, done.mode, ctx.wall()))
                       : std::nullopt);
}

void viewer_session::on(runtime::context& ctx, const lookup_due& m) {
  looked_up(ctx, m.number, fail(errc::deadline_exceeded, "the store did not answer in time"));
}

result<void> viewer_session::may_speak(wall_time now) const {
  if (data.room == 0) {
    return fail(lost());
  }
  if (data.speaks.who.user == 0 || to_unix_ms(now) >= data.speaks.expires_ms) {
    return fail(errc::unauthenticated, "log in to say something");
  }
  if (in_flight_ >= most_in_flight) {
    return fail(errc::unavailable, fmt::format("{} messages wait already", most_in_flight));
  }
  return {};
}

runtime::later<chat::posted> viewer_session::on(runtime::context& ctx, const say& m) {
  if (auto may = may_speak(ctx.wall()); !may) {
    return refuse<chat::posted>(ctx, std::move(may.error()));
  }
  ++in_flight_;
  auto promised = ctx.defer<chat::posted>();
  auto answer = promised.answer();
  ctx.ask(
      room_name(data.room), chat::post{data.speaks.who, data.session, m.nonce, m.text, m.reply_to},
      longest_post,
      [this, promised = std::move(promised)](runtime::context&, result<chat::posted> said) mutable {
        --in_flight_;
        promised.set(std::move(said));
      });
  return answer;
}

runtime::later<authenticated> viewer_session::on(runtime::context& ctx, const authenticate& m) {
  if (data.room == 0) {
    return refuse<authenticated>(ctx, lost());
  }
  data.speaks = m.speaks;
  choose_session(m.session);
  auto promised = ctx.defer<authenticated>();
  auto answer = promised.answer();
  // Without the room's answer they can still speak: the room decides on each message anyway.
  ctx.ask(room_name(data.room), chat::read_role{data.speaks.who}, longest_question,
          [this, user = m.speaks.who.user, session = data.session, promised = std::move(promised)](
              runtime::context& later, const result<chat::role_answer>& a) mutable {
            authenticated done{a ? a->role : chat::role::user, session};
            if (!a || user != data.speaks.who.user) {  // not known, or no longer wanted
              promised.set(std::move(done));
              return;
            }
            find_permission(later, a->role, a->mode,
                            [promised = std::move(promised), done = std::move(done)](
                                runtime::context&, std::optional<chat::permission> may) mutable {
                              done.permission = std::move(may);
                              promised.set(std::move(done));
                            });
          });
  return answer;
}

void viewer_session::on(runtime::context& ctx, const leave&) {
  ctx.passivate();
}

}  // namespace troupe::viewer
