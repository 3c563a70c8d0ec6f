// SPDX-License-Identifier: GPL-3.0-or-later
// The inside of the packager. What decides anything is either in the checkpoint or made again from
// it: at each segment's end everything else is forgotten, and the frames that no segment holds yet
// are taken in anew, exactly as a replay from that checkpoint takes them.
// Thread: one at a time.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "media/ffmpeg/fragment_muxer.hpp"
#include "media/packager.hpp"
#include "media/timescale.hpp"

namespace troupe::media {

/// A frame that no part holds.
struct pending_frame {
  media::frame frame;
  bool idr = false;
  bool dropped = false;
  bool counted = false;  ///< as skipped
};

using pending = std::list<pending_frame>;

/// The look-ahead of one track; forgotten at a segment's end.
struct track_run {
  std::optional<pending::iterator>
      held;  ///< the sample that begins at the track's end: duration unknown
  std::vector<pending::iterator> jumped;  ///< from a frame on that is too far ahead of everything
  bool other_came = false;                ///< a frame of the other track, since jumped began
  std::int64_t scale = video_timescale;
  std::uint64_t received = 0;  ///< next number expected by push()
  std::shared_ptr<const track_format> parsed_format;
  std::optional<track_info> info;  ///< of parsed_format
};

struct part_sample {
  pending::iterator entry;
  mux_sample sample;
};

constexpr track other(track t) {
  return t == track::video ? track::audio : track::video;
}

/// The running segment and part.
struct segment_run {
  bool announced = false;
  int parts = 0;
  flicks start = 0;
  flicks part_start = 0;
  std::optional<flicks> video_start;  ///< of its first video sample
  std::int64_t shift_ms = 0;          ///< media time plus this is publication time, at its start
  std::vector<part_sample> samples;   ///< of the running part
  std::size_t sample_bytes = 0;
  flicks reach = 0;            ///< end of the sample that did not fit
  bool audio_changed = false;  ///< another sound format waits for the next IDR
};

enum class step : std::uint8_t {
  next,
  boundary,  ///< a segment ended, or the tracks changed: begin again with what is pending
};

enum class cut : std::uint8_t { key_frame, length, restart };

struct packager::impl {
  checkpoint s;
  pending frames;  // in the order of push()
  pending::iterator cursor = frames.end();
  track_run video;
  track_run audio;
  segment_run run;
  std::unique_ptr<fragment_muxer> muxer;
  bool said_start = false;
  std::int64_t said_init = 0;  ///< number of the last init section put out
  std::vector<output> out;
  std::uint64_t skipped = 0;
  std::optional<track_info> seen_video;
  std::optional<track_info> seen_audio;

  track_run& of(track t) { return t == track::video ? video : audio; }

  const track_run& of(track t) const { return t == track::video ? video : audio; }

  track_checkpoint& state(track t) { return t == track::video ? s.video : s.audio; }

  const track_checkpoint& state(track t) const { return t == track::video ? s.video : s.audio; }

  // packager.cpp
  void settle();
  void rebase();
  result<void> advance();
  result<step> take_in(pending::iterator e);
  void drop(pending::iterator e);
  bool has_pending(track t) const;
  result<step> flush();
  result<void> finish();

  // packager_tracks.cpp: which tracks there are
  bool examine(pending::iterator e);
  void collect(bool force);
  void start(const pending_frame* first_video, const pending_frame* first_audio);
  bool has_changed(const pending_frame& e) const;
  result<step> change_tracks(pending::iterator e);
  result<step> begin_anew(std::optional<pending::iterator> e);
  result<step> close_track(track t, std::optional<std::int64_t> end);
  void adopt(track t, const track_format& format, const track_info& info);
  bool is_lost(track t) const;

  // packager_time.cpp: where samples begin and end
  std::int64_t media_ms(const pending_frame& e) const;
  std::int64_t position(const pending_frame& e) const;
  bool is_jump(const pending_frame& e) const;
  result<step> place(pending::iterator e);
  result<step> place_next(pending::iterator e);
  result<step> hold_jump(pending::iterator e);
  void collapse(const pending_frame& e, const pending_frame* with, bool all_tracks);
  result<step> release(track t);
  result<step> complete(track t, std::int64_t end);

  // packager_cut.cpp: parts and segments
  result<step> add(pending::iterator e, const mux_sample& sample);
  bool is_cut_point() const;
  bool can_extend_part() const;
  flicks shortest_part() const;
  void give_back();
  flicks segment_limit() const;

  bool has_content() const { return s.lead > run.start; }

  flicks part_target() const { return s.part_target_ms * flicks_per_ms; }

  flicks end_of(track t) const { return to_flicks(state(t).end, of(t).scale); }

  result<void> close_part();
  result<void> close_segment(cut why);
  result<void> open_muxer();
  void announce_segment();
};

}  // namespace troupe::media
