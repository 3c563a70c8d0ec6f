// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/chunk_writer.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace troupe::rtmp {

void chunk_writer::basic_header(unsigned type, std::uint32_t chunk_stream) {
  const unsigned bits = type << 6;
  if (chunk_stream < 64) {
    out_.u8(bits | chunk_stream);
  } else if (chunk_stream < 320) {
    out_.u8(bits);
    out_.u8(chunk_stream - 64);
  } else {
    out_.u8(bits | 1);
    out_.u8((chunk_stream - 64) & 0xFF);  // low byte first (5.3.1.1)
    out_.u8((chunk_stream - 64) >> 8);
  }
}

void chunk_writer::write(const message& m) {
  TROUPE_CHECK(m.chunk_stream >= 2 && m.chunk_stream <= largest_chunk_stream,
               "our own chunk streams are constants");
  TROUPE_CHECK(m.payload.size() < (std::size_t{1} << 24), "our own messages are small");
  const bool extended = m.timestamp >= extended_timestamp_mark;
  basic_header(0, m.chunk_stream);
  out_.u24(extended ? extended_timestamp_mark : m.timestamp);
  out_.u24(m.payload.size());
  out_.u8(static_cast<std::uint8_t>(m.type));
  for (unsigned shift = 0; shift < 32; shift += 8) {  // the one little-endian field (5.3.1.2.1)
    out_.u8((m.stream >> shift) & 0xFF);
  }
  auto left = m.payload.view();
  for (bool first = true; first || !left.empty(); first = false) {
    if (!first) {
      basic_header(3, m.chunk_stream);
    }
    if (extended) {
      out_.u32(m.timestamp);
    }
    const auto count = std::min<std::size_t>(chunk_size_, left.size());
    out_.append(left.first(count));
    left = left.subspan(count);
  }
}

void chunk_writer::set_chunk_size(std::uint32_t size) {
  byte_writer payload;
  payload.u32(size);
  write({.type = message_type::set_chunk_size,
         .chunk_stream = 2,
         .stream = 0,
         .timestamp = 0,
         .payload = shared_bytes(payload.take())});
  chunk_size_ = size;
}

}  // namespace troupe::rtmp
