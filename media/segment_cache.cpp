// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/segment_cache.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

#include "media/segment_cache_impl.hpp"

namespace troupe::media {
namespace {

using std::chrono::seconds;

constexpr std::string_view playlist_type = "application/vnd.apple.mpegurl";
constexpr std::string_view media_type = "video/mp4";
constexpr seconds media_age{3600};       // an address never gets other bytes
constexpr int wait_targets = 3;          // RFC 8216bis, 6.2.5.2
constexpr int blocking_age_targets = 6;  // the RFC's advice for answers to blocking requests
// A full cache looks for clients that left this often, lest each refusal cost a walk over all.
constexpr std::chrono::milliseconds sweep_pause{50};
constexpr std::size_t spare_share = 16;  // that part of max_bytes is freed at once, for the same

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
std::optional<cached_answer> segment_cache::impl::playlist(cached_rendition& r, const file_name& f,
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

std::optional<cached_answer> segment_cache::impl::look_up(cached_rendition& r, const file_name& f,
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

bool segment_cache::impl::enqueue(cached_rendition& r, waiter& w) {
  if (waiting.fetch_add(1) >= options.max_waiting) {
    waiting.fetch_sub(1);
    waits_refused.add();
    return false;
  }
  waiting_now.add(1);
  r.waiting.push_back(std::move(w));
  return true;
}

void segment_cache::impl::settle(cached_rendition& r, std::vector<settled>& out) {
  std::erase_if(r.waiting, [&](waiter& w) {
    auto with =
        look_up(r, w.file, w.file.kind == file_kind::playlist ? &w.wanted : nullptr, w.delta);
    if (!with) {
      return false;
    }
    out.push_back({std::move(w.answer), *std::move(with)});
    return true;
  });
}

void segment_cache::impl::finish(std::vector<settled>& out) {
  waiting.fetch_sub(out.size());
  waiting_now.add(-static_cast<double>(out.size()));
  answer_all(out);
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
  bytes_of_all += now - s.bytes;  // wraps around where it shrinks
  s.bytes = now;
}

bool segment_cache::impl::may_sweep() {
  const auto now = time.now();
  auto due = next_sweep.load();
  return waiting.load() >= options.max_waiting && now >= due &&
         next_sweep.compare_exchange_strong(due, now + sweep_pause);
}

// What is over the limit comes out of the largest renditions.
void segment_cache::impl::trim(stream_entry& s, std::size_t limit) {
  account(s);
  std::vector<rendition_timeline*> by_size;
  by_size.reserve(s.renditions.size());
  for (const auto& r : s.renditions) {
    by_size.push_back(&r->timeline);
  }
  std::ranges::sort(by_size, std::greater(), &rendition_timeline::size_bytes);
  std::size_t dropped = 0;
  for (auto* timeline : by_size) {
    const auto size = timeline->size_bytes();
    const auto excess = s.bytes - std::min(s.bytes, limit);
    dropped += timeline->trim(size - std::min(size, excess));
    account(s);
  }
  segments_dropped.add(static_cast<double>(dropped));
}

// Complexity: one look at each stream, and only when a sixteenth of the limit has come since.
void segment_cache::impl::shrink_all() {
  if (options.max_bytes == 0 || bytes_of_all.load() <= options.max_bytes) {
    return;
  }
  const std::unique_lock mine(shrinking, std::try_to_lock);
  if (!mine) {
    return;
  }
  // The greatest goes first: has ended, for how long or how large, which.
  using candidate = std::tuple<bool, std::int64_t, stream_id, std::shared_ptr<stream_entry>>;
  std::vector<candidate> all;
  {
    const std::shared_lock lock(mutex);
    for (const auto& [id, entry] : streams) {
      const std::lock_guard entry_lock(entry->mutex);
      const auto& ended = entry->ended_at;
      all.emplace_back(ended.has_value(),
                       ended ? -static_cast<std::int64_t>(ended->time_since_epoch().count())
                             : static_cast<std::int64_t>(entry->bytes),
                       id, entry);
    }
  }
  std::ranges::make_heap(all);
  const auto goal = options.max_bytes - options.max_bytes / spare_share;
  for (; !all.empty() && bytes_of_all.load() > goal; all.pop_back()) {
    std::ranges::pop_heap(all);
    const auto& [has_ended, order, id, entry] = all.back();
    if (has_ended) {
      erase(id);
      continue;
    }
    const std::lock_guard lock(entry->mutex);
    const auto held = bytes_of_all.load();
    if (!entry->removed && held > goal) {
      trim(*entry, entry->bytes - std::min(held - goal, entry->bytes));
    }
  }
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
    bytes_of_all -= entry->bytes;
    entry->bytes = 0;
  }
  finish(out);
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
                        const delivery_directives& directives, gone_check is_gone, done answer) {
  const auto name = parse_file(file);
  const auto entry = name.kind == file_kind::unknown ? nullptr : impl_->find(stream);
  if (!entry) {
    return answer(missing());
  }
  const auto asked = parse_directives(directives);
  if (impl_->may_sweep()) {
    expire(impl_->time.now());
  }
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
      waiter w{name,
               asked.wanted.value_or(playlist_position{}),
               asked.delta,
               impl_->time.now(),
               std::move(is_gone),
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
    entry->released_at.reset();
    auto* r = entry->find(rendition_name);
    if (r == nullptr) {
      entry->renditions.push_back(std::make_unique<cached_rendition>(
          cached_rendition{rendition_timeline(std::string(rendition_name), impl_->options), {}}));
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
      impl_->trim(*entry, impl_->options.max_bytes_per_stream);
      impl_->settle(*r, out);
    }
  }
  impl_->finish(out);
  impl_->shrink_all();
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
  impl_->finish(out);
}

void segment_cache::remove(stream_id stream) {
  impl_->erase(stream);
}

std::optional<cache_position> segment_cache::position(stream_id stream,
                                                      std::string_view rendition) const {
  const auto entry = impl_->find(stream);
  if (!entry) {
    return std::nullopt;
  }
  const std::lock_guard lock(entry->mutex);
  const auto* r = entry->find(rendition);
  return r == nullptr ? std::nullopt : r->timeline.position();
}

std::vector<output> segment_cache::copy(stream_id stream, std::string_view rendition,
                                        std::int64_t from_msn) const {
  const auto entry = impl_->find(stream);
  if (!entry) {
    return {};
  }
  const std::lock_guard lock(entry->mutex);
  const auto* r = entry->find(rendition);
  return r == nullptr ? std::vector<output>() : r->timeline.copy(from_msn);
}

void segment_cache::expire(steady_time now) {
  std::vector<std::pair<stream_id, std::shared_ptr<stream_entry>>> all;
  {
    const std::shared_lock lock(impl_->mutex);
    all.assign(impl_->streams.begin(), impl_->streams.end());
  }
  std::vector<settled> out;
  std::size_t abandoned = 0;
  std::vector<stream_id> over;
  for (const auto& [id, entry] : all) {
    const std::lock_guard lock(entry->mutex);
    const auto& over_at = entry->ended_at ? entry->ended_at : entry->released_at;
    if (over_at && now - *over_at >= impl_->options.keep_ended) {
      over.push_back(id);
    }
    for (auto& r : entry->renditions) {
      std::erase_if(r->waiting, [&](waiter& w) {
        const auto longest =
            seconds(wait_targets * r->timeline.target_duration_s(w.file.playlist_view));
        const bool gone = w.is_gone && w.is_gone();
        const bool expired = now - w.since > longest;
        if (gone || expired) {
          abandoned += gone ? 1 : 0;
          out.push_back({std::move(w.answer),
                         refusal(503, gone ? "The client left."
                                           : "Nothing came for three target durations.")});
        }
        return gone || expired;
      });
    }
  }
  impl_->waits_abandoned.add(static_cast<double>(abandoned));
  impl_->waits_expired.add(static_cast<double>(out.size() - abandoned));
  impl_->finish(out);
  for (const auto id : over) {
    impl_->erase(id);
  }
}

}  // namespace troupe::media
