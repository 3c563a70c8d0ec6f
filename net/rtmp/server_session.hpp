// SPDX-License-Identifier: GPL-3.0-or-later
// One publisher's RTMP connection without its socket: bytes in, events and bytes out.
//
//   feed(received) -> drain next_event() -> send take_output() -> close if wants_close() or it
//   failed
//
// Life: handshake -> connect -> (publish_requested -> accept -> frames -> publish_ended)* ->
// closed. Between publish_requested and accept() or refuse() nothing is read: wants_input() is
// false, the owner stops reading its socket, and TCP holds the encoder back. So an unknown peer can
// make us hold one read's worth of bytes and commands of 64 KiB, but no media. Errors of feed() and
// accept() are the peer's and final: reason rtmp_protocol or rtmp_limit, or amf0_*. publish_ended
// comes exactly once per accepted publication if the owner calls end_of_input() when the connection
// is gone. Thread: none of its own; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "media/frame.hpp"
#include "net/rtmp/amf0.hpp"
#include "net/rtmp/chunk_reader.hpp"
#include "net/rtmp/chunk_writer.hpp"
#include "net/rtmp/flv_demuxer.hpp"
#include "net/rtmp/handshake.hpp"
#include "net/rtmp/message.hpp"
#include "net/rtmp/statistics.hpp"

namespace troupe::rtmp {

/// Codes that refuse() is meant for.
namespace status_code {
constexpr std::string_view bad_name = "NetStream.Publish.BadName";  ///< wrong, or taken over
constexpr std::string_view unauthorized = "NetStream.Publish.Unauthorized";
constexpr std::string_view failed = "NetStream.Publish.Failed";  ///< cannot go on with it
}  // namespace status_code

/// Answer with accept() or refuse().
struct publish_requested {
  std::string app;
  std::string key;
  std::string encoder;  ///< connect's flashVer, for logs: "FMLE/3.0 (compatible; FMSc/1.0)"
};

/// onMetaData: what the encoder says of itself. A claim, never to be relied on.
struct metadata {
  amf0::properties values;

  std::optional<double> number(std::string_view name) const;
  std::string_view text(std::string_view name) const;
};

struct publish_ended {
  /// The encoder said so (FCUnpublish, closeStream, deleteStream); false: the connection broke.
  bool is_explicit = false;
};

using event = std::variant<publish_requested, media::frame, metadata, problem, publish_ended>;

struct session_limits {
  chunk_limits chunks;
  /// Of a peer that nobody knows yet: commands, and nothing that needs room.
  chunk_limits chunks_before_publish{.media_message = std::size_t{64} << 10,
                                     .unfinished_total = std::size_t{256} << 10};
  std::size_t commands_before_publish = 64;            ///< encoders send five to eight
  std::size_t streams = 8;                             ///< createStream without deleteStream
  std::size_t pending_input = std::size_t{256} << 10;  ///< held while wants_input() is false
};

class server_session {
 public:
  explicit server_session(session_limits limits = {});

  /// What the socket gave, in pieces of any size.
  result<void> feed(byte_view data);
  /// The connection is gone: tells of a publication that it broke.
  void end_of_input();
  /// False: stop reading the socket until after accept().
  bool wants_input() const;

  /// True: close once what take_output() gave is sent.
  bool wants_close() const { return state_ == state::closing; }

  /// What has happened, in order. Drain it after each feed(), accept() and end_of_input().
  std::optional<event> next_event();
  /// Bytes for the peer; empty when there are none.
  bytes take_output();

  /// Lets the publisher that asked begin. Reads what waited: events may be there afterwards.
  result<void> accept();
  /// Turns the publisher away, or ends its publication later (say, for a newer connection): it gets
  /// an onStatus error, then wants_close(). No publish_ended follows.
  void refuse(std::string_view code, std::string_view description);
  /// Asks the encoder to connect anew, to tc_url if it is not empty (Enhanced RTMP 2, Reconnect
  /// Request). False, and nothing sent, when it never said that it can.
  bool request_reconnect(std::string_view tc_url, std::string_view description);
  /// The answer is counted as pongs_received.
  void ping(std::uint32_t timestamp);

  bool is_publishing() const { return state_ == state::publishing; }

  const session_statistics& statistics() const;

 private:
  enum class state : std::uint8_t {
    handshaking,
    connecting,  // awaits connect
    connected,
    requested,  // awaits accept() or refuse()
    publishing,
    closing,
    failed,
  };

  struct command {
    std::string name;
    double transaction = 0;
    amf0::value object;
    std::vector<amf0::value> arguments;

    std::string_view text_argument(std::size_t index) const;
  };

  using handler = result<void> (server_session::*)(const command&, const message&);

  struct command_entry {
    std::string_view name;
    handler handle;
  };

  static const command_entry command_table[];

  result<void> process(byte_view input);
  result<void> fail_with(error e);
  void note_received();
  result<void> on_message(const message& m);
  void on_user_control(const message& m);
  result<void> on_window_size(const message& m);
  void on_media(const message& m);
  void on_aggregate(const message& m);
  void on_data(const message& m);
  result<void> on_command(const message& m);
  result<command> read_command(const message& m) const;

  result<void> on_connect(const command& c, const message& m);
  result<void> on_release_stream(const command& c, const message& m);
  result<void> on_fc_publish(const command& c, const message& m);
  result<void> on_create_stream(const command& c, const message& m);
  result<void> on_publish(const command& c, const message& m);
  result<void> on_play(const command& c, const message& m);
  result<void> on_delete_stream(const command& c, const message& m);
  result<void> on_close_stream(const command& c, const message& m);
  result<void> on_fc_unpublish(const command& c, const message& m);
  result<void> on_check_bandwidth(const command& c, const message& m);
  result<void> on_get_stream_length(const command& c, const message& m);
  result<void> on_ignored(const command& c, const message& m);

  void end_publication(bool is_explicit);
  void send_command(std::uint32_t stream, const std::vector<amf0::value>& values);
  void send_result(double transaction, amf0::value object, amf0::value information);
  void send_status(std::uint32_t stream, std::string_view level, std::string_view code,
                   std::string_view description);
  void send_control(message_type type, bytes payload);
  void send_user_control(user_control kind, std::uint32_t value);

  const session_limits limits_;
  state state_ = state::handshaking;
  std::optional<error> failure_;
  handshake handshake_;
  chunk_reader reader_;
  chunk_writer writer_;
  flv_demuxer demuxer_;
  bytes handshake_output_;
  bytes pending_;  // received and not read: while a publish request awaits its answer
  std::deque<event> events_;

  std::string app_;
  std::string encoder_;
  bool can_reconnect_ = false;
  std::size_t commands_ = 0;
  std::uint32_t last_stream_ = 0;
  std::vector<std::uint32_t> streams_;  // ids given out by createStream
  std::uint32_t publish_stream_ = 0;

  std::uint32_t peer_window_;  // bytes after which the peer wants an acknowledgement
  std::uint64_t acknowledged_ = 0;
  mutable session_statistics statistics_;  // media and abandoned are filled in when asked for
};

}  // namespace troupe::rtmp
