// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/recovery.hpp"

#include <algorithm>

namespace troupe::stream {
namespace {

// Segments are at least 2 s of media, and media is sent in real time; an encoder that sends faster
// for a while (a file without -re) is what the factor and the constant are for.
constexpr std::int64_t segments_per_second = 4;
constexpr std::int64_t segments_at_once = 1'000;

}  // namespace

media::checkpoint continue_above(media::checkpoint saved, std::chrono::milliseconds elapsed) {
  const auto seconds =
      std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(elapsed).count());
  const auto step = segments_at_once + segments_per_second * seconds;
  saved.next_msn += step;
  saved.long_msn += step;
  saved.init_number += step;
  // At most one change of configuration, and so one discontinuity, per segment.
  saved.discontinuity_sequence += step;
  saved.discontinuity = true;
  saved.needs_init = true;
  return saved;
}

}  // namespace troupe::stream
