// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/web_socket.hpp"

#include <chrono>
#include <utility>

#include "net/ws/server_frame.hpp"

namespace troupe::ws {
namespace {

using namespace std::chrono_literals;

// docs/chat-protocol.md, where it is not said otherwise.
constexpr duration ping_period = 30s;
constexpr duration longest_silence = 5min;
constexpr duration longest_stall = 30s;
constexpr duration window = 10s;
constexpr std::uint32_t bad_frames_per_window = 10;
/// Ours: thirty a second, far above what a person or a bot has to say, keeps one socket's share of
/// the processor small. Fragments and control frames count.
constexpr std::uint32_t frames_per_window = 300;
/// Answers that wait for a peer that does not read: then nothing more is read from it.
constexpr std::size_t answers_limit = 16 * 1024;
/// The kernel doubles it. Its default grows to 4 MiB a socket, and would hide for minutes that a
/// peer does not read.
constexpr std::size_t kernel_buffer = 64 * 1024;
constexpr std::int64_t reconnect_spread_ms = 5000;
constexpr std::string_view bad_codes[] = {"malformed", "too_deep", "unknown_type", "invalid_nonce"};

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

}  // namespace

web_socket_metrics::web_socket_metrics(metrics& m, const std::string& bad,
                                       const std::string& closed, const std::string& closed_help)
    : bad_frames(m, bad, "Frames that were no command", "code", bad_codes),
      closed_bad_frames(m.make_counter(closed, closed_help, {{"reason", "bad_frames"}})),
      closed_many_frames(m.make_counter(closed, closed_help, {{"reason", "many_frames"}})),
      closed_protocol(m.make_counter(closed, closed_help, {{"reason", "protocol"}})),
      closed_too_big(m.make_counter(closed, closed_help, {{"reason", "too_big"}})),
      closed_not_text(m.make_counter(closed, closed_help, {{"reason", "not_text"}})),
      closed_silent(m.make_counter(closed, closed_help, {{"reason", "silent"}})),
      closed_stalled(m.make_counter(closed, closed_help, {{"reason", "stalled"}})),
      closed_unread(m.make_counter(closed, closed_help, {{"reason", "unread"}})) {}

metrics::counter& web_socket_metrics::closed_for(close_code why) const {
  switch (why) {
    case close_code::too_big:
      return closed_too_big;
    case close_code::not_text:
    case close_code::not_utf8:
      return closed_not_text;
    default:
      return closed_protocol;
  }
}

bool web_socket::allowance::take(steady_time now, std::uint32_t amount, std::uint32_t most) {
  if (now - since > window) {
    since = now;
    count = 0;
  }
  count += amount;
  return count <= most;
}

web_socket::web_socket(const clock& time, web_socket_metrics& counters,
                       net::tcp_connection& connection, std::uint64_t number,
                       std::size_t outbox_limit)
    : time_(time),
      counters_(counters),
      connection_(connection),
      last_received_(time.now()),
      // Spread, so that thousands who came at once are not pinged at once.
      next_ping_(last_received_ + ping_period / 2 + ping_period / 2 * (number % 16) / 16) {
  connection_.limit_send_buffer(kernel_buffer);
  connection_.limit_outbox(outbox_limit);
}

// Reading

void web_socket::on_bytes(byte_view data) {
  last_received_ = time_.now();
  while (!data.empty() && !is_closing_) {
    data = data.subspan(reader_.put(data));
    const auto fresh = reader_.frames() - std::exchange(frames_seen_, reader_.frames());
    if (!frames_.take(last_received_, fresh, frames_per_window)) {
      counters_.closed_many_frames.add();
      close(close_code::policy, "too many frames");
      return;
    }
    handle_frame();
  }
  if (connection_.queued_bytes() > answers_limit && !is_closing_) {
    is_paused_ = true;
    connection_.pause_reading();
  }
}

void web_socket::handle_frame() {
  using state = frame_reader::state;
  switch (reader_.now()) {
    case state::more:
    case state::pong:
      return;
    case state::text:
      on_text(as_text(reader_.payload()));
      return;
    case state::ping:
      connection_.send(encode_frame(opcode::pong, reader_.payload()));
      return;
    case state::close:
      close(static_cast<close_code>(reader_.peer_code().value_or(1000)), {});
      return;
    case state::failed:
      counters_.closed_for(reader_.failure()).add();
      close(reader_.failure(), "this violates RFC 6455, or is not text, or too long");
      return;
  }
}

void web_socket::refuse_frame(const bad_frame& why) {
  counters_.bad_frames.add(why.counted_as);
  send(error_json(why.nonce, why.code, why.message));
  if (why.code != "invalid_nonce" &&
      !bad_frames_.take(last_received_, 1, bad_frames_per_window - 1)) {
    counters_.closed_bad_frames.add();
    close(close_code::policy, "too many malformed frames");
  }
}

// Time

bool web_socket::check_peer(steady_time now) {
  if (is_closing_) {
    return false;
  }
  if (now - last_received_ >= longest_silence) {
    counters_.closed_silent.add();
    close(close_code::policy, "silent for too long");
    return false;
  }
  if (!makes_progress(now)) {
    counters_.closed_stalled.add();
    close(close_code::try_again, "not read for too long");
    return false;
  }
  return true;
}

bool web_socket::makes_progress(steady_time now) {
  if (connection_.queued_bytes() == 0) {
    stalled_since_ = steady_time::max();
  } else if (stalled_since_ == steady_time::max()) {
    stalled_since_ = now;
  }
  return stalled_since_ == steady_time::max() || now - stalled_since_ < longest_stall;
}

void web_socket::keep_alive(steady_time now) {
  if (now >= next_ping_ && is_ready_to_write()) {
    next_ping_ = now + ping_period;
    connection_.send_now({&ping_frames(), 1});
  }
}

// Writing

void web_socket::send(std::string_view json) {
  if (!is_closing_) {
    connection_.send(encode_text(json));
  }
}

void web_socket::on_drained() {
  stalled_since_ = steady_time::max();
  if (std::exchange(is_paused_, false)) {
    connection_.resume_reading();
  }
}

void web_socket::close(close_code code, std::string_view reason) {
  if (!std::exchange(is_closing_, true)) {
    connection_.send(encode_close(code, reason));
    connection_.close();
  }
}

void web_socket::on_closed(net::close_reason reason) {
  is_closing_ = true;
  if (reason == net::close_reason::write_stalled) {
    counters_.closed_stalled.add();
  } else if (reason == net::close_reason::outbox_full) {
    counters_.closed_unread.add();
  }
}

/// Fibonacci hashing.
std::int64_t reconnect_delay_ms(std::uint64_t number) {
  const auto mixed = (number * 0x9E3779B97F4A7C15U) >> 32U;
  return static_cast<std::int64_t>(mixed % static_cast<std::uint64_t>(reconnect_spread_ms + 1));
}

}  // namespace troupe::ws
