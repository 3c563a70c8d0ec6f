// SPDX-License-Identifier: GPL-3.0-or-later
// A fixed number of connections, made when needed and replaced when broken. After a connection
// could not be made, callers are refused at once for a moment instead of each waiting for the
// network's verdict. Thread: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

class pool {
 public:
  using maker = std::function<result<std::unique_ptr<connection>>()>;

  pool(std::size_t size, maker make, metrics& m);

  /// A connection that is its holder's until it goes out of scope.
  class lease {
   public:
    lease(pool& owner, std::unique_ptr<connection> c) : owner_(&owner), held_(std::move(c)) {}

    lease(lease&&) = default;
    lease& operator=(lease&&) = delete;

    ~lease() {
      if (held_) {
        owner_->give_back(std::move(held_));
      }
    }

    connection& operator*() const { return *held_; }

    connection* operator->() const { return held_.get(); }

   private:
    pool* owner_;
    std::unique_ptr<connection> held_;
  };

  /// Waits up to 2 s for a free one. Errors: unavailable (store_busy, or why none can be made).
  [[nodiscard]] result<lease> take();

 private:
  void give_back(std::unique_ptr<connection> c);
  result<lease> make_one();

  const maker make_;
  metrics::counter& failed_;
  metrics::counter& starved_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::size_t unused_;  // how many may still be made or taken
  std::chrono::steady_clock::time_point refuse_until_{};
  std::optional<error> last_failure_;
};

}  // namespace troupe::storage::sql
