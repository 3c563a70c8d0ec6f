// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/rate_limiter.hpp"

#include <algorithm>
#include <bit>
#include <random>

namespace troupe::http {
namespace {

constexpr duration period = std::chrono::minutes(1);

/// Spreads keys over the sets in a way that a peer cannot foresee (the finaliser of splitmix64 over
/// a random seed): nobody can aim addresses of theirs at the set of another's.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

rate_limiter::rate_limiter(const std::string& name, int per_minute, std::size_t peers,
                           const clock& clock, metrics& m)
    : interval_(per_minute > 0 ? period / per_minute : duration::zero()),
      seed_(random_seed()),
      clock_(clock),
      refused_(m.make_counter("troupe_http_rate_limited_total",
                              "Requests refused because their peer was over a rate limit",
                              {{"limit", name}})),
      evicted_(m.make_counter("troupe_http_rate_buckets_evicted_total",
                              "Buckets that were not full when they gave way to another peer's",
                              {{"limit", name}})) {
  if (interval_ > duration::zero()) {
    const auto ways = std::tuple_size_v<set>;
    sets_.resize(std::bit_ceil(std::max<std::size_t>(1, (peers + ways - 1) / ways)));
  }
}

rate_limiter::bucket& rate_limiter::find(std::uint64_t key, duration now) {
  auto& ways = sets_[mix(key ^ seed_) & (sets_.size() - 1)];
  const auto found = std::ranges::find(ways, key, &bucket::key);
  if (found != ways.end()) {
    return *found;
  }
  auto& fullest = *std::ranges::min_element(ways, {}, &bucket::full_at);
  if (fullest.full_at > now) {
    evicted_.add();
  }
  fullest = {key, now};
  return fullest;
}

std::optional<std::chrono::seconds> rate_limiter::refuse(std::uint64_t key) {
  if (sets_.empty()) {
    return std::nullopt;
  }
  const duration now = clock_.now().time_since_epoch();
  const std::lock_guard lock(mutex_);
  auto& mine = find(key, now);
  const auto full_at = std::max(mine.full_at, now) + interval_;
  if (full_at - now > period) {
    refused_.add();
    return std::max(std::chrono::seconds(1),
                    std::chrono::ceil<std::chrono::seconds>(full_at - now - period));
  }
  mine.full_at = full_at;
  return std::nullopt;
}

}  // namespace troupe::http
