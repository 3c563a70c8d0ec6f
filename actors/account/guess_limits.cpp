// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/account/guess_limits.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include "actors/account/crypto.hpp"

namespace troupe::account {

namespace {

using namespace std::chrono_literals;

/// 288 guesses a day once it has grown.
constexpr failure_table::policy pair_policy{.free = 5, .first = 1s, .most = 5min, .memory = 1h};
/// More for an address, which many people may share behind a NAT.
constexpr failure_table::policy network_policy{
    .free = 30, .first = 1s, .most = 5min, .memory = 30min};
/// An IPv6 /48 is what a site gets: 65,536 networks, which cost nothing to change between.
constexpr failure_table::policy block_policy{
    .free = 120, .first = 1s, .most = 5min, .memory = 30min};
/// Half a minute at most: what an owner in a new place has to bear while strangers guess.
constexpr failure_table::policy account_policy{.free = 30, .first = 1s, .most = 30s, .memory = 1h};
/// Of 1,000,000 codes three are good at a time: with 288 guesses a day it takes three years to an
/// even chance, by somebody who has the password already.
constexpr failure_table::policy code_policy{.free = 5, .first = 1s, .most = 5min, .memory = 24h};

std::uint64_t key_of(std::string_view kind, std::string_view subject, std::uint64_t network) {
  const auto d = sha256(as_bytes(fmt::format("{}\n{}\n{}", kind, network, subject)));
  std::uint64_t key = 0;
  std::memcpy(&key, d.data(), sizeof(key));
  return key;
}

/// IPv4 addresses stand behind this tag (client::network); they have no block.
bool is_ipv6(std::uint64_t network) {
  return network != 0 && network >> 32 != 0xffff;
}

std::uint64_t random_seed() {
  const auto random = random_bytes(sizeof(std::uint64_t));
  std::uint64_t seed = 0;
  std::memcpy(&seed, random.data(), sizeof(seed));
  return seed;
}

}  // namespace

failure_table::failure_table(policy p, std::size_t entries, metrics::counter& evicted)
    : policy_(p), seed_(random_seed()), evicted_(evicted) {
  const auto ways = std::tuple_size_v<set>;
  sets_.resize(std::bit_ceil(std::max<std::size_t>(1, (entries + ways - 1) / ways)));
}

failure_table::set& failure_table::set_of(std::uint64_t key) {
  // Keys are digests; the seed keeps peers from aiming at another's set.
  return sets_[((key ^ seed_) * 0x9e3779b97f4a7c15ULL >> 32) & (sets_.size() - 1)];
}

failure_table::entry* failure_table::find(std::uint64_t key, duration now) {
  for (auto& each : set_of(key)) {
    if (each.failures > 0 && each.key == key) {
      if (now - each.last < policy_.memory) {
        return &each;
      }
      each = {};
    }
  }
  return nullptr;
}

failure_table::entry& failure_table::find_or_make(std::uint64_t key, duration now) {
  if (auto* found = find(key, now)) {
    return *found;
  }
  auto& ways = set_of(key);
  auto& oldest = *std::ranges::min_element(
      ways, {}, [](const entry& e) { return e.failures == 0 ? duration::min() : e.last; });
  if (oldest.failures > 0 && now - oldest.last < policy_.memory) {
    evicted_.add();
  }
  oldest = {.key = key, .failures = 0, .last = now, .blocked_until = {}};
  return oldest;
}

duration failure_table::wait(std::uint64_t key, duration now) {
  const auto* found = find(key, now);
  return found == nullptr ? duration::zero()
                          : std::max(duration::zero(), found->blocked_until - now);
}

failure_table::mark failure_table::count(std::uint64_t key, duration now) {
  auto& e = find_or_make(key, now);
  const mark m{.key = key, .before = e.blocked_until, .after = {}};
  ++e.failures;
  e.last = now;
  if (e.failures > policy_.free) {
    // 2^20 times any first delay is beyond every cap.
    const auto doublings = std::min<std::uint32_t>(e.failures - policy_.free - 1, 20);
    e.blocked_until = now + std::min(policy_.most, policy_.first * (1 << doublings));
  }
  return {.key = m.key, .before = m.before, .after = e.blocked_until};
}

void failure_table::take_back(const mark& m, duration now) {
  if (auto* e = find(m.key, now)) {
    --e->failures;
    if (e->blocked_until == m.after) {
      e->blocked_until = m.before;
    }
  }
}

void failure_table::forget(std::uint64_t key, duration now) {
  if (auto* e = find(key, now)) {
    *e = {};
  }
}

guess_limits::guess_limits(std::size_t entries, const clock& clock, metrics& m)
    : clock_(clock),
      refused_(m.make_counter("troupe_guesses_refused_total",
                              "Passwords and codes refused unseen after too many wrong ones")),
      evicted_(m.make_counter("troupe_guess_counts_evicted_total",
                              "Counts of wrong passwords that gave way to others, at a bound")),
      pairs_(pair_policy, entries, evicted_),
      networks_(network_policy, entries, evicted_),
      blocks_(block_policy, entries, evicted_),
      accounts_(account_policy, entries, evicted_),
      codes_(code_policy, entries / 8, evicted_) {}

error guess_limits::refusal(duration wait) {
  refused_.add();
  auto e = make_error(errc::rate_limited, "too_many_attempts",
                      "too many failed attempts, wait before the next one");
  e.retry_after = std::chrono::ceil<std::chrono::milliseconds>(wait);
  return e;
}

result<guess_limits::ticket> guess_limits::admit(const attempt& a) {
  const auto pair = key_of("pair", a.subject, a.from.network);
  const auto network = key_of("network", "", a.from.network);
  const auto account = key_of("account", a.subject, 0);
  const auto block = key_of("block", "", a.from.network >> 16);
  const bool counts_address = !a.from.is_trusted;
  // A stranger behind the same NAT must not lock out those who were there before.
  const bool counts_network = counts_address && !a.is_known_network && !a.is_authenticated;
  const bool counts_block = counts_network && is_ipv6(a.from.network);
  const std::lock_guard lock(mutex_);
  const duration now = clock_.now().time_since_epoch();
  duration wait{};
  if (counts_address) {
    wait = pairs_.wait(pair, now);
  }
  if (counts_network) {
    wait = std::max(wait, networks_.wait(network, now));
  }
  if (counts_block) {
    wait = std::max(wait, blocks_.wait(block, now));
  }
  if (!a.is_known_network) {
    wait = std::max(wait, accounts_.wait(account, now));
  }
  if (wait > duration::zero()) {
    return fail(refusal(wait));
  }
  ticket t;
  if (counts_address) {
    t.pair = pairs_.count(pair, now);
  }
  if (counts_network) {
    t.network = networks_.count(network, now);
  }
  if (counts_block) {
    t.block = blocks_.count(block, now);
  }
  if (!a.is_known_network) {
    t.account = accounts_.count(account, now);
  }
  return t;
}

result<guess_limits::ticket> guess_limits::admit_code(user_id who, bool is_known_network) {
  const auto account = key_of("code", std::to_string(who), is_known_network ? 1 : 0);
  const std::lock_guard lock(mutex_);
  const duration now = clock_.now().time_since_epoch();
  if (const auto wait = codes_.wait(account, now); wait > duration::zero()) {
    return fail(refusal(wait));
  }
  return ticket{.pair = codes_.count(account, now), .network = {}, .block = {}, .account = {}};
}

void guess_limits::succeeded(const ticket& t) {
  const std::lock_guard lock(mutex_);
  const duration now = clock_.now().time_since_epoch();
  if (t.pair) {
    pairs_.forget(t.pair->key, now);
    codes_.forget(t.pair->key, now);
  }
  // What others did wrong at this network or account is not undone by one who got it right.
  if (t.network) {
    networks_.take_back(*t.network, now);
  }
  if (t.block) {
    blocks_.take_back(*t.block, now);
  }
  if (t.account) {
    accounts_.take_back(*t.account, now);
  }
}

void guess_limits::take_back(const ticket& t) {
  const std::lock_guard lock(mutex_);
  const duration now = clock_.now().time_since_epoch();
  if (t.pair) {
    pairs_.take_back(*t.pair, now);
    codes_.take_back(*t.pair, now);
  }
  if (t.network) {
    networks_.take_back(*t.network, now);
  }
  if (t.block) {
    blocks_.take_back(*t.block, now);
  }
  if (t.account) {
    accounts_.take_back(*t.account, now);
  }
}

std::size_t guess_limits::size_bytes() const {
  const std::lock_guard lock(mutex_);
  return pairs_.size_bytes() + networks_.size_bytes() + blocks_.size_bytes() +
         accounts_.size_bytes() + codes_.size_bytes();
}

}  // namespace troupe::account
