// SPDX-License-Identifier: GPL-3.0-or-later
// Where parts and segments end.
#include <algorithm>

#include "media/packager_state.hpp"

namespace troupe::media {
namespace {

/// Segments end at the first IDR after 2 s; the slack is for timestamps in milliseconds.
constexpr flicks shortest_segment = 2 * flicks_per_second;
constexpr flicks cut_slack = 50 * flicks_per_ms;
constexpr flicks millisecond_rounding = 2 * flicks_per_ms;
/// EXTINF, rounded, may not exceed the target duration (RFC 8216bis, 4.4.3.1). Where there is a
/// picture it alone decides, and sound that leads by a few frames goes with it: or an IDR just at
/// the target duration would come a moment too late.
constexpr flicks leading_sound = 100 * flicks_per_ms;
constexpr flicks long_limit = 10 * flicks_per_second;
constexpr std::size_t most_samples = 1000;
constexpr std::size_t most_bytes = std::size_t{32} << 20;

}  // namespace

flicks packager::impl::segment_limit() const {
  const auto limit = run.start + s.target_duration_s * flicks_per_second;
  return s.is_long && s.long_start >= 0 ? std::min(limit, s.long_start + long_limit) : limit;
}

// A sample whose end is known. Boundary: it is not taken, the segment ended before it.
result<step> packager::impl::add(pending::iterator e, const mux_sample& sample) {
  const auto end = to_flicks(sample.dts + sample.duration, of(sample.track).scale);
  const bool sound_alone = !s.video.present && s.lead - run.start >= shortest_segment;
  const auto slack =
      sample.track == track::video || !s.video.present ? millisecond_rounding : leading_sound;
  if (has_content() && (end > segment_limit() + slack || sound_alone)) {
    run.reach = end;
    if (s.video.present && run.parts > 0 && s.lead - run.part_start < shortest_part()) {
      give_back();
    }
    if (auto closed = close_segment(sound_alone ? cut::key_frame : cut::length); !closed) {
      return fail(closed.error());
    }
    return step::boundary;
  }
  const bool full = end - run.part_start > part_target() || run.samples.size() >= most_samples ||
                    run.sample_bytes >= most_bytes;
  if (full && !run.samples.empty()) {
    // Only a flood of samples that last no time gets here without one that leads.
    s.lead += s.lead == run.part_start ? flicks_per_ms : 0;
    if (auto closed = close_part(); !closed) {
      return fail(closed.error());
    }
  }
  run.samples.push_back({e, sample});
  run.sample_bytes += sample.data.size();
  s.lead = std::max(s.lead, end);
  if (sample.track == track::video && !run.video_start) {
    run.video_start = to_flicks(sample.dts, video_timescale);
  }
  if (s.lead - run.part_start >= shortest_part() && !can_extend_part()) {
    if (auto closed = close_part(); !closed) {
      return fail(closed.error());
    }
  }
  return step::next;
}

// RFC 8216bis, 4.4.4.9: no part but a segment's last is shorter. In the playlist of long key-frame
// intervals a segment that ends without a key frame ends in the midst of one.
flicks packager::impl::shortest_part() const {
  return part_target() * 85 / 100;
}

// The running part's samples go into the next segment.
void packager::impl::give_back() {
  for (auto p = run.samples.rbegin(); p != run.samples.rend(); ++p) {
    state(p->sample.track).end = p->sample.dts;
  }
  run.samples.clear();
  s.lead = run.part_start;
}

// Whether a usual next sample of either track would make the part longer and still fit: if not, it
// need not be waited for.
bool packager::impl::can_extend_part() const {
  const auto fits = [this](track t) {
    const auto& st = state(t);
    if (!st.present || st.end < 0 || st.usual_duration <= 0) {
      return false;
    }
    const bool just_added = !run.samples.empty() && run.samples.back().sample.track == t;
    const auto from =
        just_added ? run.samples.back().sample.dts + run.samples.back().sample.duration : st.end;
    const auto usual =
        just_added && t == track::video ? run.samples.back().sample.duration : st.usual_duration;
    auto end = to_flicks(from, of(t).scale);
    const auto duration = to_flicks(usual, of(t).scale);
    if (end <= s.lead) {
      end += ((s.lead - end) / duration + 1) * duration;
    }
    const auto slack = t == track::video ? millisecond_rounding : 0;
    return end - slack <= run.part_start + part_target();
  };
  return fits(track::video) || fits(track::audio);
}

// The video's next sample is an IDR and begins at its track's end.
bool packager::impl::is_cut_point() const {
  const bool is_piece = s.is_long && s.long_start >= 0 && s.long_start < run.start;
  const auto from = is_piece ? s.long_start : run.video_start.value_or(run.start);
  return has_content() && end_of(track::video) - from >= shortest_segment - cut_slack;
}

result<void> packager::impl::open_muxer() {
  if (muxer) {
    return {};
  }
  std::array<std::optional<mux_track>, 2> tracks;
  init_section init;
  for (const auto t : {track::video, track::audio}) {
    const auto& st = state(t);
    if (!st.present) {
      continue;
    }
    const track_format format{static_cast<codec>(st.codec), shared_bytes(st.configuration)};
    auto info = parse_track(format);
    if (!info) {
      return fail(info.error());
    }
    tracks[t == track::video ? 0 : 1] = mux_track{*info, st.configuration};
    (t == track::video ? init.video : init.audio) = *std::move(info);
  }
  auto made = fragment_muxer::make(tracks[0], tracks[1], s.fragment_index);
  if (!made) {
    return fail(made.error());
  }
  muxer = *std::move(made);
  if (!said_start) {
    said_start = true;
    out.emplace_back(playlist_started{s.target_duration_s,
                                      std::chrono::milliseconds(s.part_target_ms),
                                      std::chrono::milliseconds(s.part_hold_back_ms)});
  }
  s.init_number += s.needs_init ? 1 : 0;
  s.needs_init = false;
  if (said_init != s.init_number) {
    said_init = init.number = s.init_number;
    init.data = muxer->init_section();
    out.emplace_back(std::move(init));
  }
  return {};
}

void packager::impl::announce_segment() {
  segment_started started;
  s.discontinuity_sequence += s.discontinuity ? 1 : 0;
  if (s.long_start < 0) {
    s.long_start = run.start;
  }
  started.msn = s.next_msn;
  started.long_msn = s.long_msn;
  started.is_long = s.is_long;
  started.discontinuity = s.discontinuity;
  started.discontinuity_sequence = s.discontinuity_sequence;
  started.init_number = s.init_number;
  const auto since_anchor = std::chrono::milliseconds(run.shift_ms - s.publication.anchor_ms);
  started.program_date_time = wall_time(std::chrono::microseconds(s.publication.anchor_wall_us)) +
                              since_anchor + to_microseconds(run.start);
  s.discontinuity = false;
  run.announced = true;
  out.emplace_back(started);
}

result<void> packager::impl::close_part() {
  if (auto opened = open_muxer(); !opened) {
    return opened;
  }
  if (!run.announced) {
    announce_segment();
  }
  part made;
  made.msn = s.next_msn;
  made.index = run.parts++;
  made.duration = to_microseconds(s.lead) - to_microseconds(run.part_start);
  made.independent = !s.video.present;
  std::vector<mux_sample> samples;
  samples.reserve(run.samples.size());
  for (const auto& p : run.samples) {
    samples.push_back(p.sample);
    if (p.sample.track == track::video && made.video_frames++ == 0) {
      made.independent = p.sample.sync;
    }
  }
  auto data = muxer->fragment(samples);
  if (!data) {
    return fail(data.error());
  }
  made.data = *std::move(data);
  ++s.fragment_index;
  out.emplace_back(std::move(made));
  for (const auto& p : run.samples) {
    frames.erase(p.entry);
  }
  run.samples.clear();
  run.sample_bytes = 0;
  run.part_start = s.lead;
  return {};
}

result<void> packager::impl::close_segment(cut why) {
  if (!run.samples.empty() && s.lead > run.part_start) {
    if (auto closed = close_part(); !closed) {
      return closed;
    }
  }
  give_back();  // of a track that lags: a part cannot last 0 s
  const bool no_key_frame =
      why == cut::length && s.video.present && s.lead - end_of(track::video) < flicks_per_second;
  s.is_long = s.is_long || no_key_frame;
  if (why != cut::length || !s.is_long ||
      run.reach > s.long_start + long_limit + millisecond_rounding) {
    ++s.long_msn;
    s.long_start = -1;
  }
  segment_finished finished;
  finished.msn = s.next_msn++;
  finished.duration = to_microseconds(s.lead) - to_microseconds(run.start);
  settle();
  finished.state = s;
  out.emplace_back(std::move(finished));
  return {};
}

}  // namespace troupe::media
