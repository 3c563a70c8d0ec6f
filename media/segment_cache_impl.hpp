// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of segment_cache. Included by segment_cache*.cpp only. Thread: as segment_cache has
// it; locks are taken in the order of the members that are locks.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "media/cache_address.hpp"
#include "media/cache_entry.hpp"

namespace troupe::media {

constexpr std::chrono::seconds missing_age{1};

inline cached_answer refusal(int status, std::string_view message) {
  return {status, "text/plain", missing_age, {}, message};
}

inline cached_answer missing() {
  return refusal(404, "There is no such stream or file.");
}

struct settled {
  cache_reader::done answer;
  cached_answer with;
};

inline void answer_all(std::vector<settled>& list) {
  for (auto& s : list) {
    s.answer(std::move(s.with));
  }
}

struct segment_cache::impl {
  const cache_options options;
  const clock& time;
  metrics::gauge& streams_held;
  metrics::gauge& bytes_held;
  metrics::gauge& waiting_now;
  metrics::counter& waits_refused;
  metrics::counter& waits_expired;
  metrics::counter& waits_abandoned;
  metrics::counter& segments_dropped;
  mutable std::shared_mutex mutex;  // of streams; taken before an entry's own
  std::unordered_map<stream_id, std::shared_ptr<stream_entry>> streams;
  std::atomic<std::size_t> waiting{0};
  std::atomic<steady_time> next_sweep{steady_time::min()};
  std::atomic<std::size_t> bytes_of_all{0};  // the sum of the entries' bytes
  std::mutex shrinking;                      // one thread is enough; taken before all others

  impl(const cache_options& o, const clock& c, metrics& m)
      : options(o),
        time(c),
        streams_held(
            m.make_gauge("troupe_segment_cache_streams", "Live streams held in memory", o.labels)),
        bytes_held(m.make_gauge("troupe_segment_cache_bytes", "Media held in memory", o.labels)),
        waiting_now(m.make_gauge("troupe_segment_cache_waiting_requests",
                                 "Requests that wait for media to come", o.labels)),
        waits_refused(m.make_counter("troupe_segment_cache_waits_refused_total",
                                     "Requests answered 503 because too many wait", o.labels)),
        waits_expired(m.make_counter("troupe_segment_cache_waits_expired_total",
                                     "Requests answered 503 after three target durations",
                                     o.labels)),
        waits_abandoned(m.make_counter("troupe_segment_cache_waits_abandoned_total",
                                       "Waiting requests given up because their client left",
                                       o.labels)),
        segments_dropped(m.make_counter(
            "troupe_segment_cache_segments_dropped_total",
            "Segments dropped early because a stream or all were too large", o.labels)) {}

  std::shared_ptr<stream_entry> find(stream_id stream) const {
    const std::shared_lock lock(mutex);
    const auto found = streams.find(stream);
    return found == streams.end() ? nullptr : found->second;
  }

  std::shared_ptr<stream_entry> find_or_make(stream_id stream) {
    const std::lock_guard lock(mutex);
    auto& entry = streams[stream];
    if (!entry) {
      entry = std::make_shared<stream_entry>();
      streams_held.set(static_cast<double>(streams.size()));
    }
    return entry;
  }

  cached_answer master(stream_entry& s) const;
  std::optional<cached_answer> look_up(cached_rendition& r, const file_name& f,
                                       const playlist_position* wanted, bool delta) const;
  std::optional<cached_answer> playlist(cached_rendition& r, const file_name& f,
                                        const playlist_position* wanted, bool delta) const;
  bool enqueue(cached_rendition& r, waiter& w);
  void settle(cached_rendition& r, std::vector<settled>& out);
  void finish(std::vector<settled>& out);
  void take_all(stream_entry& s, const cached_answer& with, std::vector<settled>& out);
  bool may_sweep();
  void trim(stream_entry& s, std::size_t limit);
  void account(stream_entry& s);
  void shrink_all();
  void erase(stream_id stream);
};

}  // namespace troupe::media
