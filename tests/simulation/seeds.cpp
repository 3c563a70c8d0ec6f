// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds.hpp"

#include <algorithm>
#include <cstdlib>

#include <spdlog/fmt/fmt.h>

namespace troupe::simulation {

namespace {

/// Of the trace; TROUPE_TRACE=1 prints all that is kept.
constexpr std::size_t shown = 12'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

std::optional<failure> first_failure(std::uint64_t usual, const scenario& run) {
  const auto first = from_environment("TROUPE_FIRST_SEED", 1);
  const auto count = from_environment("TROUPE_SEEDS", usual);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto seed = first + i;
    if (run(seed, false).broken.empty()) {
      continue;
    }
    const auto again = run(seed, true);
    auto trace = again.trace;
    if (trace.size() > shown && std::getenv("TROUPE_TRACE") == nullptr) {
      trace = "[…]\n" + trace.substr(trace.find('\n', trace.size() - shown) + 1);
    }
    return failure{
        seed, i + 1,
        fmt::format("{}seed {}: {}\nreplay with TROUPE_FIRST_SEED={} TROUPE_SEEDS=1", trace, seed,
                    again.broken.empty() ? "does not replay" : again.broken.front(), seed)};
  }
  return std::nullopt;
}

}  // namespace troupe::simulation
