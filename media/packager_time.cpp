// SPDX-License-Identifier: GPL-3.0-or-later
// Where samples begin and end. A sample lasts until the next one of its track begins, so no track
// has a hole; what all tracks leave out is left out of media time.
#include <algorithm>

#include "media/packager_state.hpp"

namespace troupe::media {
namespace {

/// RTMP rounds to milliseconds and some encoders to 10 ms: within this, sound follows its own count
/// of samples. It is below what a viewer notices between lips and voice (ITU-R BT.1359: 45 ms).
constexpr std::int64_t audio_tolerance_ms = 30;
constexpr std::int64_t longest_composition_ms = 10'000;
constexpr std::int64_t longest_jump_wait_ms = 1000;
constexpr std::size_t most_jumped = 128;
constexpr std::int64_t farthest_ms = std::int64_t{1} << 42;  // 139 years: keeps arithmetic in range

}  // namespace

std::int64_t packager::impl::media_ms(const pending_frame& e) const {
  return std::clamp(e.frame.dts_ms - state(e.frame.track).shift_ms, -farthest_ms, farthest_ms);
}

// Where a frame's sample begins: which is where the one before it ends.
std::int64_t packager::impl::position(const pending_frame& e) const {
  const auto t = e.frame.track;
  const auto& st = state(t);
  const auto scale = of(t).scale;
  const auto expected = ms_to_ticks(media_ms(e), scale);
  if (!of(t).held) {
    return st.end >= 0 ? st.end : std::max<std::int64_t>(expected, 0);
  }
  if (t == track::video) {
    return std::max(expected, st.end + 1);
  }
  const auto next = st.end + st.usual_duration;
  if (std::abs(expected - next) <= audio_tolerance_ms * scale / 1000) {
    return next;
  }
  return std::max(expected, st.end + st.usual_duration / 2);
}

// Ahead of everything by more than a part can last.
bool packager::impl::is_jump(const pending_frame& e) const {
  const auto t = e.frame.track;
  if (!of(t).held && state(t).end >= 0) {
    return false;
  }
  return to_flicks(position(e), of(t).scale) - s.lead > part_target();
}

result<step> packager::impl::place(pending::iterator e) {
  const auto t = e->frame.track;
  if (!of(t).jumped.empty() || is_jump(*e)) {
    return hold_jump(e);
  }
  auto done = place_next(e);
  auto& waiting = of(other(t));
  if (!done || *done == step::boundary || waiting.jumped.empty()) {
    return done;
  }
  waiting.other_came = true;
  return is_jump(*waiting.jumped.front()) ? step::next : release(other(t));
}

// A jump of one track alone is its hole, a jump of all a stall of the publisher: the other track's
// next frames tell, and are waited for within bounds.
result<step> packager::impl::hold_jump(pending::iterator e) {
  const auto t = e->frame.track;
  auto& mine = of(t);
  auto& others = of(other(t));
  mine.jumped.push_back(e);
  const auto& first = *mine.jumped.front();
  if (!state(other(t)).present) {
    collapse(first, nullptr, true);
    return release(t);
  }
  if (!others.jumped.empty()) {
    collapse(first, &*others.jumped.front(), true);
    auto done = release(other(t));
    return !done || *done == step::boundary ? done : release(t);
  }
  if (e->frame.dts_ms - first.frame.dts_ms >= longest_jump_wait_ms ||
      mine.jumped.size() >= most_jumped) {
    collapse(first, nullptr, !mine.other_came);
    return release(t);
  }
  return step::next;
}

// Moves publication time against media time so that e (or with, if that has less to go) begins
// where the last sample of its track ends.
void packager::impl::collapse(const pending_frame& e, const pending_frame* with, bool all_tracks) {
  const auto surplus = [this](const pending_frame& f) {
    const auto t = f.frame.track;
    const auto natural = state(t).end >= 0 ? state(t).end + state(t).usual_duration
                                           : s.lead / flicks_per_ms * of(t).scale / 1000;
    return f.frame.dts_ms - state(t).shift_ms - natural * 1000 / of(t).scale;
  };
  auto by = surplus(e);
  if (with != nullptr) {
    by = std::min(by, surplus(*with));
  }
  by = std::max<std::int64_t>(by, 0);
  state(e.frame.track).shift_ms += by;
  if (all_tracks) {
    state(other(e.frame.track)).shift_ms += by;
  }
}

result<step> packager::impl::release(track t) {
  const auto queue = std::exchange(of(t).jumped, {});
  of(t).other_came = false;
  for (const auto e : queue) {
    if (auto done = place(e); !done || *done == step::boundary) {
      return done;
    }
  }
  return step::next;
}

result<step> packager::impl::place_next(pending::iterator e) {
  const auto t = e->frame.track;
  const auto begin = position(*e);
  if (of(t).held) {
    if (auto done = complete(t, begin); !done || *done == step::boundary) {
      return done;
    }
  } else if (state(t).end < 0) {
    if (t == track::audio && media_ms(*e) * flicks_per_ms < s.lead) {
      drop(e);
      return step::next;
    }
    state(t).end = begin;
  }
  of(t).held = e;
  if (e->idr && is_cut_point()) {
    if (auto closed = close_segment(cut::key_frame); !closed) {
      return fail(closed.error());
    }
    return step::boundary;
  }
  return step::next;
}

// The held sample lasts until end.
result<step> packager::impl::complete(track t, std::int64_t end) {
  auto& st = state(t);
  const auto e = *of(t).held;
  const auto& f = e->frame;
  mux_sample sample;
  sample.track = t;
  sample.dts = st.end;
  const auto composition =
      t == track::audio ? 0
                        : std::clamp<std::int64_t>(f.pts_ms - f.dts_ms, 0, longest_composition_ms);
  sample.pts = st.end + ms_to_ticks(composition, of(t).scale);
  sample.duration = end - st.end;
  sample.sync = t == track::audio || e->idr;
  sample.data = f.data.view();
  auto done = add(e, sample);
  if (done && *done == step::next) {
    st.end = end;
    if (t == track::video && to_flicks(sample.duration, of(t).scale) <= part_target()) {
      st.usual_duration = sample.duration;
    }
  }
  return done;
}

}  // namespace troupe::media
