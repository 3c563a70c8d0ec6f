// SPDX-License-Identifier: GPL-3.0-or-later
// Numbering after the program or a node died: parts it announced but could not write down must not
// be announced again with other content, because players and caches hold them.
#pragma once

#include <chrono>

#include "media/checkpoint.hpp"
#include "media/segment_cache.hpp"

namespace troupe::stream {

/// A checkpoint above everything that can have been published between the time `saved` was stored
/// and elapsed later: media sequence, init section and discontinuity numbers continue above, the
/// content starts anew behind a discontinuity.
media::checkpoint continue_above(media::checkpoint saved, std::chrono::milliseconds elapsed);

/// A checkpoint behind the segment that is running at p, as if that ended with the parts it has:
/// for the next publication. before: the checkpoint where that segment began.
media::checkpoint continue_behind(media::checkpoint before, const media::cache_position& p);

}  // namespace troupe::stream
