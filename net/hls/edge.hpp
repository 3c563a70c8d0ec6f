// SPDX-License-Identifier: GPL-3.0-or-later
// Serves live streams over HTTP: /live/{stream_id}/FILE out of the segment cache. Holds nothing of
// a stream; a waiting request lives in the cache until its part comes, its time is up or its client
// has left. Thread: answer() from any thread; must outlive no cache and no pending answer.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "actors/presence/presence.hpp"
#include "base/metrics.hpp"
#include "media/segment_cache.hpp"
#include "net/asio/io_threads.hpp"
#include "net/hls/gzipped_playlists.hpp"
#include "net/http/message.hpp"

namespace troupe::hls {

class address_waits;

class edge {
 public:
  /// waits_per_address: requests of one address that may wait for media at a time; trusted ones
  /// are not counted; 0: no limit. A wait may outlast the connection it came on by a quarter
  /// of a second, so the limit of connections alone does not bound it.
  /// viewers: learns who plays what; outlives the edge; nullptr: nobody counts.
  edge(media::cache_reader& cache, metrics& m, std::size_t waits_per_address = 0,
       presence::presence* viewers = nullptr);

  /// Whether a path is one of ours.
  static bool serves(std::string_view path) { return path.starts_with("/live/"); }

  /// GET, HEAD, and OPTIONS for the browser's question about other origins; anything else is 405.
  void answer(const http::request& request, http::responder respond);

  /// Ends waits that are over, four times a second, on that thread, as long as the edge lives.
  void start_expiry(net::io_thread& thread, const clock& time);

 private:
  std::optional<presence::player> player_of(const http::request& r, std::string_view file) const;

  media::cache_reader& cache_;
  presence::presence* viewers_;
  metrics::counter& unavailable_;
  metrics::counter& over_limit_;
  std::shared_ptr<address_waits> waits_;
  gzipped_playlists gzipped_;
  net::timer expiry_;
};

}  // namespace troupe::hls
