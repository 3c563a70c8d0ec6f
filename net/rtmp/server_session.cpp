// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes, protocol control and media; the commands are in server_commands.cpp.
#include "net/rtmp/server_session.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::rtmp {

namespace {

/// Until the peer names its window: what Flash Media Server used.
constexpr std::uint32_t default_window = 2'500'000;
constexpr std::uint32_t control_chunk_stream = 2;  // RTMP 1.0, 5.4

}  // namespace

std::optional<double> metadata::number(std::string_view name) const {
  const auto found = std::ranges::find(values, name, &amf0::property::first);
  if (found == values.end() || found->second.number() == nullptr) {
    return std::nullopt;
  }
  return *found->second.number();
}

std::string_view metadata::text(std::string_view name) const {
  const auto found = std::ranges::find(values, name, &amf0::property::first);
  if (found == values.end() || found->second.text() == nullptr) {
    return {};
  }
  return *found->second.text();
}

server_session::server_session(session_limits limits)
    : limits_(limits), reader_(limits.chunks_before_publish), peer_window_(default_window) {}

bool server_session::wants_input() const {
  return state_ != state::requested && state_ != state::closing && state_ != state::failed;
}

result<void> server_session::feed(byte_view data) {
  if (state_ == state::closing) {
    return {};  // what a refused peer still says is of no interest
  }
  if (state_ == state::failed) {
    return fail(*failure_);
  }
  statistics_.bytes_in += data.size();
  if (state_ == state::requested) {
    if (pending_.size() + data.size() > limits_.pending_input) {
      return fail_with(make_error(errc::too_large, "rtmp_limit", "input while none was wanted"));
    }
    pending_.insert(pending_.end(), data.begin(), data.end());
    return {};
  }
  return process(data);
}

result<void> server_session::process(byte_view input) {
  if (state_ == state::handshaking) {
    if (auto read = handshake_.read(input, handshake_output_); !read) {
      return fail_with(read.error());
    }
    if (!handshake_.done()) {
      return {};
    }
    state_ = state::connecting;
  }
  while (wants_input()) {
    auto whole = reader_.read(input);
    if (!whole) {
      return fail_with(whole.error());
    }
    if (!*whole) {
      break;
    }
    ++statistics_.messages;
    if (auto taken = on_message(**whole); !taken) {
      return fail_with(taken.error());
    }
  }
  if (state_ == state::requested) {
    pending_.assign(input.begin(), input.end());
  }
  note_received();
  return {};
}

/// RTMP 1.0, 5.4.3: an acknowledgement for each window; at most one per feed().
void server_session::note_received() {
  if (statistics_.bytes_in - acknowledged_ < peer_window_) {
    return;
  }
  acknowledged_ = statistics_.bytes_in;
  byte_writer payload;
  payload.u32(acknowledged_ & 0xFFFFFFFF);  // wraps
  send_control(message_type::acknowledgement, payload.take());
  ++statistics_.acknowledgements_sent;
}

result<void> server_session::fail_with(error e) {
  end_publication(false);
  state_ = state::failed;
  pending_ = {};
  failure_ = std::move(e);
  return fail(*failure_);
}

void server_session::end_of_input() {
  end_publication(false);
  if (state_ != state::failed) {
    state_ = state::closing;
  }
  pending_ = {};
}

std::optional<event> server_session::next_event() {
  if (events_.empty()) {
    return std::nullopt;
  }
  auto next = std::move(events_.front());
  events_.pop_front();
  return next;
}

bytes server_session::take_output() {
  auto output = std::exchange(handshake_output_, {});
  const auto messages = writer_.take();
  output.insert(output.end(), messages.begin(), messages.end());
  statistics_.bytes_out += output.size();
  return output;
}

const session_statistics& server_session::statistics() const {
  statistics_.media = demuxer_.statistics();
  statistics_.messages_abandoned = reader_.abandoned();
  return statistics_;
}

result<void> server_session::on_message(const message& m) {
  switch (m.type) {
    case message_type::command_amf0:
    case message_type::command_amf3:
      return on_command(m);
    case message_type::audio:
    case message_type::video:
      on_media(m);
      return {};
    case message_type::aggregate:
      on_aggregate(m);
      return {};
    case message_type::data_amf0:
    case message_type::data_amf3:
      on_data(m);
      return {};
    case message_type::user_control:
      on_user_control(m);
      return {};
    case message_type::window_acknowledgement_size:
      return on_window_size(m);
    case message_type::acknowledgement:
      ++statistics_.acknowledgements_received;
      return {};
    default:  // Set Peer Bandwidth limits what we send, which is next to nothing
      ++statistics_.messages_ignored;
      return {};
  }
}

result<void> server_session::on_window_size(const message& m) {
  byte_reader fields(m.payload.view());
  const auto window = fields.u32();
  if (!fields.ok() || window == 0) {
    return fail(errc::invalid_argument, "rtmp_protocol", "a window acknowledgement size of 0");
  }
  peer_window_ = window;
  return {};
}

/// RTMP 1.0, 7.1.7.
void server_session::on_user_control(const message& m) {
  byte_reader fields(m.payload.view());
  const auto kind = static_cast<user_control>(fields.u16());
  const auto value = fields.u32();
  if (fields.ok() && kind == user_control::ping_request) {
    send_user_control(user_control::ping_response, value);
    ++statistics_.pings_answered;
  } else if (fields.ok() && kind == user_control::ping_response) {
    ++statistics_.pongs_received;
  } else {
    ++statistics_.messages_ignored;  // SetBufferLength and the like are for players
  }
}

void server_session::on_media(const message& m) {
  if (state_ != state::publishing || m.stream != publish_stream_) {
    ++statistics_.media_ignored;
    return;
  }
  auto d = m.type == message_type::video ? demuxer_.video(m.timestamp, m.payload)
                                         : demuxer_.audio(m.timestamp, m.payload);
  if (d.problem) {
    events_.emplace_back(std::move(*d.problem));
  }
  if (d.frame) {
    events_.emplace_back(std::move(*d.frame));
  }
}

/// RTMP 1.0, 7.1.6: FLV tags with their back pointers. The first tag's time is the message's; the
/// others keep their distance to it.
void server_session::on_aggregate(const message& m) {
  constexpr std::size_t tag_header_size = 11;
  byte_reader in(m.payload.view());
  std::optional<std::uint32_t> first;
  while (in.left() >= tag_header_size) {
    const auto type = static_cast<message_type>(in.u8() & 0x1FU);
    const auto size = in.u24();
    std::uint32_t time = in.u24();
    time |= std::uint32_t{in.u8()} << 24;
    in.u24();  // stream: the aggregate's counts
    const auto body = in.take(size);
    if (!in.ok()) {
      ++statistics_.messages_ignored;
      return;
    }
    in.take(4);  // back pointer; the last one may be missing
    message part{.type = type,
                 .chunk_stream = m.chunk_stream,
                 .stream = m.stream,
                 .timestamp = m.timestamp + (time - first.value_or(time)),
                 // A copy: one frame kept would keep the whole aggregate.
                 .payload = shared_bytes(bytes(body.begin(), body.end()))};
    first = first.value_or(time);
    if (type == message_type::audio || type == message_type::video) {
      on_media(part);
    } else if (type == message_type::data_amf0) {
      on_data(part);
    }
  }
}

/// @setDataFrame, onMetaData, {…}; some encoders leave out the first.
void server_session::on_data(const message& m) {
  auto data = m.payload.view();
  if (m.type == message_type::data_amf3 && !data.empty()) {
    data = data.subspan(1);
  }
  if (state_ != state::publishing || m.stream != publish_stream_) {
    ++statistics_.media_ignored;
    return;
  }
  const auto values = amf0::decode_all(data);
  if (!values) {
    ++statistics_.metadata_refused;
    return;
  }
  auto at = values->begin();
  const auto next_is = [&](std::string_view name) {
    return at != values->end() && at->text() != nullptr && *at->text() == name;
  };
  if (next_is("@setDataFrame")) {
    ++at;
  }
  if (next_is("onMetaData")) {
    ++at;
  } else {
    at = values->end();
  }
  if (at == values->end() || at->members() == nullptr) {
    ++statistics_.messages_ignored;  // captions, cue points, @clearDataFrame
    return;
  }
  events_.emplace_back(metadata{*at->members()});
}

void server_session::end_publication(bool is_explicit) {
  pending_ = {};
  if (state_ == state::publishing) {
    events_.emplace_back(publish_ended{.is_explicit = is_explicit});
    state_ = state::connected;
  } else if (state_ == state::requested) {
    state_ = state::connected;
  }
}

result<void> server_session::accept() {
  if (state_ != state::requested) {
    return {};  // refused or gone meanwhile
  }
  state_ = state::publishing;
  reader_.set_limits(limits_.chunks);
  commands_ = 0;
  demuxer_.restart();
  send_user_control(user_control::stream_begin, publish_stream_);
  send_status(publish_stream_, "status", "NetStream.Publish.Start", "Publishing.");
  const auto waited = std::exchange(pending_, {});
  return process(waited);
}

void server_session::refuse(std::string_view code, std::string_view description) {
  if (state_ == state::failed || state_ == state::closing) {
    return;
  }
  send_status(publish_stream_, "error", code, description);
  state_ = state::closing;
  pending_ = {};
}

void server_session::ping(std::uint32_t timestamp) {
  if (state_ != state::handshaking && state_ != state::connecting) {
    send_user_control(user_control::ping_request, timestamp);
  }
}

void server_session::send_control(message_type type, bytes payload) {
  writer_.write({.type = type,
                 .chunk_stream = control_chunk_stream,
                 .stream = 0,
                 .timestamp = 0,
                 .payload = shared_bytes(std::move(payload))});
}

void server_session::send_user_control(user_control kind, std::uint32_t value) {
  byte_writer payload;
  payload.u16(static_cast<std::uint16_t>(kind));
  payload.u32(value);
  send_control(message_type::user_control, payload.take());
}

}  // namespace troupe::rtmp
