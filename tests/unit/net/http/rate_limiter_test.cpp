// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/rate_limiter.hpp"

#include <unistd.h>

#include <fstream>
#include <tuple>

#include <catch2/catch.hpp>

namespace troupe::http {
namespace {

using std::chrono::seconds;

int accepted(rate_limiter& limiter, std::uint64_t key, int attempts) {
  int count = 0;
  for (int i = 0; i < attempts; ++i) {
    count += limiter.refuse(key) ? 0 : 1;
  }
  return count;
}

TEST_CASE("rate_limiter: allows a burst of one minute's worth, then the rate", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 60, 1024, clock, m);
  CHECK(accepted(limiter, 1, 100) == 60);
  clock.advance(seconds(10));
  CHECK(accepted(limiter, 1, 100) == 10);
  clock.advance(std::chrono::hours(5));
  CHECK(accepted(limiter, 1, 100) == 60);
}

TEST_CASE("rate_limiter: says after how many seconds the next token is there", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 2, 1024, clock, m);
  CHECK(accepted(limiter, 1, 2) == 2);
  const auto wait = limiter.refuse(1);
  REQUIRE(wait);
  CHECK(*wait == seconds(30));
  clock.advance(*wait - std::chrono::milliseconds(1));
  CHECK(limiter.refuse(1) == seconds(1));
  clock.advance(std::chrono::milliseconds(1));
  CHECK_FALSE(limiter.refuse(1));
}

TEST_CASE("rate_limiter: peers do not pay for each other", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 10, 1024, clock, m);
  CHECK(accepted(limiter, 1, 20) == 10);
  CHECK(accepted(limiter, 2, 20) == 10);
}

TEST_CASE("rate_limiter: 0 is off", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 0, 1024, clock, m);
  CHECK(accepted(limiter, 1, 10'000) == 10'000);
}

TEST_CASE("rate_limiter: however many peers come, the busiest stay limited", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 10, 8, clock, m);  // one set of eight
  auto& evicted = m.make_counter("troupe_http_rate_buckets_evicted_total", "", {{"limit", "test"}});
  const auto busiest = GENERATE(as<std::uint64_t>{}, 0, 1'000'000);  // before and after the others
  CHECK(accepted(limiter, busiest, 20) == 10);
  for (std::uint64_t other = 1; other <= 10'000; ++other) {
    REQUIRE_FALSE(limiter.refuse(other));
  }
  CHECK(accepted(limiter, busiest, 20) == 0);
  CHECK(evicted.value() == 10'000 - 7);
  CHECK(m.make_counter("troupe_http_rate_limited_total", "", {{"limit", "test"}}).value() == 30);
}

TEST_CASE("rate_limiter: giving away a full bucket is no loss and not counted", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 60, 8, clock, m);
  for (std::uint64_t peer = 1; peer <= 1000; ++peer) {
    REQUIRE_FALSE(limiter.refuse(peer));
    clock.advance(seconds(1));
  }
  CHECK(m.make_counter("troupe_http_rate_buckets_evicted_total", "", {{"limit", "test"}}).value() ==
        0);
}

/// Bytes this process holds in memory, as the kernel counts them.
std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST_CASE("rate_limiter: a million peers cost no memory", "[net][http]") {
  manual_clock clock;
  metrics m;
  rate_limiter limiter("test", 1000, 65'536, clock, m);
  for (std::uint64_t peer = 0; peer < 65'536; ++peer) {
    REQUIRE_FALSE(limiter.refuse(peer * 7919));
  }
  const auto before = resident_bytes();
  for (std::uint64_t peer = 0; peer < 1'000'000; ++peer) {
    std::ignore = limiter.refuse(peer * 104'729);
  }
  // A bucket for each would be 16 MB; what grows here is the allocator's and the test's.
  CHECK(resident_bytes() < before + 2'000'000);
  CHECK(accepted(limiter, 5, 2000) <= 1000);
}

}  // namespace
}  // namespace troupe::http
