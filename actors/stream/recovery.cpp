// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/recovery.hpp"

#include <algorithm>

#include "media/timescale.hpp"

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

media::checkpoint continue_behind(media::checkpoint before, const media::cache_position& p) {
  const auto& running = *p.running;
  before.started = false;
  before.finished = true;
  before.next_msn = running.msn + 1;
  before.long_msn = running.long_msn + 1;
  before.long_start = -1;
  before.is_long = running.is_long;
  before.discontinuity_sequence = running.discontinuity_sequence;
  before.discontinuity = true;
  before.init_number = running.init_number;
  before.needs_init = true;
  before.fragment_index += p.parts;
  // Durations are rounded to microseconds each, a start to the next millisecond.
  before.lead +=
      (p.duration.count() + 999) / 1000 * media::flicks_per_ms + 2 * media::flicks_per_ms;
  before.video.needs_idr = true;
  return before;
}

}  // namespace troupe::stream
