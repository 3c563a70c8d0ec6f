// SPDX-License-Identifier: GPL-3.0-or-later
// Quantiles of any number of times in fixed memory. Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Microseconds, in buckets of 2 %: quantiles of any number of values in fixed memory.
class latency_histogram {
 public:
  void add(std::int64_t us) {
    ++counts_[bucket_of(us)];
    ++total_;
    largest_ = std::max(largest_, us);
  }

  double quantile_ms(double q) const {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted) {
        return value_of(i) / 1000;
      }
    }
    return static_cast<double>(largest_) / 1000;
  }

  double largest_ms() const { return static_cast<double>(largest_) / 1000; }

  std::uint64_t total() const { return total_; }

 private:
  static constexpr std::size_t per_octave = 32;

  static std::size_t bucket_of(std::int64_t us) {
    const auto x = static_cast<std::uint64_t>(std::max<std::int64_t>(us, 1));
    const auto octave = static_cast<std::size_t>(63 - __builtin_clzll(x));
    const auto fraction = octave >= 5 ? (x >> (octave - 5)) & 31 : (x << (5 - octave)) & 31;
    return std::min(octave * per_octave + static_cast<std::size_t>(fraction), std::size_t{1279});
  }

  static double value_of(std::size_t bucket) {
    const auto base = static_cast<double>(std::uint64_t{1} << (bucket / per_octave));
    return base * (1.0 + static_cast<double>(bucket % per_octave) / 32.0);
  }

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(1280);
  std::uint64_t total_ = 0;
  std::int64_t largest_ = 0;
};
