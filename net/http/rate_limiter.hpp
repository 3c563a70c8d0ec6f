// SPDX-License-Identifier: GPL-3.0-or-later
// Token buckets, one per peer, in a table whose size never changes however many peers come. A
// bucket is one time stamp (the generic cell rate algorithm of ATM Forum TM 4.0: the time at which
// it would be full again), so a bucket that is full says nothing and can be given away without
// loss. Thread: any.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address_key.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace troupe::http {

/// How much more the networks of a /48 may do together than one of them.
constexpr int block_factor = 8;

class rate_limiter {
 public:
  /// name: a metric label. per_minute: rate and burst, 0 = off. peers is rounded up to a power of
  /// two of sets of eight. clock and m outlive the limiter.
  rate_limiter(const std::string& name, int per_minute, std::size_t peers, const clock& clock,
               metrics& m);

  /// Takes one token of the key's bucket. Nothing when there was one, else the seconds until the
  /// next (at least 1).
  std::optional<std::chrono::seconds> refuse(std::uint64_t key);

 private:
  struct bucket {
    std::uint64_t key = 0;
    duration full_at{};  // since the clock's epoch; not after now = full, and free to take
  };

  using set = std::array<bucket, 8>;

  bucket& find(std::uint64_t key, duration now);

  const duration interval_;
  const std::uint64_t seed_;
  const clock& clock_;
  metrics::counter& refused_;
  metrics::counter& evicted_;
  std::mutex mutex_;
  std::vector<set> sets_;
};

}  // namespace troupe::http
