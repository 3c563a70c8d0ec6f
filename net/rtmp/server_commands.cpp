// SPDX-License-Identifier: GPL-3.0-or-later
// The commands of server_session (RTMP 1.0, 7.2), as encoders use them: librtmp and OBS send
// releaseStream, FCPublish, createStream, publish and at the end FCUnpublish, deleteStream; ffmpeg
// the same; GStreamer closeStream as well. None waits for an answer to those with FC in their name.
#include <algorithm>

#include <spdlog/fmt/fmt.h>

#include "net/rtmp/publish_name.hpp"
#include "net/rtmp/server_session.hpp"

namespace troupe::rtmp {

namespace {

constexpr std::uint32_t command_chunk_stream = 3;
constexpr std::uint32_t status_chunk_stream = 5;
/// After how many bytes the peer shall acknowledge ours; it will hardly ever come to that.
constexpr std::uint32_t our_window = 2'500'000;
/// Our answers fit into one chunk.
constexpr std::uint32_t our_chunk_size = 4096;
constexpr std::uint8_t limit_type_dynamic = 2;  // RTMP 1.0, 5.4.5

/// Enhanced RTMP 2, "Enhancing NetConnection connect Command": capsEx.
constexpr unsigned caps_reconnect = 1;
constexpr unsigned caps_mod_ex = 4;
/// FourCcInfoMask.CanForward: we pass on what we do not decode.
constexpr double can_forward = 4;

std::unexpected<error> protocol_error(std::string message) {
  return fail(errc::invalid_argument, "rtmp_protocol", std::move(message));
}

amf0::object status(std::string_view level, std::string_view code, std::string_view description) {
  return {{{"level", level}, {"code", code}, {"description", description}}};
}

amf0::object forwards(std::initializer_list<std::string_view> codecs) {
  amf0::object made;
  for (const auto codec : codecs) {
    made.members.emplace_back(codec, can_forward);
  }
  return made;
}

bool is_enhanced(const amf0::value& connect) {
  return connect.find("fourCcList") != nullptr || connect.find("capsEx") != nullptr ||
         connect.find("videoFourCcInfoMap") != nullptr ||
         connect.find("audioFourCcInfoMap") != nullptr;
}

std::string text_of(const amf0::value& object, std::string_view name) {
  const auto* found = object.find(name);
  return found != nullptr && found->text() != nullptr ? *found->text() : std::string();
}

/// What can be cast without a look at its range: capsEx and stream ids come as doubles.
std::uint32_t whole_number(const amf0::value* v) {
  if (v == nullptr || v->number() == nullptr) {
    return 0;
  }
  const auto number = *v->number();
  return number >= 0 && number <= 4294967295.0 ? static_cast<std::uint32_t>(number) : 0;
}

amf0::object server_properties(bool enhanced) {
  amf0::object made{{{"fmsVer", "FMS/3,5,7,7009"}, {"capabilities", 31.0}, {"mode", 1.0}}};
  if (enhanced) {
    made.members.emplace_back("fourCcList",
                              amf0::strict_array{{"avc1", "hvc1", "av01", "mp4a", "Opus", ".mp3"}});
    made.members.emplace_back("videoFourCcInfoMap", forwards({"avc1", "hvc1", "av01"}));
    made.members.emplace_back("audioFourCcInfoMap", forwards({"mp4a", "Opus", ".mp3"}));
    made.members.emplace_back("capsEx", static_cast<double>(caps_reconnect | caps_mod_ex));
  }
  return made;
}

}  // namespace

const server_session::command_entry server_session::command_table[] = {
    {"connect", &server_session::on_connect},
    {"releaseStream", &server_session::on_release_stream},
    {"FCPublish", &server_session::on_fc_publish},
    {"createStream", &server_session::on_create_stream},
    {"publish", &server_session::on_publish},
    {"play", &server_session::on_play},
    {"play2", &server_session::on_play},
    {"FCUnpublish", &server_session::on_fc_unpublish},
    {"closeStream", &server_session::on_close_stream},
    {"deleteStream", &server_session::on_delete_stream},
    {"_checkbw", &server_session::on_check_bandwidth},
    {"getStreamLength", &server_session::on_get_stream_length},
    {"_result", &server_session::on_ignored},
    {"_error", &server_session::on_ignored},
    {"onStatus", &server_session::on_ignored},
};

std::string_view server_session::command::text_argument(std::size_t index) const {
  if (index >= arguments.size() || arguments[index].text() == nullptr) {
    return {};
  }
  return *arguments[index].text();
}

result<server_session::command> server_session::read_command(const message& m) const {
  auto data = m.payload.view();
  // A type 17 message is one byte, 0, and then AMF0 after all.
  if (m.type == message_type::command_amf3 && !data.empty() && data.front() == 0) {
    data = data.subspan(1);
  }
  auto values = amf0::decode_all(data);
  if (!values) {
    return fail(values.error().with("a command"));
  }
  if (values->empty() || (*values)[0].text() == nullptr) {
    return protocol_error("a command without a name");
  }
  command c;
  c.name = *(*values)[0].text();
  if (values->size() > 1 && (*values)[1].number() != nullptr) {
    c.transaction = *(*values)[1].number();
  }
  if (values->size() > 2) {
    c.object = std::move((*values)[2]);
  }
  for (std::size_t i = 3; i < values->size(); ++i) {
    c.arguments.push_back(std::move((*values)[i]));
  }
  return c;
}

result<void> server_session::on_command(const message& m) {
  const auto c = read_command(m);
  if (!c) {
    return fail(c.error());
  }
  if (state_ != state::publishing && ++commands_ > limits_.commands_before_publish) {
    return fail(errc::too_large, "rtmp_limit", "many commands and no publication");
  }
  if (state_ == state::connecting && c->name != "connect") {
    return protocol_error("a command before connect");
  }
  const auto entry = std::ranges::find(command_table, c->name, &command_entry::name);
  if (entry != std::end(command_table)) {
    return (this->*entry->handle)(*c, m);
  }
  ++statistics_.messages_ignored;
  if (c->transaction != 0) {
    send_command(0, {"_error", c->transaction, amf0::null{},
                     status("error", "NetConnection.Call.Failed", "Unknown command.")});
  }
  return {};
}

result<void> server_session::on_connect(const command& c, const message&) {
  if (state_ != state::connecting) {
    return protocol_error("connect for the second time");
  }
  app_ = text_of(c.object, "app");
  encoder_ = text_of(c.object, "flashVer");
  can_reconnect_ = (whole_number(c.object.find("capsEx")) & caps_reconnect) != 0;
  state_ = state::connected;

  byte_writer window;
  window.u32(our_window);
  send_control(message_type::window_acknowledgement_size, window.take());
  byte_writer bandwidth;
  bandwidth.u32(our_window);
  bandwidth.u8(limit_type_dynamic);
  send_control(message_type::set_peer_bandwidth, bandwidth.take());
  writer_.set_chunk_size(our_chunk_size);

  auto information = status("status", "NetConnection.Connect.Success", "Connection succeeded.");
  information.members.emplace_back("objectEncoding", 0.0);  // AMF0, whatever was asked for
  send_result(c.transaction, server_properties(is_enhanced(c.object)), std::move(information));
  return {};
}

result<void> server_session::on_release_stream(const command& c, const message&) {
  send_result(c.transaction, amf0::null{}, amf0::undefined{});
  return {};
}

result<void> server_session::on_fc_publish(const command& c, const message&) {
  send_result(c.transaction, amf0::null{}, amf0::undefined{});
  // Flash Media Live Encoder goes on only after this.
  send_command(0, {"onFCPublish", 0.0, amf0::null{},
                   status("status", "NetStream.Publish.Start", c.text_argument(0))});
  return {};
}

result<void> server_session::on_create_stream(const command& c, const message&) {
  if (streams_.size() >= limits_.streams) {
    send_command(0, {"_error", c.transaction, amf0::null{},
                     status("error", "NetConnection.Call.Failed", "Too many streams.")});
    return {};
  }
  streams_.push_back(++last_stream_);
  send_result(c.transaction, amf0::null{}, static_cast<double>(last_stream_));
  return {};
}

result<void> server_session::on_publish(const command& c, const message& m) {
  if (state_ == state::publishing) {
    send_status(m.stream, "error", status_code::bad_name,
                "This connection publishes already: use another one.");
    return {};
  }
  if (std::ranges::find(streams_, m.stream) == streams_.end()) {
    return protocol_error("publish on a stream that was not created");
  }
  publish_stream_ = m.stream;
  auto name = read_publish_name(app_, c.text_argument(0));
  if (name.key.empty()) {
    refuse(status_code::bad_name, "There is no stream key.");
    return {};
  }
  state_ = state::requested;
  events_.emplace_back(publish_requested{
      .app = std::move(name.app), .key = std::move(name.key), .encoder = encoder_});
  return {};
}

result<void> server_session::on_play(const command&, const message& m) {
  publish_stream_ = m.stream;
  end_publication(false);
  refuse("NetStream.Play.Failed", "This server takes streams in. To watch, open its page.");
  return {};
}

result<void> server_session::on_fc_unpublish(const command& c, const message&) {
  send_result(c.transaction, amf0::null{}, amf0::undefined{});
  if (state_ == state::publishing) {
    send_command(0, {"onFCUnpublish", 0.0, amf0::null{},
                     status("status", "NetStream.Unpublish.Success", "")});
    end_publication(true);
  }
  return {};
}

result<void> server_session::on_close_stream(const command&, const message& m) {
  if (state_ == state::publishing && m.stream == publish_stream_) {
    send_status(m.stream, "status", "NetStream.Unpublish.Success", "");
    end_publication(true);
  }
  return {};
}

result<void> server_session::on_delete_stream(const command& c, const message&) {
  const auto stream = whole_number(c.arguments.empty() ? nullptr : &c.arguments.front());
  if (state_ == state::publishing && stream == publish_stream_) {
    send_status(stream, "status", "NetStream.Unpublish.Success", "");
    end_publication(true);
  }
  std::erase(streams_, stream);
  return {};
}

result<void> server_session::on_check_bandwidth(const command& c, const message&) {
  send_result(c.transaction, amf0::null{}, amf0::undefined{});
  return {};
}

result<void> server_session::on_get_stream_length(const command& c, const message&) {
  send_result(c.transaction, amf0::null{}, 0.0);
  return {};
}

result<void> server_session::on_ignored(const command&, const message&) {
  ++statistics_.messages_ignored;
  return {};
}

bool server_session::request_reconnect(std::string_view tc_url, std::string_view description) {
  if (!can_reconnect_ || (state_ != state::connected && state_ != state::publishing)) {
    return false;
  }
  auto information = status("status", "NetConnection.Connect.ReconnectRequest", description);
  if (!tc_url.empty()) {
    information.members.emplace_back("tcUrl", tc_url);
  }
  send_command(0, {"onStatus", 0.0, amf0::null{}, std::move(information)});
  return true;
}

void server_session::send_command(std::uint32_t stream, const std::vector<amf0::value>& values) {
  writer_.write({.type = message_type::command_amf0,
                 .chunk_stream = stream == 0 ? command_chunk_stream : status_chunk_stream,
                 .stream = stream,
                 .timestamp = 0,
                 .payload = shared_bytes(amf0::encode_all(values))});
}

void server_session::send_result(double transaction, amf0::value object, amf0::value information) {
  if (transaction != 0) {  // 0: no answer is wanted
    send_command(0, {"_result", transaction, std::move(object), std::move(information)});
  }
}

void server_session::send_status(std::uint32_t stream, std::string_view level,
                                 std::string_view code, std::string_view description) {
  send_command(stream, {"onStatus", 0.0, amf0::null{}, status(level, code, description)});
}

}  // namespace troupe::rtmp
