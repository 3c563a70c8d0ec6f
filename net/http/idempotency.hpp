// SPDX-License-Identifier: GPL-3.0-or-later
// What an Idempotency-Key stands for: the first answer to a POST, kept per user and route, given
// again when the same request comes again. A node keeps them in its database
// (app/kept_answers.hpp); the store here is in memory, for whoever has none, and forgets them at a
// restart.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "net/http/limits.hpp"
#include "net/http/message.hpp"

namespace troupe::http {

constexpr auto idempotency_life = std::chrono::hours(24);

using fingerprint = std::array<std::uint8_t, 32>;  ///< SHA-256 of path and body

fingerprint fingerprint_of(const request& r);

/// 1 to 64 visible ASCII characters.
bool is_idempotency_key(std::string_view key);

struct idempotency_key {
  user_id user = 0;
  std::string route;  ///< the pattern: a closed set
  std::string key;

  friend bool operator==(const idempotency_key&, const idempotency_key&) = default;
};

/// What became of a claim.
struct begun {
  std::optional<response> earlier = {};  ///< the answer given before; nothing: it is the caller's
  std::int64_t claim = 0;                ///< which it is, of all that were ever made of the key
};

/// Thread: any; callbacks on any.
class idempotency_store {
 public:
  virtual ~idempotency_store() = default;

  /// Claims the key. Whose it is must finish or abandon it. Errors: conflict
  /// (idempotency_key_reused for another request, idempotency_key_in_use while the first one is not
  /// answered); unavailable.
  virtual void begin(idempotency_key key, fingerprint what, callback<begun> done) = 0;
  /// kept: called when the answer is kept, or cannot be.
  virtual void finish(const idempotency_key& key, std::int64_t claim, const response& answer,
                      std::move_only_function<void()> kept) = 0;
  virtual void abandon(const idempotency_key& key, std::int64_t claim) = 0;
};

/// Bounded in all and per user; the oldest key that is answered gives way, counted, and where none
/// is, the new one is refused: unavailable (overloaded). Calls back at once, on the
/// caller's thread.
class memory_idempotency_store final : public idempotency_store {
 public:
  memory_idempotency_store(const limits& l, const clock& clock, metrics& m);

  void begin(idempotency_key key, fingerprint what, callback<begun> done) override;
  void finish(const idempotency_key& key, std::int64_t claim, const response& answer,
              std::move_only_function<void()> kept) override;
  void abandon(const idempotency_key& key, std::int64_t claim) override;

 private:
  struct entry {
    idempotency_key key;
    fingerprint what;
    steady_time since;
    std::optional<response> answer;
    std::int64_t claim = 0;
  };

  using entries = std::list<entry>;  // oldest first

  result<begun> claim(idempotency_key key, const fingerprint& what);
  entries::iterator find(const idempotency_key& key);
  /// While it is that claim's, and not answered.
  entries::iterator find_claim(const idempotency_key& key, std::int64_t claim);
  void erase(entries::iterator which);
  void drop_expired();
  [[nodiscard]] bool make_room(user_id user);

  const std::size_t limit_;
  const std::size_t limit_per_user_;
  const clock& clock_;
  metrics::counter& evicted_;
  std::mutex mutex_;
  entries entries_;
  std::int64_t claims_ = 0;
  std::unordered_map<user_id, std::vector<entries::iterator>> by_user_;  // oldest first
};

/// A claimed key: abandons it when it goes without an answer, so that a lost call can be retried.
class idempotency_claim {
 public:
  idempotency_claim(std::shared_ptr<idempotency_store> store, idempotency_key key,
                    std::int64_t claim);
  ~idempotency_claim();
  idempotency_claim(idempotency_claim&&) noexcept = default;
  idempotency_claim& operator=(idempotency_claim&&) = delete;

  /// Keeps the answer, unless it says "later" or is a failure of ours: then the key is free again.
  /// Hands it on once it is kept, so that who was answered is answered the same next time.
  void finish(response answer, responder to);

 private:
  std::shared_ptr<idempotency_store> store_;  // empty once settled
  idempotency_key key_;
  std::int64_t claim_;
};

}  // namespace troupe::http
