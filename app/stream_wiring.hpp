// SPDX-License-Identifier: GPL-3.0-or-later
// The parts that make live streams, put together for one node; and for one of several what keeps
// copies of the others' streams. Thread: made and filled by one; what it holds is used from any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "actors/stream/list_signal.hpp"
#include "actors/stream/live_stream.hpp"
#include "actors/stream/stream_replica.hpp"
#include "app/config.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "media/segment_cache.hpp"
#include "runtime/entities.hpp"
#include "storage/stream_store.hpp"

namespace troupe::app {

/// All of it must live longer.
struct stream_needs {
  storage::stream_store& store;
  media::segment_cache& cache;
  stream::list_signal& stored;
  const clock& time;
  metrics& counters;
  const config& conf;
  std::string node;
  std::uint64_t incarnation = 0;
  /// Null: the node is alone.
  const runtime::view_source* members = nullptr;
};

class stream_parts {
 public:
  explicit stream_parts(const stream_needs& n);

  void add_kinds(runtime::entities& entities) const;

  /// Media of streams that other nodes own; null: the node is alone.
  const media::segment_cache* copies() const { return copies_ ? &copies_->media : nullptr; }

 private:
  struct copy_parts {
    explicit copy_parts(const stream_needs& n);

    media::segment_cache media;
    stream::replication_metrics counters;
    stream::replication shared;
  };

  std::chrono::seconds grace_;
  std::unique_ptr<copy_parts> copies_;
  stream::live_stream_metrics counters_;
  stream::live_stream_dependencies needs_;
};

}  // namespace troupe::app
