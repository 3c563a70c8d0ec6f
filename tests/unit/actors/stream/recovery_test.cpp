// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/recovery.hpp"

#include <catch2/catch.hpp>

namespace troupe::stream {

TEST_CASE("continue_above: every number lies above what can have been published since",
          "[actors][stream]") {
  media::checkpoint saved;
  saved.next_msn = 70;
  saved.long_msn = 35;
  saved.init_number = 2;
  saved.discontinuity_sequence = 1;
  const auto later = continue_above(saved, std::chrono::minutes(10));
  // The shortest segments are 2 s of media: at most 300 in ten minutes.
  CHECK(later.next_msn > 70 + 300);
  CHECK(later.long_msn > 35 + 300);
  CHECK(later.init_number > 2 + 300);
  CHECK(later.discontinuity_sequence > 1);
  CHECK(later.discontinuity);
  CHECK(later.needs_init);
}

TEST_CASE("continue_above: a clock that stepped back does not lower a number", "[actors][stream]") {
  media::checkpoint saved;
  saved.next_msn = 70;
  CHECK(continue_above(saved, -std::chrono::hours(1)).next_msn > 70);
}

}  // namespace troupe::stream
