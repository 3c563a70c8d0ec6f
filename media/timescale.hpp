// SPDX-License-Identifier: GPL-3.0-or-later
// Times of tracks with different timescales, made comparable without rounding.
// Thread: pure functions.
#pragma once

#include <chrono>
#include <cstdint>

namespace troupe::media {

/// 1/705,600,000 s: a whole number of it makes one tick of 90 kHz, of a millisecond and of every
/// usual sample rate.
using flicks = std::int64_t;

constexpr flicks flicks_per_second = 705'600'000;
constexpr flicks flicks_per_ms = flicks_per_second / 1000;

/// Split so that nothing overflows: scale is below 2^17.
constexpr flicks to_flicks(std::int64_t ticks, std::int64_t scale) {
  return ticks / scale * flicks_per_second + ticks % scale * flicks_per_second / scale;
}

constexpr std::int64_t ms_to_ticks(std::int64_t ms, std::int64_t scale) {
  return ms / 1000 * scale + ms % 1000 * scale / 1000;
}

constexpr std::chrono::microseconds to_microseconds(flicks t) {
  return std::chrono::microseconds(t / flicks_per_second * 1'000'000 +
                                   t % flicks_per_second * 10 / 7056);
}

}  // namespace troupe::media
