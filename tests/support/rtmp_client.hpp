// SPDX-License-Identifier: GPL-3.0-or-later
// The publisher's side of RTMP without a socket, for tests: handshake of each kind, the commands an
// encoder sends, chunks of any header type and size, and FLV bodies. Its way of writing bytes
// shares nothing with the server's. Thread: none of its own; one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/rtmp/amf0.hpp"
#include "net/rtmp/chunk_reader.hpp"
#include "net/rtmp/message.hpp"

namespace troupe::test {

/// How a message becomes chunks.
struct chunk_style {
  unsigned header_type = 0;
  std::uint32_t delta = 0;  ///< what types 1 and 2 say instead of the timestamp
  std::uint32_t chunk_size = rtmp::default_chunk_size;
  bool repeats_extended = true;  ///< the extended timestamp also in type 3 chunks
};

/// Appends one message. With header type 3 the field's value (for an extended timestamp) is delta.
void append_chunks(byte_writer& out, const rtmp::message& m, const chunk_style& style);
/// A chunk's basic header.
void append_basic_header(byte_writer& out, unsigned type, std::uint32_t chunk_stream);

/// FLV bodies (Video File Format 10.1, E.4; Enhanced RTMP 2).
namespace flv {
constexpr std::uint8_t avc = 7;
constexpr std::uint8_t hevc_12 = 12;
enum class kind : std::uint8_t {
  sequence_start = 0,
  coded_frames = 1,
  sequence_end = 2,
  coded_frames_x = 3
};

bytes video(std::uint8_t codec, kind k, bool key, std::int32_t composition_ms, byte_view payload);
/// composition_ms is written for coded_frames of avc1 and hvc1.
bytes enhanced_video(std::string_view four_cc, kind k, bool key, std::int32_t composition_ms,
                     byte_view payload);
bytes aac(kind k, byte_view payload);
bytes enhanced_audio(std::string_view four_cc, kind k, byte_view payload);
}  // namespace flv

class rtmp_client {
 public:
  enum class handshake : std::uint8_t { plain, digest_first_half, digest_second_half };

  struct target {
    std::string app = "app";
    std::string key = "key";
    std::string tc_url = "rtmp://127.0.0.1/app";
    bool is_enhanced = true;  ///< says fourCcList and capsEx in connect
  };

  struct command {
    std::string name;
    double transaction = 0;
    std::uint32_t stream = 0;
    std::vector<rtmp::amf0::value> values;  ///< what follows the transaction

    /// The "code" of an onStatus or _error.
    std::string code() const;
  };

  explicit rtmp_client(handshake kind = handshake::plain);

  /// Connects and publishes by itself, as the server's answers come in, the way ffmpeg does it.
  void publish(target t);

  bool is_publishing() const { return is_publishing_; }

  /// The stream id that createStream gave; 0 before.
  std::uint32_t stream() const { return stream_; }

  /// What the server sent, in pieces of any size.
  result<void> feed(byte_view data);

  bytes take_output() { return out_.take(); }

  bool handshake_done() const;

  /// True when S1 and S2 are what a client that checks digests wants (digest kinds), or S2 echoes
  /// C1.
  bool handshake_verified() const { return verified_; }

  /// What the server sent, oldest first; automatic publishing looks at them and leaves them here.
  std::optional<command> next_command();
  std::optional<rtmp::message> next_control();

  void send(const rtmp::message& m, chunk_style style = {});
  void send_command(std::uint32_t stream, const std::vector<rtmp::amf0::value>& values);
  void send_control(rtmp::message_type type, std::uint32_t value);
  void set_chunk_size(std::uint32_t size);
  void send_connect(const target& t);
  void send_video(std::uint32_t timestamp, bytes body);
  void send_audio(std::uint32_t timestamp, bytes body);
  void send_metadata(rtmp::amf0::properties values);
  /// FCUnpublish and deleteStream.
  void send_end();

 private:
  void verify_handshake();
  void on_message(rtmp::message m);
  void go_on(const command& c);

  handshake kind_;
  bytes c1_;
  bytes received_;  // of the handshake
  bool verified_ = false;
  rtmp::chunk_reader reader_;
  byte_writer out_;
  std::uint32_t chunk_size_ = rtmp::default_chunk_size;
  std::optional<target> target_;
  bool is_publishing_ = false;
  std::uint32_t stream_ = 0;
  std::deque<command> commands_;
  std::deque<rtmp::message> controls_;
};

}  // namespace troupe::test
