// SPDX-License-Identifier: GPL-3.0-or-later
// What viewers may ask the segment cache for: addresses and delivery directives, taken apart.
// Thread: pure functions. Views in the results borrow from the arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "media/rendition_timeline.hpp"
#include "media/segment_cache.hpp"

namespace troupe::media {

enum class file_kind : std::uint8_t { master, playlist, init, part, segment, unknown };

/// What follows /live/{stream_id}/, taken apart.
struct file_name {
  file_kind kind = file_kind::unknown;
  std::string_view rendition;
  view playlist_view = view::usual;
  std::int64_t first = 0;
  std::int64_t second = 0;
};

/// Anything else than an address of ours is unknown.
file_name parse_file(std::string_view file);

struct directives {
  std::optional<playlist_position> wanted;
  bool delta = false;
  std::string_view wrong;  ///< why they are refused
};

/// RFC 8216bis, 6.2.5: what is malformed is said, never guessed at.
directives parse_directives(const delivery_directives& d);

}  // namespace troupe::media
