// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/rendition_timeline.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::media {
namespace {

constexpr std::chrono::microseconds no_time{0};
constexpr int part_listing_targets = 3;  // RFC 8216bis, 6.2.2
constexpr double same_rate = 0.05;
// Twenty times what segments of 2 s need for the longest time kept: media time that stands still
// must not make playlists and their upkeep endless.
constexpr std::size_t most_segments = 1000;

// What the master playlist says of the media is measured over this much of it at least.
constexpr std::chrono::seconds least_measured{1};
constexpr double lowest_rate = 1;
constexpr double highest_rate = 300;
// Until it is measured: what H.264 of that size at 30 frames a second and AAC usually take.
constexpr std::int64_t bps_per_pixel = 3;
constexpr std::int64_t most_estimated_bps = 50'000'000;
constexpr std::int64_t sound_bps = 128'000;

std::int64_t bits_per_second(std::int64_t bytes, std::chrono::microseconds duration) {
  // Not in whole numbers: a stream of weeks has terabytes, and their microbits do not fit.
  return duration > no_time ? static_cast<std::int64_t>(static_cast<double>(bytes) * 8e6 /
                                                        static_cast<double>(duration.count()))
                            : 0;
}

bool is_frame_rate(double rate) {
  return rate >= lowest_rate && rate <= highest_rate;
}

// What a few frames let one guess: the rate that cameras and encoders know, if one is near. A third
// of a second does not tell 29.97 from 30.
double usual_rate(double measured) {
  constexpr std::array known{24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 120.0};
  const auto near =
      std::ranges::min(known, {}, [measured](double rate) { return std::abs(rate - measured); });
  return std::abs(near - measured) <= same_rate * near ? near : measured;
}

std::int64_t estimated_bps(const init_section& init) {
  const auto pixels = init.video ? std::int64_t{init.video->width} * init.video->height : 0;
  return sound_bps + std::min(pixels, most_estimated_bps / bps_per_pixel) * bps_per_pixel;
}

}  // namespace

rendition_timeline::rendition_timeline(std::string name, const cache_options& options)
    : name_(std::move(name)), options_(options) {}

bool rendition_timeline::take(const output& o) {
  bool changed = false;
  if (const auto* started = std::get_if<playlist_started>(&o)) {
    if (segments_.empty()) {
      params_ = *started;  // constant for the playlist's life
    }
  } else if (const auto* init = std::get_if<init_section>(&o)) {
    bytes_ += inits_.emplace(init->number, *init).second ? init->data.size() : 0;
  } else if (const auto* segment = std::get_if<segment_started>(&o)) {
    changed = take_segment(*segment);
  } else if (const auto* p = std::get_if<part>(&o)) {
    changed = take_part(*p);
  } else if (const auto* finished = std::get_if<segment_finished>(&o)) {
    changed = finish_segment(*finished);
  }
  version_ += changed ? 1 : 0;
  return changed;
}

bool rendition_timeline::take_segment(const segment_started& s) {
  if (!segments_.empty()) {
    auto& last = segments_.back();
    if (s.msn <= last.head.msn) {
      return false;
    }
    if (s.msn != last.head.msn + 1 || !last.finished) {
      // What lies between is gone for good (a stream that moved here without its past).
      while (!segments_.empty()) {
        pop_front();
      }
    }
  }
  segments_.push_back({});
  segments_.back().head = s;
  has_long_view_ =
      has_long_view_ || (s.is_long && params_.target_duration_s < long_target_duration_s);
  return true;
}

bool rendition_timeline::take_part(const part& p) {
  if (segments_.empty() || segments_.back().finished || segments_.back().head.msn != p.msn ||
      static_cast<std::size_t>(p.index) != segments_.back().parts.size()) {
    return false;
  }
  auto& s = segments_.back();
  s.parts.push_back(p);
  s.duration += p.duration;
  s.bytes += p.data.size();
  bytes_ += p.data.size();
  total_bytes_ += static_cast<std::int64_t>(p.data.size());
  total_frames_ += p.video_frames;
  total_duration_ += p.duration;
  return true;
}

bool rendition_timeline::finish_segment(const segment_finished& f) {
  if (segments_.empty() || segments_.back().finished || segments_.back().head.msn != f.msn) {
    return false;
  }
  auto& s = segments_.back();
  s.finished = true;
  s.ends_long = f.state.long_msn != s.head.long_msn;
  reached_ = f.state;
  has_long_view_ =
      has_long_view_ || (f.state.is_long && params_.target_duration_s < long_target_duration_s);
  measure(s);
  forget_old();
  return true;
}

// BANDWIDTH is the peak over segments of at least half a target duration (RFC 8216bis, 4.1). Of a
// segment that has lost parts the bytes are not known.
void rendition_timeline::measure(const stored_segment& s) {
  if (s.duration * 2 >= std::chrono::seconds(params_.target_duration_s) &&
      s.duration >= least_measured && !s.has_lost_parts) {
    peak_bps_ =
        std::max(peak_bps_, bits_per_second(static_cast<std::int64_t>(s.bytes), s.duration));
  }
}

// A removed segment can be fetched for as long again as it was listed (6.2.2).
void rendition_timeline::forget_old() {
  const auto longest = has_long_view_ ? long_target_duration_s : params_.target_duration_s;
  const std::chrono::microseconds keep = 2 * options_.listed + 2 * std::chrono::seconds(longest);
  auto after = no_time;
  for (const auto& s : segments_) {
    after += s.duration;
  }
  while (segments_.size() > 1 && after - segments_.front().duration >= keep) {
    after -= segments_.front().duration;
    pop_front();
  }
}

void rendition_timeline::pop_front() {
  bytes_ -= segments_.front().bytes;
  segments_.pop_front();
  if (!segments_.empty()) {
    const auto needed = inits_.lower_bound(segments_.front().head.init_number);
    for (auto i = inits_.begin(); i != needed; i = inits_.erase(i)) {
      bytes_ -= i->second.data.size();
    }
  }
}

std::size_t rendition_timeline::trim(std::size_t limit_bytes) {
  std::size_t dropped = 0;
  while (segments_.size() > 1 && (bytes_ > limit_bytes || segments_.size() > most_segments)) {
    pop_front();
    ++dropped;
  }
  dropped += drop_parts(limit_bytes) ? 1 : 0;
  version_ += dropped > 0 ? 1 : 0;
  return dropped;
}

// Media time may stand still within a segment, too. True: it is the segment's first loss.
bool rendition_timeline::drop_parts(std::size_t limit_bytes) {
  if (segments_.empty() || segments_.back().parts.empty()) {
    return false;
  }
  auto& s = segments_.back();
  bool lost = false;
  for (auto p = s.parts.begin(); p + 1 != s.parts.end() && bytes_ > limit_bytes; ++p) {
    bytes_ -= p->data.size();
    s.bytes -= p->data.size();
    lost = lost || !p->data.empty();
    p->data = {};
  }
  version_ += lost ? 1 : 0;
  return lost && !std::exchange(s.has_lost_parts, true);
}

void rendition_timeline::end() {
  ended_ = true;
  ++version_;
}

variant_stream rendition_timeline::variant() const {
  variant_stream v;
  v.uri = name_ + "/" + std::string(has_long_view_ ? long_playlist : usual_playlist);
  const bool is_measured = total_duration_ >= least_measured;
  const auto init =
      segments_.empty() ? inits_.end() : inits_.find(segments_.back().head.init_number);
  if (is_measured) {
    v.average_bandwidth_bps = bits_per_second(total_bytes_, total_duration_);
  } else {
    v.average_bandwidth_bps = init == inits_.end() ? sound_bps : estimated_bps(init->second);
  }
  v.bandwidth_bps = std::max(peak_bps_, v.average_bandwidth_bps);
  if (init == inits_.end()) {
    return v;
  }
  if (const auto& video = init->second.video) {
    v.codecs = video->rfc6381;
    v.width = static_cast<int>(
        std::lround(static_cast<double>(video->width) * video->sar_width / video->sar_height));
    v.height = video->height;
    const auto total_s = static_cast<double>(total_duration_.count()) / 1e6;
    const auto counted = static_cast<double>(total_frames_) / total_s;
    const auto measured = is_measured ? counted : usual_rate(counted);
    const auto said = is_frame_rate(video->frame_rate) ? video->frame_rate : 0;
    const bool agrees = std::abs(said - measured) <= same_rate * said;
    const auto rate = said > 0 && (agrees || total_s < 2) ? said : measured;
    v.frame_rate = is_frame_rate(rate) ? rate : 0;
  }
  if (const auto& audio = init->second.audio) {
    v.codecs += (v.codecs.empty() ? "" : ",") + audio->rfc6381;
  }
  return v;
}

const rendition_timeline::stored_segment* rendition_timeline::find(std::int64_t msn) const {
  if (segments_.empty() || msn < segments_.front().head.msn || msn > segments_.back().head.msn) {
    return nullptr;
  }
  return &segments_[static_cast<std::size_t>(msn - segments_.front().head.msn)];
}

// What the preload hint names.
std::pair<std::int64_t, std::int64_t> rendition_timeline::next_part() const {
  const auto& last = segments_.back();
  return last.finished ? std::pair(last.head.msn + 1, std::int64_t{0})
                       : std::pair(last.head.msn, static_cast<std::int64_t>(last.parts.size()));
}

readiness rendition_timeline::check_part(std::int64_t msn, std::int64_t index) const {
  if (segments_.empty()) {
    return readiness::never;
  }
  if (const auto* s = find(msn);
      s != nullptr && index < static_cast<std::int64_t>(s->parts.size())) {
    return s->parts[static_cast<std::size_t>(index)].data.empty() ? readiness::never
                                                                  : readiness::ready;
  }
  return !ended_ && next_part() == std::pair(msn, index) ? readiness::not_yet : readiness::never;
}

const shared_bytes& rendition_timeline::part_data(std::int64_t msn, std::int64_t index) const {
  return find(msn)->parts[static_cast<std::size_t>(index)].data;
}

std::vector<shared_bytes> rendition_timeline::segment_data(std::int64_t first,
                                                           std::int64_t last) const {
  std::vector<shared_bytes> data;
  // No listed segment is longer, so no address makes a longer walk.
  if (last < first || last - first > 100) {
    return data;
  }
  for (auto msn = first; msn <= last; ++msn) {
    const auto* s = find(msn);
    if (s == nullptr || !s->finished) {
      return {};
    }
    for (const auto& p : s->parts) {
      data.push_back(p.data);
    }
  }
  return data;
}

std::optional<shared_bytes> rendition_timeline::init_data(std::int64_t number) const {
  const auto found = inits_.find(number);
  return found == inits_.end() ? std::nullopt : std::optional(found->second.data);
}

// Groups of stored segments as the view lists them; what is older than it lists is left out.
rendition_timeline::rendered& rendition_timeline::refresh(view v) {
  auto& r = rendered_[static_cast<std::size_t>(v)];
  if (r.version == version_) {
    return r;
  }
  r = {};
  r.version = version_;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const auto& s = segments_[i];
    const auto number = v == view::usual ? s.head.msn : s.head.long_msn;
    if (r.groups.empty() || r.groups.back().number != number) {
      r.groups.push_back({number, i, 0, 0, false, no_time});
    }
    auto& g = r.groups.back();
    ++g.count;
    g.parts += static_cast<std::int64_t>(s.parts.size());
    g.duration += s.duration;
    g.finished = s.finished && (v == view::usual || s.ends_long || ended_);
  }
  if (v == view::long_gop && !r.groups.empty() && segments_.front().head.msn > 0 &&
      !segments_.front().head.discontinuity && r.groups.size() > 1) {
    r.groups.erase(r.groups.begin());  // its first piece may be gone already
  }
  auto listed_time = no_time;
  auto from = r.groups.size();
  while (from > 0 && listed_time < std::chrono::microseconds(options_.listed)) {
    --from;
    listed_time += r.groups[from].finished ? r.groups[from].duration : no_time;
  }
  r.groups.erase(r.groups.begin(), r.groups.begin() + static_cast<std::ptrdiff_t>(from));
  return r;
}

listed_segment rendition_timeline::entry(view v, const listed& g,
                                         std::chrono::microseconds from_end) const {
  const auto& first = segments_[g.first];
  listed_segment e;
  e.discontinuity = first.head.discontinuity;
  e.program_date_time = first.head.program_date_time;
  e.finished = g.finished;
  e.duration = g.duration;
  const auto from = segments_.begin() + static_cast<std::ptrdiff_t>(g.first);
  e.gap = std::any_of(from, from + static_cast<std::ptrdiff_t>(g.count),
                      [](const stored_segment& s) { return s.has_lost_parts; });
  const auto last_msn = first.head.msn + static_cast<std::int64_t>(g.count) - 1;
  e.uri = g.count == 1 ? fmt::format("{}.m4s", first.head.msn)
                       : fmt::format("{}-{}.m4s", first.head.msn, last_msn);
  if (from_end < std::chrono::seconds(part_listing_targets * target_duration_s(v)) || !g.finished) {
    for (std::size_t i = g.first; i < g.first + g.count; ++i) {
      for (const auto& p : segments_[i].parts) {
        e.parts.push_back(
            {fmt::format("{}.{}.m4s", p.msn, p.index), p.duration, p.independent, p.data.empty()});
      }
    }
  }
  return e;
}

media_playlist rendition_timeline::model(view v, const std::vector<listed>& groups) const {
  media_playlist p;
  p.target_duration_s = target_duration_s(v);
  p.part_target = params_.part_target;
  p.part_hold_back = params_.part_hold_back;
  p.ended = ended_;
  if (groups.empty()) {
    return p;
  }
  const auto& first = segments_[groups.front().first].head;
  p.media_sequence = groups.front().number;
  p.discontinuity_sequence = first.discontinuity_sequence - (first.discontinuity ? 1 : 0);
  auto from_end = no_time;  // of each segment's own end
  p.segments.reserve(groups.size());
  for (auto g = groups.rbegin(); g != groups.rend(); ++g) {
    if (g->parts > 0) {
      p.segments.push_back(entry(v, *g, from_end));
    }
    from_end += g->duration;
  }
  std::ranges::reverse(p.segments);
  std::int64_t map = -1;
  for (std::size_t i = 0; i < p.segments.size(); ++i) {
    const auto number = segments_[groups[i].first].head.init_number;
    if (number != map) {
      p.segments[i].map_uri = fmt::format("init-{}.mp4", number);
    }
    map = number;
  }
  const auto [msn, index] = next_part();
  p.preload_hint = fmt::format("{}.{}.m4s", msn, index);
  return p;
}

const shared_bytes& rendition_timeline::playlist(view v, bool delta) {
  auto& r = refresh(v);
  auto& made = r.texts[delta ? 1 : 0];
  if (!made) {
    const auto text = to_text(model(v, r.groups), delta);
    made.emplace(bytes(text.begin(), text.end()));
  }
  return *made;
}

readiness rendition_timeline::check(view v, const playlist_position& wanted) {
  const auto& groups = refresh(v).groups;
  if (ended_) {
    return readiness::ready;
  }
  if (groups.empty()) {
    return readiness::never;
  }
  const auto& last = groups.back();
  const auto last_finished = last.finished ? last.number : last.number - 1;
  const auto open_parts = last.finished ? 0 : last.parts;
  if (wanted.msn > last_finished + 2) {
    return readiness::too_far;
  }
  if (wanted.msn <= last_finished) {
    // A part beyond the segment's last means the next segment's first (6.2.5.2).
    const bool spills =
        wanted.msn == last_finished && last.number == wanted.msn && wanted.part >= last.parts;
    const bool spills_before = wanted.msn == last_finished && last.number != wanted.msn &&
                               groups.size() > 1 && wanted.part >= groups[groups.size() - 2].parts;
    return spills || (spills_before && open_parts == 0) ? readiness::not_yet : readiness::ready;
  }
  const auto target_ms = params_.part_target.count();
  const auto advance_limit = target_ms < 1000 ? 3000 / target_ms : 3;  // Advance Part Limit
  const auto known = wanted.msn == last_finished + 1 ? open_parts : 0;
  if (wanted.part >= known + advance_limit) {
    return readiness::too_far;
  }
  return wanted.part >= 0 && wanted.part < known ? readiness::ready : readiness::not_yet;
}

}  // namespace troupe::media
