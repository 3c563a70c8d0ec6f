// SPDX-License-Identifier: GPL-3.0-or-later
// Which tracks there are: the start of a publication, changes of configuration, tracks that come
// late or go away.
#include <algorithm>

#include "media/packager_state.hpp"

namespace troupe::media {
namespace {

constexpr std::int64_t longest_wait_ms = 1000;  // for the other track, in this one's time
constexpr std::size_t most_collected = 512;
/// A track that is silent for longer than the longest target duration is left out from then on;
/// before, players wait for it (an encoder under congestion leaves out the rest of a GOP).
constexpr flicks silence_limit = 10 * flicks_per_second;
constexpr double slow_frame_rate = 4;
constexpr std::size_t largest_configuration = std::size_t{16} << 10;  // real ones are below 1 KiB

bool is_same(const track_checkpoint& state, const track_format& format) {
  return state.present && state.codec == static_cast<std::uint8_t>(format.codec) &&
         std::ranges::equal(state.configuration, format.configuration.view());
}

// Raw AAC never begins with 12 ones: this is an ADTS header, which the muxer refuses.
bool is_adts(byte_view data) {
  return data.size() > 2 && data[0] == 0xFF && (data[1] & 0xF0) == 0xF0;
}

}  // namespace

// What a frame is; false if it cannot be packaged.
bool packager::impl::examine(pending::iterator e) {
  const auto& f = e->frame;
  auto& run_of = of(f.track);
  if (f.format == nullptr || f.data.empty()) {
    return false;
  }
  if (f.format != run_of.parsed_format) {
    run_of.parsed_format = f.format;
    auto parsed = parse_track(*f.format);
    run_of.info =
        parsed && parsed->track == f.track ? std::optional(*std::move(parsed)) : std::nullopt;
    (f.track == track::video ? seen_video : seen_audio) = run_of.info;
  }
  if (!run_of.info || !run_of.info->packaged ||
      f.format->configuration.size() > largest_configuration) {
    return false;
  }
  if (f.track == track::video) {
    e->idr = is_idr(*run_of.info, f.data.view());
    return true;
  }
  return !is_adts(f.data.view());
}

// Before the start: looks at what came so far, and starts when the tracks are known.
void packager::impl::collect(bool force) {
  const pending_frame* first_video = nullptr;
  const pending_frame* second_video = nullptr;
  const pending_frame* first_audio = nullptr;
  std::int64_t earliest = 0;
  std::int64_t latest = 0;
  std::size_t count = 0;
  const auto stop = cursor == frames.end() ? cursor : std::next(cursor);
  for (auto e = frames.begin(); e != stop; ++e) {
    if (e->dropped) {
      continue;
    }
    const auto dts = e->frame.dts_ms;
    earliest = count == 0 ? dts : std::min(earliest, dts);
    latest = count == 0 ? dts : std::max(latest, dts);
    ++count;
    if (e->frame.track == track::audio) {
      first_audio = first_audio == nullptr ? &*e : first_audio;
    } else if (first_video == nullptr) {
      first_video = &*e;
    } else if (second_video == nullptr) {
      second_video = &*e;
    }
  }
  if (count == 0) {
    return;
  }
  const bool complete = (first_video != nullptr || !s.publication.expects_video) &&
                        (first_audio != nullptr || !s.publication.expects_audio);
  if (!complete && !force && latest - earliest < longest_wait_ms && count < most_collected) {
    return;
  }
  if (s.part_target_ms == 0) {
    bool slow = false;
    if (first_audio == nullptr) {
      double rate = video.info ? video.info->frame_rate : 0;
      if (rate <= 0 && second_video == nullptr && !force) {
        return;  // two frames tell the rate
      }
      if (rate <= 0 && second_video != nullptr) {
        const auto apart = second_video->frame.dts_ms - first_video->frame.dts_ms;
        rate = apart > 0 ? 1000.0 / static_cast<double>(apart) : 0;
      }
      slow = rate > 0 && rate < slow_frame_rate;
    }
    s.part_target_ms = slow ? 1000 : 334;
    s.part_hold_back_ms = std::max(s.part_hold_back_ms, 3 * s.part_target_ms);
  }
  start(first_video, first_audio);
}

void packager::impl::start(const pending_frame* first_video, const pending_frame* first_audio) {
  const auto matches = [this](track t, const pending_frame* first) {
    return first == nullptr ? !state(t).present : is_same(state(t), *first->frame.format);
  };
  s.needs_init =
      s.needs_init || !matches(track::video, first_video) || !matches(track::audio, first_audio);
  s.video.present = s.audio.present = false;
  for (const auto* first : {first_video, first_audio}) {
    if (first == nullptr) {
      continue;
    }
    if (const auto info = parse_track(*first->frame.format)) {
      adopt(first->frame.track, *first->frame.format, *info);
    }
  }
  // Media time goes on where it ended: sound before the first picture is left out.
  const auto base_ms = (s.lead + flicks_per_ms - 1) / flicks_per_ms;
  const auto origin = (first_video != nullptr ? first_video : first_audio)->frame.dts_ms;
  s.video.shift_ms = s.audio.shift_ms = origin - base_ms;
  s.lead = base_ms * flicks_per_ms;
  s.discontinuity = s.next_msn > 0;
  s.started = true;
  muxer.reset();
}

bool packager::impl::has_changed(const pending_frame& e) const {
  return !is_same(state(e.frame.track), *e.frame.format);
}

// A new picture format begins at its first IDR, a new sound format at the next one: a decoder
// begins anew at each init section and needs one.
result<step> packager::impl::change_tracks(pending::iterator e) {
  const auto t = e->frame.track;
  if (t == track::video ? e->idr : !s.video.present) {
    return begin_anew(e);
  }
  if (auto closed = close_track(t, std::nullopt); !closed || *closed == step::boundary) {
    return closed;
  }
  if (!state(other(t)).present && s.lead > run.part_start) {
    if (auto closed = close_part(); !closed) {  // nothing else would end it until the next IDR
      return fail(closed.error());
    }
  }
  if (t == track::video) {
    state(t).needs_idr = true;
  } else {
    run.audio_changed = true;
  }
  drop(e);
  return step::next;
}

// The last sample of a track that will not go on as it was.
result<step> packager::impl::close_track(track t, std::optional<std::int64_t> end) {
  if (!of(t).held) {
    return step::next;
  }
  auto done = complete(t, end.value_or(state(t).end + state(t).usual_duration));
  if (done && *done == step::next) {
    of(t).held.reset();
  }
  return done;
}

// Ends the segment; the next one has a discontinuity and an init section of its own. e: the first
// frame of a track that is new or has changed.
result<step> packager::impl::begin_anew(std::optional<pending::iterator> e) {
  const bool audio_changes = run.audio_changed && audio.info && audio.info->packaged;
  const bool video_lost = is_lost(track::video);
  const bool audio_lost = is_lost(track::audio);
  const auto lost = [&](track t) { return t == track::video ? video_lost : audio_lost; };
  for (const auto t : {track::video, track::audio}) {
    // The frame at the cursor is the first after the change.
    const bool comes = cursor->frame.track == t;
    if (!comes && !lost(t) && !(t == track::audio && audio_changes)) {
      continue;
    }
    const bool exact = comes && of(t).held && !is_jump(*cursor);
    const auto end = exact ? std::optional(position(*cursor)) : std::nullopt;
    if (auto closed = close_track(t, end); !closed || *closed == step::boundary) {
      return closed;
    }
  }
  if (!run.samples.empty() && s.lead > run.part_start) {
    if (auto closed = close_part(); !closed) {
      return fail(closed.error());
    }
  }
  give_back();
  const auto leave_out = [&](track t) {
    for (auto it = frames.begin(); it != cursor; ++it) {
      if (it->frame.track == t) {
        drop(it);
      }
    }
  };
  for (const auto t : {track::video, track::audio}) {
    if (e && (*e)->frame.track == t) {
      leave_out(t);
      adopt(t, *(*e)->frame.format, *of(t).info);
    } else if (t == track::audio && audio_changes) {
      leave_out(t);
      adopt(t, *audio.parsed_format, *audio.info);
    } else if (lost(t)) {
      leave_out(t);
      state(t).present = false;
      state(t).needs_idr = true;
    }
  }
  run.audio_changed = false;
  s.needs_init = s.discontinuity = true;
  if (run.parts > 0) {
    if (auto closed = close_segment(cut::restart); !closed) {
      return fail(closed.error());
    }
  }
  muxer.reset();
  return step::boundary;
}

// From now on the track has this format and begins where its first frame's time says.
void packager::impl::adopt(track t, const track_format& format, const track_info& info) {
  auto& st = state(t);
  if (!st.present) {
    st.shift_ms = state(other(t)).shift_ms;
  }
  st.present = true;
  st.needs_idr = false;
  st.codec = static_cast<std::uint8_t>(format.codec);
  st.configuration.assign(format.configuration.view().begin(), format.configuration.view().end());
  st.end = -1;
  if (t == track::audio) {
    of(t).scale = info.sample_rate;
    st.usual_duration = info.samples_per_frame;
  } else {
    // Never longer than a part: it is what a sample gets whose successor is unknown.
    const double rate =
        info.frame_rate >= slow_frame_rate && info.frame_rate <= 300 ? info.frame_rate : 30;
    st.usual_duration = static_cast<std::int64_t>(static_cast<double>(video_timescale) / rate);
  }
}

bool packager::impl::is_lost(track t) const {
  return state(t).present && state(other(t)).present && state(t).end >= 0 &&
         s.lead - end_of(t) > silence_limit;
}

}  // namespace troupe::media
