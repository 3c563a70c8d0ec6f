// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/guess_limits.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::account;
using namespace std::chrono_literals;

namespace {

class limits_fixture {
 public:
  manual_clock time;
  metrics counters;
  guess_limits limits{4096, time, counters};

  /// Whether it was let through; counted as failed.
  bool fails(std::string_view subject, std::uint64_t network, bool known = false) {
    return limits
        .admit({.subject = subject, .from = {.network = network << 16}, .is_known_network = known})
        .has_value();
  }

  std::chrono::milliseconds wait(std::string_view subject, std::uint64_t network,
                                 bool known = false) {
    const auto admitted = limits.admit(
        {.subject = subject, .from = {.network = network << 16}, .is_known_network = known});
    if (admitted) {
      limits.take_back(*admitted);
      return 0ms;
    }
    CHECK(admitted.error().code == errc::rate_limited);
    CHECK(admitted.error().reason == "too_many_attempts");
    return admitted.error().retry_after;
  }

  /// Waits out every delay; how many attempts went through in that time.
  int attempts_in(std::string_view subject, std::uint64_t network, std::chrono::seconds span) {
    int count = 0;
    for (const auto end = time.now() + span; time.now() < end; time.advance(1s)) {
      count += fails(subject, network) ? 1 : 0;
    }
    return count;
  }
};

}  // namespace

TEST_CASE_METHOD(limits_fixture, "guess_limits: the delay grows with each failure, to 5 minutes",
                 "[account]") {
  for (int i = 0; i < 6; ++i) {
    CHECK(fails("ann", 1));
  }
  for (const auto delay : {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s}) {
    CHECK(wait("ann", 1) == delay);
    time.advance(delay - 1ms);
    CHECK(wait("ann", 1) == 1ms);
    time.advance(1ms);
    CHECK(fails("ann", 1));
  }
  time.advance(1h + 5min);
  CHECK(wait("ann", 1) == 0ms);
  for (int i = 0; i < 5; ++i) {
    CHECK(fails("ann", 1));
  }
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: success forgets the account's failures there",
                 "[account]") {
  for (int i = 0; i < 4; ++i) {
    CHECK(fails("ann", 1));
  }
  const auto right = limits.admit({.subject = "ann", .from = {.network = 1 << 16}});
  REQUIRE(right);
  limits.succeeded(*right);
  for (int i = 0; i < 5; ++i) {
    CHECK(fails("ann", 1));
  }
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: an attempt that came to nothing does not count",
                 "[account]") {
  for (int i = 0; i < 100; ++i) {
    const auto tried = limits.admit({.subject = "ann", .from = {.network = 1 << 16}});
    REQUIRE(tried);
    limits.take_back(*tried);
  }
  for (int i = 0; i < 6; ++i) {
    CHECK(fails("ann", 1));
  }
  CHECK(wait("ann", 1) == 1s);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: many at once count before any has failed",
                 "[account]") {
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) {
    admitted += fails("ann", 1) ? 1 : 0;
  }
  CHECK(admitted == 6);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: a network is slowed down over all accounts",
                 "[account]") {
  int admitted = 0;
  for (int i = 0; i < 1000; ++i) {
    admitted += fails("user" + std::to_string(i), 1) ? 1 : 0;
  }
  CHECK(admitted == 31);
  CHECK(wait("ann", 1) == 1s);
  CHECK(wait("ann", 2) == 0ms);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: one's own success does not clear the network",
                 "[account]") {
  for (int i = 0; i < 30; ++i) {
    CHECK(fails("user" + std::to_string(i), 1));
    const auto mine = limits.admit({.subject = "thief", .from = {.network = 1 << 16}});
    if (mine) {
      limits.succeeded(*mine);
    }
  }
  CHECK(fails("ann", 1));
  CHECK(wait("bob", 1) == 1s);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: strangers everywhere do not lock the owner out",
                 "[account]") {
  // A thousand networks guess at one account for an hour.
  int admitted = 0;
  for (int i = 0; i < 3600; ++i) {
    admitted += fails("ann", 1000 + static_cast<std::uint64_t>(i) % 1000) ? 1 : 0;
    time.advance(1s);
  }
  CHECK(admitted < 30 + 3600 / 30 + 10);
  // From where she is logged in she never waits; elsewhere never longer than half a minute.
  CHECK(wait("ann", 7, true) == 0ms);
  CHECK(wait("ann", 8) <= 30s);
  CHECK(wait("bob", 8) == 0ms);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: a stranger does not lock out their neighbours",
                 "[account]") {
  for (int i = 0; i < 100; ++i) {
    std::ignore = fails("user" + std::to_string(i), 1);
  }
  CHECK(wait("ann", 1) > 0ms);
  CHECK(wait("ann", 1, true) == 0ms);
  const auto change = [&] {
    return limits.admit(
        {.subject = "user 7", .from = {.network = 1 << 16}, .is_authenticated = true});
  };
  for (int i = 0; i < 6; ++i) {
    CHECK(change());
  }
  CHECK(error(change().error()).retry_after == 1s);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: the networks of an IPv6 /48 have a count together",
                 "[account]") {
  const std::uint64_t site = 0x20010db8'00070000;
  const std::uint64_t v4 = 0xffff'cb007100;
  int from_site = 0;
  int from_v4 = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto name = "user" + std::to_string(i);
    from_site += limits.admit({.subject = name, .from = {.network = site | i}}) ? 1 : 0;
    from_v4 += limits.admit({.subject = name + "v4", .from = {.network = v4 + i}}) ? 1 : 0;
  }
  CHECK(from_site == 121);
  CHECK(from_v4 == 1000);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: a known network guesses no faster for itself",
                 "[account]") {
  int admitted = 0;
  for (int i = 0; i < 100; ++i) {
    admitted += fails("ann", 7, true) ? 1 : 0;
  }
  CHECK(admitted == 6);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: guesses a day from one network", "[account]") {
  CHECK(attempts_in("ann", 1, 24h) < 310);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: codes have a count of their own", "[account]") {
  for (int i = 0; i < 6; ++i) {
    CHECK(limits.admit_code(7, false));
  }
  CHECK(limits.admit_code(7, false).error().retry_after == 1s);
  CHECK(limits.admit_code(8, false));
  CHECK(limits.admit_code(7, true));
  time.advance(1s);
  const auto right = limits.admit_code(7, false);
  REQUIRE(right);
  limits.succeeded(*right);
  CHECK(limits.admit_code(7, false));
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: the operators' machines wait for accounts alone",
                 "[account]") {
  const auto from_here = [&](std::string_view subject) {
    return limits.admit({.subject = subject, .from = {.network = 1, .is_trusted = true}});
  };
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(from_here("user" + std::to_string(i)));
  }
  int admitted = 0;
  for (int i = 0; i < 100; ++i) {
    admitted += from_here("ann") ? 1 : 0;
  }
  CHECK(admitted == 31);
}

TEST_CASE_METHOD(limits_fixture, "guess_limits: however many come, memory stays the same",
                 "[account]") {
  const auto before = limits.size_bytes();
  CHECK(before < 4096 * 4 * 40);
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    std::ignore = fails("user" + std::to_string(i), i);
  }
  CHECK(limits.size_bytes() == before);
  auto& evicted = counters.make_counter("troupe_guess_counts_evicted_total", "");
  CHECK(evicted.value() > 100'000);
  // Who fails right now is still slowed down.
  int admitted = 0;
  for (int i = 0; i < 100; ++i) {
    admitted += fails("ann", 1) ? 1 : 0;
  }
  CHECK(admitted == 6);
}
