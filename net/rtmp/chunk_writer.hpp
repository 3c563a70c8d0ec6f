// SPDX-License-Identifier: GPL-3.0-or-later
// Messages to bytes (RTMP 1.0, 5.3), always with a full header: a server's answers are few and
// small. Thread: none of its own; one thread at a time.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "net/rtmp/message.hpp"

namespace troupe::rtmp {

class chunk_writer {
 public:
  /// Appends one message. m.chunk_stream: 2 to 65599; the payload: below 16 MiB.
  void write(const message& m);
  /// Tells the peer, and cuts what follows so. 1 to 0xFFFFFF.
  void set_chunk_size(std::uint32_t size);

  bytes take() { return out_.take(); }

  bool empty() const { return out_.size() == 0; }

  std::size_t size() const { return out_.size(); }

 private:
  void basic_header(unsigned type, std::uint32_t chunk_stream);

  byte_writer out_;
  std::uint32_t chunk_size_ = default_chunk_size;
};

}  // namespace troupe::rtmp
