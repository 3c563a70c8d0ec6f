// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes to messages: RTMP 1.0, section 5.3. Takes them in pieces of any size and copies each
// payload byte once, into the buffer that the message keeps. Set Chunk Size and Abort are obeyed
// here, as they change how the next byte is read; every other message is handed on. Thread: none of
// its own; one thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/rtmp/message.hpp"

namespace troupe::rtmp {

/// What one peer may make us hold. Every limit breaks the connection when it is passed.
struct chunk_limits {
  std::size_t media_message = (std::size_t{1} << 24) - 1;  ///< all a 24-bit length can say
  std::size_t other_message = std::size_t{64} << 10;       ///< commands and data
  /// Declared lengths of all messages begun and not finished.
  std::size_t unfinished_total = std::size_t{32} << 20;
  /// Encoders use three to six.
  std::size_t chunk_streams = 64;
};

class chunk_reader {
 public:
  explicit chunk_reader(chunk_limits limits = {});

  /// Takes bytes off the front of input until a message is whole, or input is used up (nothing).
  /// Errors: invalid_argument (rtmp_protocol), too_large (rtmp_limit); the reader is of no use
  /// then.
  result<std::optional<message>> read(byte_view& input);

  /// For messages that begin from now on.
  void set_limits(const chunk_limits& limits) { limits_ = limits; }

  std::uint32_t chunk_size() const { return chunk_size_; }

  /// Messages that were begun and then dropped by Abort or by a new header.
  std::uint64_t abandoned() const { return abandoned_; }

 private:
  struct chunk_stream {
    std::uint32_t id = 0;
    message_type type = message_type::command_amf0;
    std::uint32_t length = 0;
    std::uint32_t stream = 0;
    std::uint32_t timestamp = 0;
    std::uint32_t delta = 0;     ///< what a type 3 header that begins a message adds
    std::uint32_t extended = 0;  ///< the extended field as it was sent: absolute or delta
    bool has_extended = false;
    bool in_message = false;
    bytes payload;
  };

  enum class phase : std::uint8_t { header, repeated_timestamp, payload };

  result<std::optional<message>> step(byte_view& input);
  result<std::optional<message>> read_header(byte_view& input);
  result<std::optional<message>> read_repeated_timestamp(byte_view& input);
  result<std::optional<message>> read_payload(byte_view& input);
  std::size_t header_size_needed() const;
  std::size_t basic_header_size() const;
  result<void> begin_chunk();
  result<void> begin_full_chunk(unsigned type, byte_reader fields);
  result<void> begin_message();
  result<std::optional<message>> begin_payload();
  result<std::optional<message>> finish_message();
  result<std::optional<message>> obey(const message& control);
  result<chunk_stream*> find_stream(std::uint32_t id, unsigned type);
  void abandon(chunk_stream& stream);

  chunk_limits limits_;
  std::uint32_t chunk_size_ = default_chunk_size;
  phase phase_ = phase::header;
  std::array<std::uint8_t, 18> header_{};  // basic 3 + message 11 + extended timestamp 4
  std::size_t header_size_ = 0;
  std::array<std::uint8_t, 4> replay_{};  // bytes looked at in vain for a repeated timestamp
  std::size_t replay_size_ = 0;
  std::vector<chunk_stream> streams_;
  std::size_t current_ = 0;     // index into streams_
  std::size_t chunk_left_ = 0;  // payload bytes of the chunk being read
  std::size_t unfinished_ = 0;  // declared lengths of messages begun
  std::uint64_t abandoned_ = 0;
};

}  // namespace troupe::rtmp
