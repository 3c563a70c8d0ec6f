// SPDX-License-Identifier: GPL-3.0-or-later
// What a LiveStream answered to frames, kept for the connection's thread until it looks anyway: an
// answer by itself is not worth a thread switch (docs/measurements.md). Bounded: a count, the
// newest resume point and the first error. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "actors/stream/messages.hpp"
#include "base/result.hpp"

namespace troupe::rtmp {

class push_answers {
 public:
  struct summary {
    std::uint64_t opening = 0;
    std::size_t count = 0;
    std::optional<stream::resume_point> reached;  ///< the newest
    std::optional<error> failure;                 ///< the first
  };

  /// patience: so many answers may wait. The flight must be larger, or nobody would ever look.
  explicit push_answers(std::size_t patience) : patience_(patience) {}

  /// True when the connection's thread is to be woken for it: once until the next take().
  /// Answers to an opening before the newest one are dropped.
  [[nodiscard]] bool put(std::uint64_t opening, result<stream::resume_point> answer);

  /// What came since the last call; nothing has a count of 0.
  summary take();

 private:
  const std::size_t patience_;
  std::mutex mutex_;
  summary waiting_;
  bool is_woken_ = false;
};

}  // namespace troupe::rtmp
