// SPDX-License-Identifier: GPL-3.0-or-later
// How many people watch each stream, written every few seconds by the node that has the channel's
// room; stream_store reads it with the streams. Thread: every function from any thread that may
// block.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

/// What happened since the sample before.
struct audience_sample {
  stream_id stream = 0;
  std::int64_t viewers = 0;              ///< now
  std::int64_t peak = 0;                 ///< the most there were since the sample before
  std::chrono::milliseconds watched{0};  ///< each viewer's time added up
  wall_time at;
};

class audience_store {
 public:
  virtual ~audience_store() = default;

  /// One transaction, one round trip; streams differ. Unknown streams are passed over.
  [[nodiscard]] virtual result<void> record(std::span<const audience_sample> samples) = 0;
};

}  // namespace troupe::storage
