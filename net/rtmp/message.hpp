// SPDX-License-Identifier: GPL-3.0-or-later
// An RTMP message and the numbers both directions share (RTMP 1.0, sections 5.4 and 7.1).
// Thread: plain data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace troupe::rtmp {

enum class message_type : std::uint8_t {
  set_chunk_size = 1,
  abort = 2,
  acknowledgement = 3,
  user_control = 4,
  window_acknowledgement_size = 5,
  set_peer_bandwidth = 6,
  audio = 8,
  video = 9,
  data_amf3 = 15,
  command_amf3 = 17,
  data_amf0 = 18,
  command_amf0 = 20,
  aggregate = 22,
};

/// RTMP 1.0, 7.1.7.
enum class user_control : std::uint16_t {
  stream_begin = 0,
  ping_request = 6,
  ping_response = 7,
};

/// RTMP 1.0, 5.4.1: what both sides start with.
constexpr std::uint32_t default_chunk_size = 128;
/// Chunk stream ids go from 2 to this (RTMP 1.0, 5.3.1.1).
constexpr std::uint32_t largest_chunk_stream = 65599;
/// The value of a 24-bit timestamp field that says "see the extended one" (RTMP 1.0, 5.3.1.3).
constexpr std::uint32_t extended_timestamp_mark = 0xFFFFFF;

struct message {
  message_type type = message_type::command_amf0;
  std::uint32_t chunk_stream = 3;
  std::uint32_t stream = 0;
  /// Milliseconds, modulo 2^32.
  std::uint32_t timestamp = 0;
  shared_bytes payload = {};
};

inline bool is_media(message_type type) {
  return type == message_type::audio || type == message_type::video ||
         type == message_type::aggregate;
}

}  // namespace troupe::rtmp
