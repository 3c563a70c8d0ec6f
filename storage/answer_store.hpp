// SPDX-License-Identifier: GPL-3.0-or-later
// What was answered to requests that may come twice: claimed by the first, kept for the others,
// whichever node they come to. Thread: every function from any thread that may block.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace troupe::storage {

struct answer_key {
  user_id user = 0;
  std::string route;
  std::string key;
};

struct answer_bounds {
  std::chrono::seconds life{};   ///< since it was claimed
  std::chrono::seconds lease{};  ///< a claim without an answer is another's after that
  std::size_t most_of_user = 0;
};

enum class answer_claim : std::uint8_t {
  first,     ///< the caller's, to be kept or released
  in_use,    ///< another is at it
  reused,    ///< of another request
  answered,  ///< before: answer
};

struct claimed_answer {
  answer_claim what = answer_claim::first;
  bytes answer = {};        ///< of answered
  wall_time since = {};     ///< of first: names the claim
  std::size_t dropped = 0;  ///< answers of the user's that gave way, the oldest
};

class answer_store {
 public:
  virtual ~answer_store() = default;

  /// Errors: unavailable (overloaded): all that the user may have are under way.
  [[nodiscard]] virtual result<claimed_answer> claim(const answer_key& k, byte_view fingerprint,
                                                     const answer_bounds& b, wall_time now) = 0;
  /// Both do nothing when the claim has become another's.
  [[nodiscard]] virtual result<void> keep(const answer_key& k, wall_time since,
                                          byte_view answer) = 0;
  [[nodiscard]] virtual result<void> release(const answer_key& k, wall_time since) = 0;
  /// At most limit rows claimed before that; answers how many.
  [[nodiscard]] virtual result<std::size_t> remove_old(wall_time before, int limit) = 0;
};

}  // namespace troupe::storage
