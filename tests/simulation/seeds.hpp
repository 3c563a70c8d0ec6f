// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a scenario for many seeds and says which one failed and how to see it again:
//   TROUPE_SEEDS=100000 TROUPE_FIRST_SEED=1 test_simulation "membership: chaos*"
// Thread: one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace troupe::simulation {

struct outcome {
  std::vector<std::string> broken;
  std::string trace;
};

using scenario = std::function<outcome(std::uint64_t seed, bool traced)>;

struct failure {
  std::uint64_t seed = 0;
  std::uint64_t tried = 0;  ///< seeds it took
  std::string text;         ///< what was broken, the end of the trace, how to replay
};

/// The first seed that breaks a promise. usual: how many are tried where TROUPE_SEEDS is not set.
std::optional<failure> first_failure(std::uint64_t usual, const scenario& run);

}  // namespace troupe::simulation
