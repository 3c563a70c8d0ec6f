// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/segment_cache.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "media/cache_address.hpp"

namespace troupe::media {
namespace {

using std::chrono::seconds;

constexpr std::string_view playlist_type = "application/vnd.apple.mpegurl";
constexpr std::string_view media_type = "video/mp4";
constexpr seconds media_age{3600};  // an address never gets other bytes
constexpr seconds missing_age{1};
constexpr int wait_targets = 3;          // RFC 8216bis, 6.2.5.2
constexpr int blocking_age_targets = 6;  // the RFC's advice for answers to blocking requests

cached_answer refusal(int status, std::string_view message) {
  return {status, "text/plain", missing_age, {}, message};
}

cached_answer missing() {
  return refusal(404, "There is no such stream or file.");
}

struct waiter {
  file_name file;  // its rendition is not used: the waiter is in that rendition's list
  playlist_position wanted;
  bool delta = false;
  steady_time since;
  cache_reader::done answer;
};

struct rendition {
  rendition_timeline timeline;
  std::vector<waiter> waiting;
};

struct stream_entry {
  std::mutex mutex;
  std::vector<std::unique_ptr<rendition>> renditions;  // "source" first
  std::optional<shared_bytes> master;                  // of the present state
  std::optional<steady_time> ended_at;
  bool removed = false;
  std::size_t bytes = 0;

  rendition* find(std::string_view name) {
    for (auto& r : renditions) {
      if (r->timeline.name() == name) {
        return r.get();
      }
    }
    return nullptr;
  }
};

struct settled {
  cache_reader::done answer;
  cached_answer with;
};

}  // namespace

struct segment_cache::impl {
  const cache_options options;
  const clock& time;
  metrics::gauge& streams_held;
  metrics::gauge& bytes_held;
  metrics::gauge& waiting_now;
  metrics::counter& waits_refused;
  metrics::counter& waits_expired;
  metrics::counter& segments_dropped;
  mutable std::shared_mutex mutex;  // of streams; taken before an entry's own
  std::unordered_map<stream_id, std::shared_ptr<stream_entry>> streams;
  std::atomic<std::size_t> waiting{0};

  impl(const cache_options& o, const clock& c, metrics& m)
      : options(o),
        time(c),
        streams_held(m.make_gauge("troupe_segment_cache_streams", "Live streams held in memory")),
        bytes_held(m.make_gauge("troupe_segment_cache_bytes", "Media held in memory")),
        waiting_now(m.make_gauge("troupe_segment_cache_waiting_requests",
                                 "Requests that wait for media to come")),
        waits_refused(m.make_counter("troupe_segment_cache_waits_refused_total",
                                     "Requests answered 503 because too many wait")),
        waits_expired(m.make_counter("troupe_segment_cache_waits_expired_total",
                                     "Requests answered 503 after three target durations")),
        segments_dropped(m.make_counter("troupe_segment_cache_segments_dropped_total",
                                        "Segments dropped early because a stream was too large")) {}

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
  std::optional<cached_answer> look_up(rendition& r, const file_name& f,
                                       const playlist_position* wanted, bool delta) const;
  std::optional<cached_answer> playlist(rendition& r, const file_name& f,
                                        const playlist_position* wanted, bool delta) const;
  bool enqueue(rendition& r, waiter& w);
  void settle(rendition& r, std::vector<settled>& out);
  void take_all(stream_entry& s, const cached_answer& with, std::vector<settled>& out);
  void account(stream_entry& s);
  void erase(stream_id stream);
};

namespace {

void answer_all(std::vector<settled>& list) {
  for (auto& s : list) {
    s.answer(std::move(s.with));
  }
}

}  // namespace

cached_answer segment_cache::impl::master(stream_entry& s) const {
  if (!s.master) {
    std::vector<variant_stream> variants;
    for (const auto& r : s.renditions) {
      if (r->timeline.has_media()) {
        variants.push_back(r->timeline.variant());
      }
    }
    if (variants.empty()) {
      return missing();
    }
    const auto text = to_text(variants);
    s.master.emplace(bytes(text.begin(), text.end()));
  }
  return {200, playlist_type, missing_age, {*s.master}, {}};
}

// Nothing: it is about to come and is waited for.
std::optional<cached_answer> segment_cache::impl::playlist(rendition& r, const file_name& f,
                                                           const playlist_position* wanted,
                                                           bool delta) const {
  auto& timeline = r.timeline;
  if (!timeline.has_media() || (f.playlist_view == view::long_gop && !timeline.has_long_view())) {
    return missing();
  }
  const auto target = timeline.target_duration_s(f.playlist_view);
  auto age = seconds(target / 2);
  if (wanted != nullptr) {
    switch (timeline.check(f.playlist_view, *wanted)) {
      case readiness::not_yet:
        return std::nullopt;
      case readiness::too_far:
        return refusal(400, "That segment or part is too far in the future.");
      case readiness::never:
        return missing();
      case readiness::ready:
        break;
    }
    age = seconds(blocking_age_targets * target);
  }
  return cached_answer{200, playlist_type, age, {timeline.playlist(f.playlist_view, delta)}, {}};
}

std::optional<cached_answer> segment_cache::impl::look_up(rendition& r, const file_name& f,
                                                          const playlist_position* wanted,
                                                          bool delta) const {
  const auto media = [](std::vector<shared_bytes> body) {
    return cached_answer{200, media_type, media_age, std::move(body), {}};
  };
  switch (f.kind) {
    case file_kind::playlist:
      return playlist(r, f, wanted, delta);
    case file_kind::part:
      switch (r.timeline.check_part(f.first, f.second)) {
        case readiness::ready:
          return media({r.timeline.part_data(f.first, f.second)});
        case readiness::not_yet:
          return std::nullopt;
        default:
          return missing();
      }
    case file_kind::segment:
      if (auto data = r.timeline.segment_data(f.first, f.second); !data.empty()) {
        return media(std::move(data));
      }
      return missing();
    case file_kind::init:
      if (const auto data = r.timeline.init_data(f.first)) {
        return media({*data});
      }
      return missing();
    default:
      return missing();
  }
}

bool segment_cache::impl::enqueue(rendition& r, waiter& w) {
  if (waiting.fetch_add(1) >= options.max_waiting) {
    waiting.fetch_sub(1);
    waits_refused.add();
    return false;
  }
  waiting_now.add(1);
  r.waiting.push_back(std::move(w));
  return true;
}

void segment_cache::impl::settle(rendition& r, std::vector<settled>& out) {
  std::erase_if(r.waiting, [&](waiter& w) {
    auto with =
        look_up(r, w.file, w.file.kind == file_kind::playlist ? &w.wanted : nullptr, w.delta);
    if (with) {
      out.push_back({std::move(w.answer), *std::move(with)});
    }
    return with.has_value();
  });
}

void segment_cache::impl::take_all(stream_entry& s, const cached_answer& with,
                                   std::vector<settled>& out) {
  for (auto& r : s.renditions) {
    for (auto& w : r->waiting) {
      out.push_back({std::move(w.answer), with});
    }
    r->waiting.clear();
  }
}

void segment_cache::impl::account(stream_entry& s) {
  std::size_t now = 0;
  for (const auto& r : s.renditions) {
    now += r->timeline.size_bytes();
  }
  bytes_held.add(static_cast<double>(now) - static_cast<double>(s.bytes));
  s.bytes = now;
}

void segment_cache::impl::erase(stream_id stream) {
  std::shared_ptr<stream_entry> entry;
  {
    const std::lock_guard lock(mutex);
    const auto found = streams.find(stream);
    if (found == streams.end()) {
      return;
    }
    entry = found->second;
    streams.erase(found);
    streams_held.set(static_cast<double>(streams.size()));
  }
  std::vector<settled> out;
  {
    const std::lock_guard lock(entry->mutex);
    take_all(*entry, missing(), out);
    entry->removed = true;
    bytes_held.add(-static_cast<double>(entry->bytes));
    entry->bytes = 0;
  }
  waiting.fetch_sub(out.size());
  waiting_now.add(-static_cast<double>(out.size()));
  answer_all(out);
}

segment_cache::segment_cache(const cache_options& options, const clock& c, metrics& m)
    : impl_(std::make_unique<impl>(options, c, m)) {}

segment_cache::~segment_cache() {
  std::vector<settled> out;
  for (auto& [id, entry] : impl_->streams) {
    impl_->take_all(*entry, refusal(503, "The server is stopping."), out);
  }
  answer_all(out);
}

void segment_cache::get(stream_id stream, std::string_view file,
                        const delivery_directives& directives, done answer) {
  const auto name = parse_file(file);
  const auto entry = name.kind == file_kind::unknown ? nullptr : impl_->find(stream);
  if (!entry) {
    return answer(missing());
  }
  const auto asked = parse_directives(directives);
  cached_answer now;
  {
    const std::lock_guard lock(entry->mutex);
    auto* r = name.kind == file_kind::master ? nullptr : entry->find(name.rendition);
    std::optional<cached_answer> found;
    const bool live_playlist = name.kind == file_kind::playlist && !entry->ended_at;
    if (name.kind == file_kind::master) {
      found = impl_->master(*entry);
    } else if (r == nullptr) {
      found = missing();
    } else if (live_playlist && !asked.wrong.empty()) {
      found = refusal(400, asked.wrong);
    } else {
      found = impl_->look_up(*r, name, asked.wanted ? &*asked.wanted : nullptr, asked.delta);
    }
    if (!found) {
      waiter w{name, asked.wanted.value_or(playlist_position{}), asked.delta, impl_->time.now(),
               std::move(answer)};
      w.file.rendition = {};
      if (impl_->enqueue(*r, w)) {
        return;
      }
      answer = std::move(w.answer);
      found = refusal(503, "Too many requests wait for media: try again.");
    }
    now = *std::move(found);
  }
  answer(std::move(now));
}

void segment_cache::publish(stream_id stream, std::string_view rendition_name,
                            std::span<const output> outputs) {
  const auto entry = impl_->find_or_make(stream);
  std::vector<settled> out;
  {
    const std::lock_guard lock(entry->mutex);
    if (entry->ended_at || entry->removed) {
      return;
    }
    auto* r = entry->find(rendition_name);
    if (r == nullptr) {
      entry->renditions.push_back(std::make_unique<rendition>(
          rendition{rendition_timeline(std::string(rendition_name), impl_->options), {}}));
      r = entry->renditions.back().get();
    }
    bool changed = false;
    for (const auto& o : outputs) {
      changed = r->timeline.take(o) || changed;
      if (std::holds_alternative<segment_finished>(o) || std::holds_alternative<init_section>(o)) {
        entry->master.reset();  // bandwidth, codecs, which playlist
      }
    }
    if (changed) {
      impl_->segments_dropped.add(
          static_cast<double>(r->timeline.trim(impl_->options.max_bytes_per_stream)));
      impl_->settle(*r, out);
      impl_->account(*entry);
    }
  }
  impl_->waiting.fetch_sub(out.size());
  impl_->waiting_now.add(-static_cast<double>(out.size()));
  answer_all(out);
}

void segment_cache::end(stream_id stream) {
  const auto entry = impl_->find(stream);
  if (!entry) {
    return;
  }
  std::vector<settled> out;
  {
    const std::lock_guard lock(entry->mutex);
    if (entry->ended_at) {
      return;
    }
    entry->ended_at = impl_->time.now();
    for (auto& r : entry->renditions) {
      r->timeline.end();
      impl_->settle(*r, out);
    }
  }
  impl_->waiting.fetch_sub(out.size());
  impl_->waiting_now.add(-static_cast<double>(out.size()));
  answer_all(out);
}

void segment_cache::remove(stream_id stream) {
  impl_->erase(stream);
}

void segment_cache::expire(steady_time now) {
  std::vector<std::pair<stream_id, std::shared_ptr<stream_entry>>> all;
  {
    const std::shared_lock lock(impl_->mutex);
    all.assign(impl_->streams.begin(), impl_->streams.end());
  }
  std::vector<settled> out;
  std::vector<stream_id> over;
  for (const auto& [id, entry] : all) {
    const std::lock_guard lock(entry->mutex);
    if (entry->ended_at && now - *entry->ended_at >= impl_->options.keep_ended) {
      over.push_back(id);
    }
    for (auto& r : entry->renditions) {
      std::erase_if(r->waiting, [&](waiter& w) {
        const auto longest =
            seconds(wait_targets * r->timeline.target_duration_s(w.file.playlist_view));
        const bool expired = now - w.since > longest;
        if (expired) {
          out.push_back(
              {std::move(w.answer), refusal(503, "Nothing came for three target durations.")});
        }
        return expired;
      });
    }
  }
  impl_->waits_expired.add(static_cast<double>(out.size()));
  impl_->waiting.fetch_sub(out.size());
  impl_->waiting_now.add(-static_cast<double>(out.size()));
  answer_all(out);
  for (const auto id : over) {
    impl_->erase(id);
  }
}

}  // namespace troupe::media
