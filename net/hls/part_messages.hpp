// SPDX-License-Identifier: GPL-3.0-or-later
// How one node asks another for a file of a stream, on the link's stream for media:
//   part.get   number: the fetch; body: part_get
//   part.data  number: the same; body: the length of a part_head (u32), the part_head, the bytes
// Media comes in chunks that are asked for one by one, so who asks bounds what is on its way, and a
// chunk that is lost, or whose node died, is asked for again, of another node too: an address has
// the same bytes everywhere. A playlist comes whole.
// Thread: pure functions. Bytes that do not parse give data_corrupt.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "media/segment_cache.hpp"
#include "runtime/archive.hpp"
#include "runtime/link/link.hpp"

namespace troupe::hls {

inline constexpr std::string_view get_type = "part.get";
inline constexpr std::string_view data_type = "part.data";
inline constexpr std::uint32_t part_version = 1;

/// A part of 6 Mbit/s is one chunk; several nodes' chunks alternate on a link.
constexpr std::size_t chunk_bytes = std::size_t{256} * 1024;
/// More than any segment has: 10 s of 60 Mbit/s.
constexpr std::uint64_t largest_file = std::uint64_t{128} << 20;
constexpr std::size_t longest_address = 160;  // of a file, within its stream

struct part_get {
  stream_id stream = 0;
  std::string file;  ///< what follows /live/{stream_id}/
  std::optional<std::int64_t> msn;
  std::optional<std::int64_t> part;
  bool is_delta = false;
  std::uint64_t offset = 0;  ///< of a chunk; 0 for playlists
};

struct part_head {
  /// As a cached_answer's; media::elsewhere_status: that node neither has the stream nor the file.
  std::int32_t status = 0;
  std::int64_t max_age_s = 0;
  std::uint64_t total = 0;  ///< bytes of the file
  std::uint64_t offset = 0;
};

template <class Inspector>
auto inspect(Inspector& f, part_get& x) {
  return f(x.stream, x.file, x.msn, x.part, x.is_delta, x.offset);
}

template <class Inspector>
auto inspect(Inspector& f, part_head& x) {
  return f(x.status, x.max_age_s, x.total, x.offset);
}

struct part_data {
  part_head head;
  shared_bytes chunk;
};

result<part_get> decode_get(byte_view body);
media::delivery_directives directives_of(const part_get& asked);

/// The bytes from head.offset on: size of them, which must be there. The one copy on this side.
bytes encode_data(const part_head& head, const media::cached_answer& answer, std::size_t size);
/// Takes the body over: the chunk is a slice of it. What it says of itself is consistent.
result<part_data> decode_data(bytes body);

}  // namespace troupe::hls
