// SPDX-License-Identifier: GPL-3.0-or-later
// Adds up, per live stream, how many people watched for how long, and gives the sums to the store
// every now and then. Thread: every function from any thread; none blocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "actors/chat/audience.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "storage/audience_store.hpp"

namespace troupe::presence {

class recorder final : public chat::audience_sink {
 public:
  explicit recorder(const clock& time) : time_(time) {}

  /// A live stream has so many viewers from now on.
  void on_audience(stream_id stream, std::int64_t viewers) override;
  /// It is live no more: counts as 0, and is not measured any longer.
  void on_audience_end(stream_id stream) override;

  /// What changed since the last time, and what has not been given for 5 s; at most 1,000.
  std::vector<storage::audience_sample> take();
  /// They were not stored: their sums go into the next ones.
  void put_back(const std::vector<storage::audience_sample>& samples);

 private:
  struct entry {
    std::int64_t viewers = 0;
    std::int64_t peak = 0;
    duration watched{};
    steady_time since;     // until when the sums go
    steady_time given_at;  // when take() gave it
    bool is_changed = true;
    bool is_over = false;
  };

  void add_up(entry& e, steady_time now);

  const clock& time_;
  std::mutex mutex_;
  std::map<stream_id, entry> streams_;  // bounded by the streams that are live here
};

}  // namespace troupe::presence
