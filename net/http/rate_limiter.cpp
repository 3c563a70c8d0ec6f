// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/rate_limiter.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <random>

namespace troupe::http {
namespace {

constexpr duration period = std::chrono::minutes(1);

template <std::size_t Size>
std::uint64_t big_endian(const std::array<std::uint8_t, Size>& octets, std::size_t from,
                         std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = from; i < from + count; ++i) {
    value = (value << 8) | octets[i];
  }
  return value;
}

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

std::uint64_t address_key(std::string_view address) {
  // ffff:a.b.c.d, where IPv4-mapped addresses have it; no IPv6 /64 in use begins with 0:ffff.
  constexpr std::uint64_t ipv4_tag = 0xffffULL << 32;
  const std::string text(address.substr(0, INET6_ADDRSTRLEN));  // inet_pton wants the NUL
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) {
    return ipv4_tag | big_endian(v4, 0, 4);
  }
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) != 1) {
    return 0;
  }
  const bool is_mapped = big_endian(v6, 0, 8) == 0 && big_endian(v6, 8, 4) == 0xffff;
  return is_mapped ? ipv4_tag | big_endian(v6, 12, 4) : big_endian(v6, 0, 8);
}

std::optional<std::uint64_t> block_key(std::uint64_t address_key) {
  const bool is_ipv6 = address_key != 0 && address_key >> 32 != 0xffff;
  return is_ipv6 ? std::optional(address_key >> 16) : std::nullopt;
}

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
