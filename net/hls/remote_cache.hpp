// SPDX-License-Identifier: GPL-3.0-or-later
// The cache that edges of one of several nodes read: what is here is answered from here; what
// another node has is asked of it once, whoever and however many want it here, and handed to all of
// them. What waits for media to come hangs on one question to the stream's node. When that node
// dies, or the stream moves, the question goes to the next owner until its time is up; media may
// come from any node that holds it. Unknown streams leave nothing behind but that knowledge, for a
// second. No request makes a stream active.
// Bounds: requests that wait, questions, look-ups of owners, bytes kept, answers "not there".
// Thread: every function from any thread; none blocks. No lock is held while others are called, but
// for the link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "media/segment_cache.hpp"
#include "net/hls/home_cache.hpp"
#include "runtime/cluster/view.hpp"
#include "runtime/entity_log.hpp"
#include "runtime/link/link.hpp"

namespace troupe::hls {

/// Who owns the stream, as the store has it, alive or not; nothing: it is not to be expected
/// anywhere (it never was, or its owner is gone and it is over). Answers within seconds, on any
/// thread, also before it returns. Errors: the store is away.
using stream_locator =
    std::function<void(stream_id, callback<std::optional<runtime::entity_owner>>)>;

struct remote_cache_options {
  std::string node = {};
  std::uint64_t incarnation = 0;
  std::size_t kept_bytes = std::size_t{256} << 20;
  std::size_t most_waiting = 20'000;  ///< requests
  std::size_t most_fetches = 4096;
  std::size_t most_lookups = 256;
};

/// All of it outlives the cache.
struct remote_cache_parts {
  home_cache& home;
  runtime::link& way;
  const runtime::view_source& members;
  stream_locator locate;
  const clock& time;
  metrics& counters;
};

class remote_cache final : public media::cache_reader {
 public:
  remote_cache(const remote_cache_options& options, remote_cache_parts parts);
  /// Answers what still waits with 503.
  ~remote_cache() override;
  remote_cache(const remote_cache&) = delete;
  remote_cache& operator=(const remote_cache&) = delete;

  void get(stream_id stream, std::string_view file, const media::delivery_directives& directives,
           gone_check is_gone, done answer) override;
  void expire(steady_time now) override;

  /// True when it was for this: then what has been taken.
  bool received(std::string_view from, runtime::link_stream on, runtime::envelope& what);
  void peer_changed(std::string_view node, runtime::peer_state now);
  void view_changed();
  /// Some twenty times a second: what was to be looked at again.
  void tick(steady_time now);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace troupe::hls
