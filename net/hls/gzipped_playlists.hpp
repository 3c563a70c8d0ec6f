// SPDX-License-Identifier: GPL-3.0-or-later
// Playlists as gzip (RFC 8216bis, 6.2.1: servers should): a sixth of the bytes for 20 us, spent
// once for each text however many viewers fetch it. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/bytes.hpp"
#include "base/metrics.hpp"

namespace troupe::hls {

class gzipped_playlists {
 public:
  explicit gzipped_playlists(metrics& m);

  /// The text, compressed; empty when that would not be shorter. Texts are told apart by where they
  /// lie in memory, so whoever renders one hands the same bytes to all who ask.
  shared_bytes of(const shared_bytes& text);

 private:
  struct entry {
    shared_bytes text;  // kept, so that no other can lie there
    std::once_flag once;
    shared_bytes gzipped;
  };

  using place = std::pair<const std::uint8_t*, std::size_t>;

  std::shared_ptr<entry> find_or_make(const shared_bytes& text);

  metrics::counter& compressed_;
  std::mutex mutex_;
  std::map<place, std::shared_ptr<entry>> entries_;
  std::deque<place> order_;  // the oldest first
};

}  // namespace troupe::hls
