// SPDX-License-Identifier: GPL-3.0-or-later
// Group commit: while one batch is on its way to the store, what other entities want to store
// gathers for the next. Thread: submit() from any thread; done is called on the log's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "runtime/entity_log.hpp"

namespace troupe::runtime::detail {

constexpr std::size_t largest_batch = 256;  // 256 x 64 KiB at worst: 16 MiB in one statement

class committer : public std::enable_shared_from_this<committer> {
 public:
  using done = std::move_only_function<void(result<commit_outcome>)>;

  committer(entity_log& log, const clock& c, metrics& m);

  /// An older entry of the same name that still waits is answered fenced: its activation is gone.
  void submit(commit_entry entry, done d);

 private:
  struct waiting {
    commit_entry entry;
    detail::committer::done finished;
  };

  void pump();
  void finished(std::vector<done> callers, steady_time began,
                result<std::vector<commit_outcome>> outcomes);

  entity_log& log_;
  const clock& clock_;
  metrics::histogram& latency_;
  metrics::histogram& batch_size_;
  metrics::counter& failed_;
  metrics::counter& fenced_;
  std::mutex mutex_;
  std::vector<waiting> queue_;
  bool in_flight_ = false;
};

}  // namespace troupe::runtime::detail
