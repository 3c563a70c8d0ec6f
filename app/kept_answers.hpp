// SPDX-License-Identifier: GPL-3.0-or-later
// First answers to requests with an Idempotency-Key, in the store: given again by any node, and
// after a restart. They are sealed, because some hold a stream key. A node that dies amid a request
// leaves its key in use for two minutes; whether the request was applied is not known then, and
// trying it again applies it anew.
// Thread: any; callbacks on a thread of the store's pool.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>

#include "actors/account/master_key.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/worker_pool.hpp"
#include "net/http/idempotency.hpp"
#include "storage/answer_store.hpp"

namespace troupe::app {

/// All of it outlives the store.
struct kept_answers_needs {
  storage::answer_store& store;
  worker_pool& pool;
  const clock& time;
  metrics& counters;
  account::sealer seal;
  std::size_t most_of_user = http::limits{}.idempotency_keys_per_user;
};

class kept_answers final : public http::idempotency_store,
                           public std::enable_shared_from_this<kept_answers> {
 public:
  explicit kept_answers(kept_answers_needs n);

  void begin(http::idempotency_key key, http::fingerprint what,
             callback<http::begun> done) override;
  void finish(const http::idempotency_key& key, std::int64_t claim, const http::response& answer,
              std::move_only_function<void()> kept) override;
  void abandon(const http::idempotency_key& key, std::int64_t claim) override;

 private:
  result<http::begun> claim(const http::idempotency_key& key, const http::fingerprint& what);
  void sweep_if_due();

  kept_answers_needs needs_;
  metrics::counter& evicted_;
  std::atomic<std::int64_t> swept_at_s_{0};  // of the steady clock
};

/// data: the folder with the master key. Errors: those of the key.
[[nodiscard]] result<std::shared_ptr<kept_answers>> open_kept_answers(
    storage::answer_store& store, worker_pool& pool, const clock& time, metrics& counters,
    const std::filesystem::path& data);

}  // namespace troupe::app
