// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/chat_session.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "net/ws/server_frame.hpp"

namespace troupe::ws {
namespace {

using namespace std::chrono_literals;

constexpr duration resume_period = 4min;  // a fresh token at least every 5 minutes
constexpr std::size_t posts_in_flight = viewer::most_in_flight;
/// Of all that waits for one peer: a welcome with its history (100 events of up to 4 KiB) or one
/// write of the feed, and answers.
constexpr std::size_t outbox_limit = 1024 * 1024;
constexpr duration question_deadline = 10s;

constexpr const char* closed_name = "troupe_chat_sockets_closed_total";
constexpr const char* closed_help = "Chat sockets closed for what their peer did";

}  // namespace

session_metrics::session_metrics(metrics& m)
    : socket(m, "troupe_chat_bad_frames_total", closed_name, closed_help),
      pending(m.make_counter("troupe_chat_pending_total",
                             "Messages that were not answered within a second")),
      closed_accounts(m.make_counter(closed_name, closed_help, {{"reason", "account_limit"}})),
      in_flight_refused(m.make_counter("troupe_chat_in_flight_refused_total",
                                       "Messages refused because 64 of their socket were not "
                                       "answered yet")) {}

chat_session::chat_session(session_context& c, const station& s, net::tcp_connection& connection,
                           session_start start)
    : web_socket(c.time, c.counters.socket, connection, start.viewer.number(), outbox_limit),
      context_(c),
      station_(s),
      viewer_(std::move(start.viewer)),
      place_(std::move(start.place)),
      address_place_(std::move(start.address_place)),
      room_(start.room),
      user_(start.who.id),
      expires_at_(start.who.expires_at),
      generation_(start.who.generation),
      session_(viewer::session_of(start.opened.session).value_or(viewer::session_bytes{})),
      next_resume_(c.time.now() + resume_period),
      is_read_only_(user_ == 0) {
  const auto role = start.opened.role.value_or(chat::role::user);
  ticket_ = station_.hub->enter(room_, *this,
                                {.next = start.opened.joined.last_seq + 1,
                                 .user = user_,
                                 .moderates = role != chat::role::user,
                                 .notices = start.notices,
                                 .held = start.opened.joined.held});
  if (context_.presence != nullptr) {
    counted_ = context_.presence->enter(std::move(start.watcher));
  }
  welcome(start);
}

chat_session::~chat_session() {
  if (counted_ != presence::presence::ticket::none) {
    context_.presence->leave(counted_);
  }
  station_.hub->leave(room_, *this);
}

void chat_session::welcome(const session_start& start) {
  const chat::speaker who{start.who.id, start.who.username, start.who.is_administrator};
  connection().send(welcome_frame(start.opened, resume_token(), who));
  if (const auto& missed = start.opened.joined.missed) {
    connection().send(missed_frame(missed->first, missed->second));
  }
}

template <class T, class F>
callback<T> chat_session::here(F f) {
  return [hub = station_.hub, ticket = ticket_, f = std::move(f)](result<T> answer) mutable {
    hub->post([ticket, f = std::move(f), answer = std::move(answer)](ws::hub& h) mutable {
      if (auto* found = h.find(ticket)) {
        f(static_cast<chat_session&>(*found), std::move(answer));
      }
    });
  };
}

// Reading

void chat_session::on_text(std::string_view text) {
  const auto frame = parse_client_frame(text);
  if (!frame) {
    refuse_frame(frame.error());
    return;
  }
  std::visit([this](const auto& f) { handle(f); }, *frame);
}

void chat_session::handle(const ping_frame&) {
  send(pong_json);
}

void chat_session::handle(const message_frame& f) {
  if (posts_.size() >= posts_in_flight) {
    context_.counters.in_flight_refused.add();
    send(error_json(f.nonce, "unavailable", "64 messages wait already"));
    return;
  }
  const auto number = ++posts_so_far_;
  posts_.push_back({number, f.nonce});
  station_.hub->watch(ticket_, number);
  context_.entities.ask(
      station_.speaks, context_.viewer(viewer_.number()), viewer::say{f.text, f.nonce, f.reply_to},
      viewer::longest_post + 1s,
      here<chat::posted>([number](chat_session& self, const result<chat::posted>& answer) {
        self.on_said(number, answer);
      }));
}

void chat_session::on_said(std::uint32_t number, const result<chat::posted>& answer) {
  const auto at = std::ranges::find(posts_, number, &post::number);
  if (at == posts_.end() || is_closing()) {
    return;
  }
  const auto nonce = std::move(at->nonce);
  posts_.erase(at);
  if (posts_.empty()) {
    posts_ = {};
  }
  if (answer) {
    send(ack_json(nonce, *answer));
  } else if (answer.error().reason == "viewer_lost") {
    close(close_code::internal, "this session was lost: connect again");
  } else {
    send(refusal_json(nonce, answer.error()));
  }
}

void chat_session::on_overdue(std::uint32_t number) {
  const auto at = std::ranges::find(posts_, number, &post::number);
  if (at != posts_.end() && !is_closing()) {
    context_.counters.pending.add();
    send(pending_json(at->nonce));
  }
}

// Who speaks

void chat_session::handle(const auth_frame& f) {
  auto who = context_.accounts.verify(f.token);
  if (!who || context_.accounts.has_ended(*who)) {
    send(error_json({}, "invalid_token", "this token is not valid, or has expired"));
    return;
  }
  if (!place_.move_to(context_.per_account, key_of(who->id))) {
    context_.counters.closed_accounts.add();
    close(close_code::policy, "too many connections of one account");
    return;
  }
  ++auths_waiting_;
  viewer::authenticate m{
      {{who->id, who->username, who->is_administrator}, to_unix_ms(who->expires_at)},
      viewer::text_of(viewer::random_session())};
  context_.entities.ask(
      station_.speaks, context_.viewer(viewer_.number()), std::move(m), question_deadline,
      here<viewer::authenticated>(
          [number = ++auths_so_far_, who = *who, since = station_.hub->head(room_)](
              chat_session& self, result<viewer::authenticated> answer) {
            self.on_authenticated(number, who, since, std::move(answer));
          }));
}

void chat_session::on_authenticated(std::uint32_t number, const account::identity& who,
                                    std::int64_t since, result<viewer::authenticated> answer) {
  --auths_waiting_;
  if (is_closing()) {
    return;
  }
  if (!answer) {
    close(close_code::internal, "this session was lost: connect again");
    return;
  }
  if (number < auth_in_force_) {
    return;  // a later one was answered before: the actor speaks for that one
  }
  auth_in_force_ = number;
  const bool is_other = std::exchange(user_, who.id) != who.id;
  is_read_only_ = false;
  expires_at_ = who.expires_at;
  generation_ = who.generation;
  session_ = viewer::session_of(answer->session).value_or(session_);
  station_.hub->set_user(room_, *this, user_, answer->role != chat::role::user, since);
  if (is_other && counted_ != presence::presence::ticket::none) {
    context_.presence->change(counted_, "u:" + std::to_string(user_));
  }
  send(authenticated_json({{who.id, who.username, who.is_administrator}, to_unix_ms(expires_at_)},
                          *answer));
  if (is_other) {
    send_resume();
  }
}

void chat_session::check_identity() {
  if (is_read_only_ || auths_waiting_ != 0) {
    return;  // telling the actor now would silence who is about to speak
  }
  const bool is_over = context_.time.wall() >= expires_at_;
  if (is_over || context_.accounts.has_ended(
                     {.id = user_, .username = {}, .expires_at = {}, .generation = generation_})) {
    is_read_only_ = true;
    station_.hub->set_user(room_, *this, 0, false, 0);
    if (!is_over) {
      // The actor does not look at log-outs: it is told that nobody speaks any more.
      context_.entities.ask(station_.speaks, context_.viewer(viewer_.number()),
                            viewer::authenticate{{}, {}}, question_deadline,
                            [](const result<viewer::authenticated>&) {});
    }
    send(token_expired_json);
  }
}

// Time

void chat_session::on_tick(steady_time now) {
  if (!check_peer(now)) {
    return;
  }
  check_identity();
  keep_alive(now);
  if (now >= next_resume_) {
    send_resume();
  }
}

// Writing

std::string chat_session::resume_token() const {
  return context_.tokens.make({room_, user_, seen(), session_});
}

void chat_session::send_resume() {
  next_resume_ = context_.time.now() + resume_period;
  send(resume_json(resume_token()));
}

void chat_session::on_drained() {
  web_socket::on_drained();
  station_.hub->serve(room_, *this);
}

bool chat_session::on_stop() {
  send(reconnect_json(resume_token(), reconnect_delay_ms(viewer_.number())));
  close(close_code::going_away, "this node is leaving");
  return true;
}

}  // namespace troupe::ws
