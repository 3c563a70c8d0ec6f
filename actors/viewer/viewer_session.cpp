// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/viewer/viewer_session.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

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
            opened o{std::move(*j), data.session, std::nullopt};
            if (data.speaks.who.user != 0) {
              o.role = role_in(o.joined);
            }
            promised.set(std::move(o));
          });
  return answer;
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
          [session = data.session, promised = std::move(promised)](
              runtime::context&, const result<chat::role_answer>& a) mutable {
            promised.set(authenticated{a ? a->role : chat::role::user, session});
          });
  return answer;
}

void viewer_session::on(runtime::context& ctx, const leave&) {
  ctx.passivate();
}

}  // namespace troupe::viewer
