// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/health_report.hpp"

#include <string>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::stream {
namespace {

// Segments are cut at 4 s at the latest: beyond it they begin without a key frame, and joining
// takes longer.
constexpr double longest_good_interval_s = 4.0;
// No decoder can start any more: intra refresh, or a single key frame.
constexpr double no_key_frames_s = 12.0;
// Phones on mobile networks stall above it, and there is no lower rung yet.
constexpr std::int64_t high_bitrate_bps = 12'000'000;

void add_problems(health& out, const std::optional<media::track_info>& info) {
  if (info) {
    for (const auto& p : info->problems) {
      out.warnings.push_back({p.code, p.message});
    }
  }
}

void add_key_frame_warning(health& out, const track_monitor& video) {
  const auto interval = video.key_frame_interval_s();
  if (!interval) {
    if (video.frame_rate() > 0) {
      out.warnings.push_back(
          {"no_key_frame", "No key frame has come yet: viewers see no picture."});
    }
  } else if (*interval >= no_key_frames_s) {
    out.warnings.push_back(
        {"key_frames_missing",
         fmt::format(
             "No key frame for {:.0f} s: viewers who join now see no picture. Set the key-frame "
             "interval to 2 s and turn intra refresh off.",
             *interval)});
  } else if (*interval > longest_good_interval_s) {
    out.warnings.push_back(
        {"key_frames_far_apart",
         fmt::format("Key frames are {:.0f} s apart: set 2 s in OBS.", *interval)});
  }
}

}  // namespace

health report(const health_facts& facts) {
  health out;
  out.status = facts.status;
  out.dropped_frames = facts.dropped_frames;
  if (facts.video_info) {
    out.video_codec = facts.video_info->rfc6381;
    out.width = facts.video_info->width;
    out.height = facts.video_info->height;
  }
  if (facts.audio_info) {
    out.audio_codec = facts.audio_info->rfc6381;
  }
  out.frame_rate = facts.video.frame_rate();
  out.video_bitrate_bps = facts.video.bitrate_bps();
  out.audio_bitrate_bps = facts.audio.bitrate_bps();
  out.key_frame_interval_s = facts.video.key_frame_interval_s().value_or(0);
  out.warnings = facts.edge_problems;
  if (facts.status != status::live) {
    return out;
  }
  add_problems(out, facts.video_info);
  add_problems(out, facts.audio_info);
  if (facts.video_info) {
    add_key_frame_warning(out, facts.video);
  }
  if (facts.dropped_frames > 0) {
    out.warnings.push_back({"frames_dropped", "The server could not keep up and dropped frames."});
  }
  if (out.video_bitrate_bps > high_bitrate_bps) {
    out.warnings.push_back(
        {"bitrate_high",
         fmt::format("{:.1f} Mbit/s is more than many viewers can receive: 6 is a good value.",
                     static_cast<double>(out.video_bitrate_bps) / 1e6)});
  }
  return out;
}

}  // namespace troupe::stream
