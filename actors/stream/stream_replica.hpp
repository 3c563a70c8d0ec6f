// SPDX-License-Identifier: GPL-3.0-or-later
// What a node keeps of a stream whose owner is another one, entity replica/NODE/STREAM: the media
// that the owner published, for the day on which this node, or one that asks it, goes on with the
// stream. Started by: the stream's owner, or who looks for copies. Talks to: other nodes' replicas.
// Life: as long as somebody speaks to it, and the kind's idle time beyond. Thread: CAF worker pool,
// never blocks. Survives: nothing; what it held is then copied again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/stream/replica_copier.hpp"
#include "actors/stream/replica_messages.hpp"
#include "base/metrics.hpp"
#include "media/segment_cache.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/cluster/view.hpp"

namespace troupe::stream {

struct replication_metrics {
  explicit replication_metrics(metrics& m);

  metrics::counter& lost;      ///< standbys given up
  metrics::counter& restored;  ///< streams
  metrics::counter& cut_off;   ///< streams
  metrics::gauge& unprotected;
};

/// What streams of one of several nodes share; all of it outlives them.
struct replication {
  std::string node;
  std::uint64_t incarnation = 0;
  const runtime::view_source& members;
  media::segment_cache& live;      ///< of streams that this node owns, or did: what viewers fetch
  media::segment_cache& replicas;  ///< of streams that others own
  replication_metrics& counters;
};

class stream_replica {
 public:
  static constexpr std::string_view kind = "replica";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<describe_replica, extend_replica, give_replica, drop_replica>;

  struct state {
    stream_id id = 0;
    std::uint64_t epoch = 0;  ///< the newest that was heard of
  };

  stream_replica(const runtime::entity_name& name, const replication& r);

  void passivate(runtime::context& ctx);

  result<replica_facts> on(runtime::context& ctx, const describe_replica& m) const;
  result<runtime::accepted> on(runtime::context& ctx, const extend_replica& m);
  runtime::later<runtime::accepted> on(runtime::context& ctx, const give_replica& m);
  void on(runtime::context& ctx, const drop_replica& m);

  state data;

 private:
  const replication& r_;
  piece_joiner joiner_;
  std::shared_ptr<replica_copier> giving_;
  runtime::promise<runtime::accepted> given_;
};

template <class Inspector>
auto inspect(Inspector& f, stream_replica::state& x) {
  return f(x.id, x.epoch);
}

}  // namespace troupe::stream
