// SPDX-License-Identifier: GPL-3.0-or-later
// What the health panel says, from what was measured: numbers, and warnings that tell the streamer
// what to change. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "actors/stream/health_monitor.hpp"
#include "actors/stream/streams.hpp"
#include "media/track_info.hpp"

namespace troupe::stream {

struct health_facts {
  stream::status status = status::waiting;
  std::uint64_t dropped_frames = 0;
  std::vector<health::warning> edge_problems;
  track_monitor video;
  track_monitor audio;
  std::optional<media::track_info> video_info;
  std::optional<media::track_info> audio_info;
};

health report(const health_facts& facts);

}  // namespace troupe::stream
