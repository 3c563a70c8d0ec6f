// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/chat_session.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "net/ws/server_frame.hpp"

namespace troupe::ws {
namespace {

using namespace std::chrono_literals;

// docs/chat-protocol.md, where it is not said otherwise.
constexpr duration ping_period = 30s;
constexpr duration longest_silence = 5min;
constexpr duration longest_stall = 30s;
constexpr duration resume_period = 4min;  // a fresh token at least every 5 minutes
constexpr duration window = 10s;
constexpr std::uint32_t bad_frames_per_window = 10;
/// Ours: thirty a second, far above what a person or a bot has to say, keeps one socket's share of
/// the processor small. Fragments and control frames count.
constexpr std::uint32_t frames_per_window = 300;
constexpr std::size_t posts_in_flight = viewer::most_in_flight;
/// Answers that wait for a peer that does not read: then nothing more is read from it.
constexpr std::size_t answers_limit = 16 * 1024;
/// The kernel doubles it. Its default grows to 4 MiB a socket, and would hide for minutes that a
/// peer does not read.
constexpr std::size_t kernel_buffer = 64 * 1024;
/// Of all that waits for one peer: a welcome with its history (100 events of up to 4 KiB) or one
/// write of the feed, and answers.
constexpr std::size_t outbox_limit = 1024 * 1024;
constexpr std::int64_t reconnect_spread_ms = 5000;
constexpr duration question_deadline = 10s;

/// Both kinds of ping, for browsers that answer one and pages that watch for the other.
const shared_bytes& ping_frames() {
  static const shared_bytes both = [] {
    bytes out;
    append_header(out, opcode::ping, 0);
    append_header(out, opcode::text, ping_json.size());
    const auto json = as_bytes(ping_json);
    out.insert(out.end(), json.begin(), json.end());
    return shared_bytes(std::move(out));
  }();
  return both;
}

/// Evenly over 5 s, whatever numbers are open (Fibonacci hashing).
std::int64_t reconnect_delay(std::uint64_t number) {
  const auto mixed = (number * 0x9E3779B97F4A7C15U) >> 32U;
  return static_cast<std::int64_t>(mixed % static_cast<std::uint64_t>(reconnect_spread_ms + 1));
}

metrics::counter& closed_for(metrics& m, const char* why) {
  return m.make_counter("troupe_chat_sockets_closed_total",
                        "Chat sockets closed for what their peer did", {{"reason", why}});
}

}  // namespace

session_metrics::session_metrics(metrics& m)
    : bad_frames(m.make_counter("troupe_chat_bad_frames_total", "Frames that were no command")),
      pending(m.make_counter("troupe_chat_pending_total",
                             "Messages that were not answered within a second")),
      closed_bad_frames(closed_for(m, "bad_frames")),
      closed_many_frames(closed_for(m, "many_frames")),
      closed_protocol(closed_for(m, "protocol")),
      closed_silent(closed_for(m, "silent")),
      closed_stalled(closed_for(m, "stalled")),
      closed_unread(closed_for(m, "unread")),
      closed_accounts(closed_for(m, "account_limit")) {}

bool chat_session::allowance::take(steady_time now, std::uint32_t amount, std::uint32_t most) {
  if (now - since > window) {
    since = now;
    count = 0;
  }
  count += amount;
  return count <= most;
}

chat_session::chat_session(session_context& c, const station& s, net::tcp_connection& connection,
                           session_start start)
    : context_(c),
      station_(s),
      connection_(connection),
      viewer_(std::move(start.viewer)),
      place_(std::move(start.place)),
      address_place_(std::move(start.address_place)),
      room_(start.room),
      user_(start.who.id),
      expires_at_(start.who.expires_at),
      generation_(start.who.generation),
      session_(viewer::session_of(start.opened.session).value_or(viewer::session_bytes{})),
      last_received_(c.time.now()),
      // Spread, so that thousands who came at once are not pinged at once.
      next_ping_(last_received_ + ping_period / 2 + ping_period / 2 * (viewer_.number() % 16) / 16),
      next_resume_(last_received_ + resume_period),
      is_read_only_(user_ == 0) {
  connection_.limit_send_buffer(kernel_buffer);
  connection_.limit_outbox(outbox_limit);
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
  connection_.send(welcome_frame(start.opened, resume_token(), who));
  if (const auto& missed = start.opened.joined.missed) {
    connection_.send(missed_frame(missed->first, missed->second));
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

void chat_session::on_bytes(byte_view data) {
  const auto now = context_.time.now();
  last_received_ = now;
  while (!data.empty() && !is_closing_) {
    data = data.subspan(reader_.put(data));
    const auto fresh = reader_.frames() - std::exchange(frames_seen_, reader_.frames());
    if (!frames_.take(now, fresh, frames_per_window)) {
      context_.counters.closed_many_frames.add();
      close(close_code::policy, "too many frames");
      return;
    }
    handle_frame(now);
  }
  if (connection_.queued_bytes() > answers_limit && !is_closing_) {
    is_paused_ = true;
    connection_.pause_reading();
  }
}

void chat_session::handle_frame(steady_time now) {
  using state = frame_reader::state;
  switch (reader_.now()) {
    case state::more:
    case state::pong:
      return;
    case state::text:
      handle_text(as_text(reader_.payload()), now);
      return;
    case state::ping:
      connection_.send(encode_frame(opcode::pong, reader_.payload()));
      return;
    case state::close:
      close(static_cast<close_code>(reader_.peer_code().value_or(1000)), {});
      return;
    case state::failed:
      context_.counters.closed_protocol.add();
      close(reader_.failure(), "this violates RFC 6455, or is not text, or too long");
      return;
  }
}

void chat_session::handle_text(std::string_view text, steady_time now) {
  const auto frame = parse_client_frame(text);
  if (!frame) {
    on_bad_frame(frame.error(), now);
    return;
  }
  std::visit([this](const auto& f) { handle(f); }, *frame);
}

void chat_session::on_bad_frame(const bad_frame& why, steady_time now) {
  context_.counters.bad_frames.add();
  send(error_json(why.nonce, why.code, why.message));
  if (why.code != "invalid_nonce" && !bad_frames_.take(now, 1, bad_frames_per_window - 1)) {
    context_.counters.closed_bad_frames.add();
    close(close_code::policy, "too many malformed frames");
  }
}

void chat_session::handle(const ping_frame&) {
  send(pong_json);
}

void chat_session::handle(const message_frame& f) {
  if (posts_.size() >= posts_in_flight) {
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
  if (at == posts_.end() || is_closing_) {
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
  if (at != posts_.end() && !is_closing_) {
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
  if (is_closing_) {
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
  if (is_closing_) {
    return;
  }
  if (now - last_received_ >= longest_silence) {
    context_.counters.closed_silent.add();
    close(close_code::policy, "silent for too long");
    return;
  }
  check_progress(now);
  check_identity();
  if (now >= next_ping_ && is_ready()) {
    next_ping_ = now + ping_period;
    write({&ping_frames(), 1});
  }
  if (now >= next_resume_) {
    send_resume();
  }
}

void chat_session::check_progress(steady_time now) {
  if (connection_.queued_bytes() == 0) {
    stalled_since_ = steady_time::max();
  } else if (stalled_since_ == steady_time::max()) {
    stalled_since_ = now;
  } else if (now - stalled_since_ >= longest_stall) {
    context_.counters.closed_stalled.add();
    close(close_code::try_again, "not read for too long");
  }
}

// Writing

void chat_session::send(std::string_view json) {
  if (!is_closing_) {
    connection_.send(encode_text(json));
  }
}

std::string chat_session::resume_token() const {
  return context_.tokens.make({room_, user_, seen(), session_});
}

void chat_session::send_resume() {
  next_resume_ = context_.time.now() + resume_period;
  send(resume_json(resume_token()));
}

void chat_session::on_drained() {
  stalled_since_ = steady_time::max();
  if (std::exchange(is_paused_, false)) {
    connection_.resume_reading();
  }
  station_.hub->serve(room_, *this);
}

bool chat_session::on_stop() {
  send(reconnect_json(resume_token(), reconnect_delay(viewer_.number())));
  close(close_code::going_away, "this node is leaving");
  return true;
}

void chat_session::close(close_code code, std::string_view reason) {
  if (!std::exchange(is_closing_, true)) {
    connection_.send(encode_close(code, reason));
    connection_.close();
  }
}

void chat_session::on_closed(net::close_reason reason) {
  is_closing_ = true;
  if (reason == net::close_reason::write_stalled) {
    context_.counters.closed_stalled.add();
  } else if (reason == net::close_reason::outbox_full) {
    context_.counters.closed_unread.add();
  }
}

}  // namespace troupe::ws
