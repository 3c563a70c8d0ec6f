// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/packager.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "base/check.hpp"
#include "media/packager_state.hpp"

namespace troupe::media {

packager::packager(const packager_options& options) : impl_(std::make_unique<impl>()) {
  impl_->s.target_duration_s = std::clamp(options.target_duration_s, 4, 10);
  impl_->s.part_hold_back_ms =
      options.has_ladder ? 1500 : 0;  // 0: three parts, once those are known
  impl_->rebase();
}

packager::packager(const checkpoint& from) : impl_(std::make_unique<impl>()) {
  impl_->s = from;
  impl_->video.received = from.video.next_frame;
  impl_->audio.received = from.audio.next_frame;
  for (const auto t : {track::video, track::audio}) {
    const auto& saved = impl_->state(t);
    if (saved.present) {
      const track_format format{static_cast<codec>(saved.codec), shared_bytes(saved.configuration)};
      if (const auto info = parse_track(format); info && t == track::audio) {
        impl_->audio.scale = info->sample_rate;
      }
    }
  }
  impl_->rebase();
}

packager::~packager() = default;
packager::packager(packager&&) noexcept = default;
packager& packager::operator=(packager&&) noexcept = default;

result<std::vector<output>> packager::begin_publication(const publication& p) {
  auto& self = *impl_;
  if (p.number == self.s.publication.number) {
    return std::vector<output>{};
  }
  if (auto ended = self.finish(); !ended) {
    return fail(ended.error());
  }
  self.s.publication = p;
  self.s.finished = false;
  self.video.received = self.audio.received = 0;
  self.s.video.next_frame = self.s.audio.next_frame = 0;
  return std::exchange(self.out, {});
}

result<std::vector<output>> packager::push(const frame& f) {
  auto& self = *impl_;
  auto& received = self.of(f.track).received;
  if (self.s.finished || f.number < received) {
    return std::vector<output>{};
  }
  if (f.number > received) {
    return fail(errc::conflict, "frame_gap",
                fmt::format("frame {} came where {} was expected", f.number, received));
  }
  ++received;
  self.frames.push_back({f});
  if (self.cursor == self.frames.end()) {
    self.cursor = std::prev(self.frames.end());
  }
  if (auto done = self.advance(); !done) {
    return fail(done.error());
  }
  return std::exchange(self.out, {});
}

result<std::vector<output>> packager::finish() {
  if (auto done = impl_->finish(); !done) {
    return fail(done.error());
  }
  return std::exchange(impl_->out, {});
}

const std::optional<track_info>& packager::video() const {
  return impl_->seen_video;
}

const std::optional<track_info>& packager::audio() const {
  return impl_->seen_audio;
}

std::uint64_t packager::skipped_frames() const {
  return impl_->skipped;
}

// What no part holds and was not dropped must come again after this checkpoint.
void packager::impl::settle() {
  for (const auto t : {track::video, track::audio}) {
    auto& next = state(t).next_frame;
    next = of(t).received;
    for (const auto& e : frames) {
      if (e.frame.track == t && !e.dropped) {
        next = e.frame.number;
        break;
      }
    }
  }
}

// Everything that is not in the checkpoint begins anew; what is pending is taken in again.
void packager::impl::rebase() {
  settle();
  std::erase_if(frames, [this](const pending_frame& e) {
    return e.frame.number < state(e.frame.track).next_frame;
  });
  for (auto& e : frames) {
    e.dropped = false;
  }
  for (auto* t : {&video, &audio}) {
    t->held.reset();
    t->jumped.clear();
    t->other_came = false;
  }
  if (muxer && muxer->has_history()) {
    muxer.reset();  // a replay from here begins with a new one
  }
  run = {};
  run.start = run.part_start = s.lead;
  run.shift_ms = s.video.present ? s.video.shift_ms : s.audio.shift_ms;
  cursor = frames.begin();
}

result<void> packager::impl::advance() {
  while (cursor != frames.end()) {
    auto done = take_in(cursor);
    if (!done) {
      return fail(done.error());
    }
    if (*done == step::boundary) {
      rebase();
      continue;
    }
    // Kept only while a frame before it may have to come again: or a source that never sends an
    // IDR would fill the memory.
    const bool forget = cursor->dropped && !has_pending(cursor->frame.track);
    cursor = forget ? frames.erase(cursor) : std::next(cursor);
  }
  return {};
}

// Whether a frame of the track may have to be taken in again.
bool packager::impl::has_pending(track t) const {
  const auto in_part = [t](const part_sample& p) { return p.sample.track == t; };
  return of(t).held || !of(t).jumped.empty() || std::ranges::any_of(run.samples, in_part);
}

result<step> packager::impl::take_in(pending::iterator e) {
  if (!examine(e)) {
    drop(e);
    return step::next;
  }
  const auto t = e->frame.track;
  if (!s.started) {
    if (t == track::video && !e->idr && state(t).needs_idr) {
      drop(e);
      return step::next;
    }
    state(t).needs_idr = false;
    collect(false);
    return s.started ? step::boundary : step::next;
  }
  if (is_lost(other(t)) && (t == track::audio || e->idr)) {
    return begin_anew(std::nullopt);
  }
  if (has_changed(*e)) {
    return change_tracks(e);
  }
  if (t == track::video && state(t).needs_idr && !e->idr) {
    drop(e);
    return step::next;
  }
  state(t).needs_idr = false;
  if (e->idr && run.audio_changed) {
    return begin_anew(std::nullopt);
  }
  return place(e);
}

void packager::impl::drop(pending::iterator e) {
  skipped += e->counted ? 0 : 1;
  e->dropped = e->counted = true;
}

// Ends every sample that waits for its successor.
result<step> packager::impl::flush() {
  for (const auto t : {track::video, track::audio}) {
    if (!of(t).jumped.empty()) {
      collapse(*of(t).jumped.front(), nullptr, true);
    }
    if (auto done = release(t); !done || *done == step::boundary) {
      return done;
    }
    if (auto done = close_track(t, std::nullopt); !done || *done == step::boundary) {
      return done;
    }
  }
  return step::next;
}

result<void> packager::impl::finish() {
  if (s.finished || s.publication.number == 0) {
    return {};
  }
  if (!s.started && !frames.empty()) {
    collect(true);
    rebase();
    if (auto done = advance(); !done) {
      return done;
    }
  }
  for (auto done = step::boundary; s.started && done == step::boundary;) {
    auto flushed = flush();
    if (!flushed) {
      return fail(flushed.error());
    }
    done = *flushed;
    if (done == step::boundary) {
      rebase();
      if (auto again = advance(); !again) {
        return again;
      }
    }
  }
  const bool ends_segment = s.started && (has_content() || !run.samples.empty());
  s.started = false;
  s.finished = true;
  if (ends_segment) {
    if (s.lead == run.part_start && !run.samples.empty()) {
      s.lead += flicks_per_ms;  // only samples of a track that lags: a part cannot last 0 s
    }
    if (auto closed = close_segment(cut::restart); !closed) {
      return closed;
    }
  }
  frames.clear();
  s.video.needs_idr = true;
  muxer.reset();  // the next publication's times begin elsewhere
  rebase();
  return {};
}

}  // namespace troupe::media
