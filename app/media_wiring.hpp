// SPDX-License-Identifier: GPL-3.0-or-later
// Playlists and media between nodes, put together: what the edge of one of several nodes reads, and
// what it gives to the others. Thread: start() once; the rest from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/stream/streams.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "media/segment_cache.hpp"
#include "net/asio/io_threads.hpp"
#include "net/hls/home_cache.hpp"
#include "net/hls/part_server.hpp"
#include "net/hls/remote_cache.hpp"
#include "runtime/entities.hpp"
#include "runtime/entity_log.hpp"

namespace troupe::app {

/// All of it outlives the wiring.
struct media_needs {
  std::string node;
  std::uint64_t incarnation = 0;
  std::size_t kept_bytes = 0;  ///< of other nodes' streams; 0: no limit
  media::segment_cache& cache;
  /// Media of streams that other nodes own; may be null.
  const media::segment_cache* copies = nullptr;
  runtime::entities& entities;
  runtime::cluster_parts cluster;
  runtime::entity_log& log;
  stream::streams& streams;
  const clock& time;
  metrics& counters;
};

/// Whether a stream's activation is here, by what the runtime says of it.
hls::standing standing_of(const runtime::entities& entities, stream_id stream);

/// By the store's row; of a stream whose node is gone, by whether it is unfinished. log, members
/// and streams outlive it.
hls::stream_locator make_stream_locator(runtime::entity_log& log,
                                        const runtime::view_source& members,
                                        stream::streams& streams);

class media_wiring {
 public:
  explicit media_wiring(const media_needs& n);

  media::cache_reader& reader() { return remote_; }

  /// Looks after what waits, as long as the wiring lives.
  void start(net::io_thread& thread);

  /// True when it was for this: then what has been taken.
  bool received(std::string_view from, runtime::link_stream on, runtime::envelope& what);
  void peer_changed(std::string_view node, runtime::peer_state now);
  void view_changed();

 private:
  const clock& time_;
  hls::home_cache home_;
  hls::part_server server_;
  hls::remote_cache remote_;
  net::timer ticks_;
};

}  // namespace troupe::app
