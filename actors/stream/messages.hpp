// SPDX-License-Identifier: GPL-3.0-or-later
// What a LiveStream (entity stream/ID) understands. Media times are the publication's own
// milliseconds; wall times are Unix milliseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/stream/streams.hpp"
#include "media/checkpoint.hpp"
#include "media/frame.hpp"
#include "runtime/message.hpp"

namespace troupe::stream {

/// From where a publisher has to send, per track: numbers below are done with, for good.
struct resume_point {
  std::uint64_t number = 0;  ///< of the publication within its stream, from 1
  std::uint64_t next_video = 0;
  std::uint64_t next_audio = 0;
  /// What a new activation starts from when the frames since it are sent again; of this
  /// publication, or where the one before ended.
  std::optional<media::checkpoint> checkpoint;
};

/// A publisher wants to send. The newest publication wins: what a stale connection still sends is
/// refused. Errors: conflict (stream_ended, superseded), forbidden (another owner's stream),
/// unavailable.
struct open_publication {
  static constexpr std::string_view type = "stream.open_publication";
  static constexpr std::uint32_t version = 1;
  using answer = resume_point;

  /// From the ingest node's id generator, so that a later one is greater.
  std::uint64_t publication = 0;
  user_id owner = 0;
  /// What an activation that is gone had answered to the same publication: go on from there. 0 and
  /// nothing for a new publication.
  std::uint64_t number = 0;
  std::optional<media::checkpoint> resume;
};

/// What the edge knows when the first frame comes (see media::publication).
struct publication_start {
  std::int64_t anchor_wall_us = 0;
  std::int64_t anchor_ms = 0;
  bool expects_video = true;
  bool expects_audio = true;
};

/// Frames in the order they were sent; numbers are dense per track. Frames below the next number
/// are passed over, a gap is refused. Errors: conflict (superseded, unknown_publication, frame_gap,
/// stream_ended), and what the packager answers.
struct push_frames {
  static constexpr std::string_view type = "stream.push_frames";
  static constexpr std::uint32_t version = 1;
  using answer = resume_point;

  std::uint64_t publication = 0;
  publication_start start;
  std::vector<media::frame> frames;
  /// Frames the edge dropped since it opened the publication, for the health panel.
  std::uint64_t dropped = 0;
  /// What the edge could not take from this publisher, for the health panel.
  std::vector<health::warning> problems;
};

/// The publisher is gone. Ended explicitly, the stream ends at once; else the grace period begins.
struct close_publication {
  static constexpr std::string_view type = "stream.close_publication";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::uint64_t publication = 0;
  bool is_explicit = false;
};

/// Ends the stream, whatever it is doing; ending an ended one answers the same again.
struct end_stream {
  static constexpr std::string_view type = "stream.end";
  static constexpr std::uint32_t version = 1;
  using answer = info;
};

struct read_health {
  static constexpr std::string_view type = "stream.read_health";
  static constexpr std::uint32_t version = 1;
  using answer = health;
};

/// Nothing but a reason to wake: an activation that finds itself live waits for its publisher.
struct reconcile {
  static constexpr std::string_view type = "stream.reconcile";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

/// A timer: the grace period that began after this publication is over.
struct grace_over {
  static constexpr std::string_view type = "stream.grace_over";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::uint64_t publication = 0;
};

/// A timer, every few seconds of a publication: has it sent anything since, does the store know the
/// present status?
struct check_silence {
  static constexpr std::string_view type = "stream.check_silence";
  static constexpr std::uint32_t version = 1;
  using answer = void;

  std::uint64_t publication = 0;
  std::uint64_t frames_seen = 0;
  std::int64_t silent_checks = 0;  ///< in a row
};

/// A timer, every second where there are several nodes: does another one have what is published?
struct look_after {
  static constexpr std::string_view type = "stream.look_after";
  static constexpr std::uint32_t version = 1;
  using answer = void;
};

template <class Inspector>
auto inspect(Inspector& f, resume_point& x) {
  return f(x.number, x.next_video, x.next_audio, x.checkpoint);
}

template <class Inspector>
auto inspect(Inspector& f, open_publication& x) {
  return f(x.publication, x.owner, x.number, x.resume);
}

template <class Inspector>
auto inspect(Inspector& f, publication_start& x) {
  return f(x.anchor_wall_us, x.anchor_ms, x.expects_video, x.expects_audio);
}

template <class Inspector>
auto inspect(Inspector& f, push_frames& x) {
  return f(x.publication, x.start, x.frames, x.dropped, x.problems);
}

template <class Inspector>
auto inspect(Inspector& f, close_publication& x) {
  return f(x.publication, x.is_explicit);
}

template <class Inspector>
auto inspect(Inspector& f, end_stream&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, read_health&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, reconcile&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, grace_over& x) {
  return f(x.publication);
}

template <class Inspector>
auto inspect(Inspector& f, check_silence& x) {
  return f(x.publication, x.frames_seen, x.silent_checks);
}

template <class Inspector>
auto inspect(Inspector& f, look_after&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, info& x) {
  return f(x.id, x.owner, x.username, x.title, x.game_id, x.status, x.viewer_count, x.created_at,
           x.started_at, x.ended_at);
}

template <class Inspector>
auto inspect(Inspector& f, health::warning& x) {
  return f(x.code, x.message);
}

template <class Inspector>
auto inspect(Inspector& f, health& x) {
  return f(x.status, x.video_codec, x.audio_codec, x.width, x.height, x.frame_rate,
           x.video_bitrate_bps, x.audio_bitrate_bps, x.key_frame_interval_s, x.dropped_frames,
           x.warnings);
}

}  // namespace troupe::stream
