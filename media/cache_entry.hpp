// SPDX-License-Identifier: GPL-3.0-or-later
// What segment_cache holds of one stream, and who waits for more of it. Included by
// segment_cache.cpp only. Thread: under the entry's mutex.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "media/cache_address.hpp"
#include "media/rendition_timeline.hpp"
#include "media/segment_cache.hpp"

namespace troupe::media {

struct waiter {
  file_name file;  // its rendition is not used: the waiter is in that rendition's list
  playlist_position wanted;
  bool delta = false;
  steady_time since;
  cache_reader::gone_check is_gone;
  cache_reader::done answer;
};

struct cached_rendition {
  rendition_timeline timeline;
  std::vector<waiter> waiting;
};

struct stream_entry {
  std::mutex mutex;
  std::vector<std::unique_ptr<cached_rendition>> renditions;  // "source" first
  std::optional<shared_bytes> master;                         // of the present state
  std::optional<steady_time> ended_at;
  std::optional<steady_time> released_at;
  bool removed = false;
  std::size_t bytes = 0;

  cached_rendition* find(std::string_view name) {
    for (auto& r : renditions) {
      if (r->timeline.name() == name) {
        return r.get();
      }
    }
    return nullptr;
  }
};

}  // namespace troupe::media
