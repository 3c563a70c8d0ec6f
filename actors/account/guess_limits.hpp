// SPDX-License-Identifier: GPL-3.0-or-later
// How fast passwords and codes may be guessed. Counts of failures, each with a delay that grows: of
// an account from one network, of a network (and of an IPv6 /48), and of an account from all
// networks it was never logged in from. So who guesses is slowed down on every road, and a stranger
// cannot lock anybody out: the last two do not hold where the owner has logged in before, and the
// last never delays by more than half a minute. Nobody is told whether an account exists: names
// that do not are counted alike. docs/decisions/0005 has the reasons. Thread: any.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/account/accounts.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"

namespace troupe::account {

/// Failures by key in a table whose size never changes: of a full set the one that failed longest
/// ago gives way, counted. Thread: one at a time.
class failure_table {
 public:
  struct policy {
    std::uint32_t free = 0;  ///< failures without any delay
    duration first{};        ///< after the next; doubles with each
    duration most{};
    duration memory{};  ///< after so long without a failure nothing is left
  };

  /// What count() did, to take it back.
  struct mark {
    std::uint64_t key = 0;
    duration before{};
    duration after{};
  };

  /// entries is rounded up to a power of two of sets of eight, 32 bytes each.
  failure_table(policy p, std::size_t entries, metrics::counter& evicted);

  /// How long the key has to wait; zero: not at all. now: since the clock's epoch.
  duration wait(std::uint64_t key, duration now);
  mark count(std::uint64_t key, duration now);
  void take_back(const mark& m, duration now);
  void forget(std::uint64_t key, duration now);

  std::size_t size_bytes() const { return sets_.size() * sizeof(set); }

 private:
  struct entry {
    std::uint64_t key = 0;
    std::uint32_t failures = 0;
    duration last{};  // failure
    duration blocked_until{};
  };

  using set = std::array<entry, 8>;

  entry* find(std::uint64_t key, duration now);
  entry& find_or_make(std::uint64_t key, duration now);
  set& set_of(std::uint64_t key);

  const policy policy_;
  const std::uint64_t seed_;
  metrics::counter& evicted_;
  std::vector<set> sets_;
};

class guess_limits {
 public:
  /// entries: of each table. clock and m outlive this.
  guess_limits(std::size_t entries, const clock& clock, metrics& m);

  struct attempt {
    std::string_view subject;  ///< the name given, or the user changed
    client from;
    bool is_known_network = false;  ///< the owner has logged in from there
    /// Who asks has shown an access token: what neighbours do wrong is not charged to them, nor the
    /// other way round.
    bool is_authenticated = false;
  };

  /// An attempt under way: counted as failed until it says otherwise, so that many at once count.
  struct ticket {
    std::optional<failure_table::mark> pair;
    std::optional<failure_table::mark> network;
    std::optional<failure_table::mark> block;
    std::optional<failure_table::mark> account;
  };

  /// Errors: rate_limited (too_many_attempts), with retry_after.
  [[nodiscard]] result<ticket> admit(const attempt& a);
  /// A code of the second factor, which only who has the password gets to guess. The same errors.
  [[nodiscard]] result<ticket> admit_code(user_id who, bool is_known_network);

  /// It proved right: the account has no failures from that network any more.
  void succeeded(const ticket& t);
  /// It came to no answer.
  void take_back(const ticket& t);

  std::size_t size_bytes() const;

 private:
  error refusal(duration wait);

  const clock& clock_;
  metrics::counter& refused_;
  metrics::counter& evicted_;
  mutable std::mutex mutex_;
  failure_table pairs_;
  failure_table networks_;
  failure_table blocks_;
  failure_table accounts_;
  failure_table codes_;
};

}  // namespace troupe::account
