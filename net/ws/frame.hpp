// SPDX-License-Identifier: GPL-3.0-or-later
// The WebSocket protocol's frames (RFC 6455, 5 and 7), the server's side, without a socket: what
// clients send is masked, what we send is not. So a frame for everybody is encoded once, and its
// bytes are the same for each of them. No extension (docs/decisions/0007).
// Thread: encoders are pure; a reader is used by one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "net/ws/utf8.hpp"

namespace troupe::ws {

enum class opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// RFC 6455 7.4.1, and 1013 of IANA's registry; docs/chat-protocol.md says when.
enum class close_code : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  not_text = 1003,
  not_utf8 = 1007,
  policy = 1008,
  too_big = 1009,
  internal = 1011,
  try_again = 1013,
};

/// Of a frame with so much payload, as we send it: 2, 4 or 10 bytes.
std::size_t header_size(std::size_t payload);
/// Appends the header of a whole message.
void append_header(bytes& out, opcode kind, std::size_t payload);
shared_bytes encode_frame(opcode kind, byte_view payload);
shared_bytes encode_text(std::string_view text);
/// reason is cut to what a control frame can hold; it is ASCII.
shared_bytes encode_close(close_code code, std::string_view reason = {});

/// Reads a client's frames and puts messages together.
///   while (!data.empty() && reader.now() != failed) { data = data.subspan(reader.put(data)); … }
class frame_reader {
 public:
  enum class state : std::uint8_t {
    more,  ///< needs bytes
    text,  ///< a message, whole, in payload()
    ping,  ///< payload() is to be given back
    pong,
    close,   ///< see peer_code()
    failed,  ///< see failure(); takes nothing any more
  };

  explicit frame_reader(std::size_t message_limit) : limit_(message_limit) {}

  /// Takes bytes up to the end of the next message or control frame; how many it took.
  std::size_t put(byte_view data);

  state now() const { return now_; }

  /// Valid until the next put().
  byte_view payload() const { return is_control() ? byte_view(control_) : byte_view(message_); }

  close_code failure() const { return failure_; }

  /// What the peer's close frame said, if anything.
  std::optional<std::uint16_t> peer_code() const { return peer_code_; }

  /// Frames begun so far, fragments and control frames each one.
  std::uint32_t frames() const { return frames_; }

 private:
  bool is_control() const { return (head_[0] & 0x08) != 0; }

  void begin_next();
  void on_first_two();
  void on_header();
  std::size_t header_needed() const;
  bool take_payload(byte_view masked);
  void on_frame_end();
  void on_close();
  void fail(close_code why);

  std::size_t limit_;
  bytes message_;  // of what fragments came so far
  bytes control_;  // at most 125 bytes
  std::uint64_t left_ = 0;
  std::uint32_t frames_ = 0;
  std::optional<std::uint16_t> peer_code_;
  close_code failure_ = close_code::normal;
  std::array<std::uint8_t, 14> head_{};
  std::uint8_t have_ = 0;  // bytes of head_
  std::uint8_t mask_at_ = 0;
  bool header_done_ = false;
  bool in_message_ = false;  // its last fragment has not begun
  utf8_checker utf8_;
  state now_ = state::more;
};

}  // namespace troupe::ws
