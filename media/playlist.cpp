// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/playlist.hpp"

#include <iterator>

#include <spdlog/fmt/fmt.h>

namespace troupe::media {
namespace {

using text = fmt::memory_buffer;

template <class... Args>
void put(text& out, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
}

/// Exact: sums of parts are compared with their segments.
std::string seconds(std::chrono::microseconds t) {
  return fmt::format("{}.{:06}", t.count() / 1'000'000, t.count() % 1'000'000);
}

std::string short_seconds(std::chrono::milliseconds t) {
  return fmt::format("{}.{:03}", t.count() / 1000, t.count() % 1000);
}

void put_part(text& out, const listed_part& p) {
  put(out, "#EXT-X-PART:DURATION={},URI=\"{}\"", seconds(p.duration), p.uri);
  if (p.independent) {
    put(out, ",INDEPENDENT=YES");
  }
  if (p.gap) {
    put(out, ",GAP=YES");
  }
  out.push_back('\n');
}

void put_segment(text& out, const listed_segment& s) {
  if (s.discontinuity) {
    put(out, "#EXT-X-DISCONTINUITY\n");
  }
  if (!s.map_uri.empty()) {
    put(out, "#EXT-X-MAP:URI=\"{}\"\n", s.map_uri);
  }
  put(out, "#EXT-X-PROGRAM-DATE-TIME:{}\n", to_iso8601(s.program_date_time));
  for (const auto& p : s.parts) {
    put_part(out, p);
  }
  if (s.finished) {
    if (s.gap) {
      put(out, "#EXT-X-GAP\n");
    }
    put(out, "#EXTINF:{},\n{}\n", seconds(s.duration), s.uri);
  }
}

// How many segments lie wholly beyond the skip boundary, counted from the end of the last finished
// segment.
std::size_t skippable(const media_playlist& p) {
  std::chrono::microseconds from_end{0};
  const std::chrono::microseconds boundary =
      std::chrono::seconds(skip_boundary_targets * p.target_duration_s);
  for (auto i = p.segments.size(); i-- > 0;) {
    if (from_end >= boundary) {
      return i + 1;
    }
    from_end += p.segments[i].finished ? p.segments[i].duration : std::chrono::microseconds(0);
  }
  return 0;
}

}  // namespace

std::string to_text(const media_playlist& p, bool delta) {
  text out;
  put(out, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{}\n", p.target_duration_s);
  put(out,
      "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={},HOLD-BACK={}.0,"
      "CAN-SKIP-UNTIL={}.0\n",
      short_seconds(p.part_hold_back), hold_back_targets * p.target_duration_s,
      skip_boundary_targets * p.target_duration_s);
  put(out, "#EXT-X-PART-INF:PART-TARGET={}\n", short_seconds(p.part_target));
  put(out, "#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-DISCONTINUITY-SEQUENCE:{}\n", p.media_sequence,
      p.discontinuity_sequence);
  const auto skipped = delta && !p.ended ? skippable(p) : 0;
  if (skipped > 0) {
    put(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={}\n", skipped);
  }
  for (auto i = skipped; i < p.segments.size(); ++i) {
    put_segment(out, p.segments[i]);
  }
  if (p.ended) {
    put(out, "#EXT-X-ENDLIST\n");
  } else if (!p.preload_hint.empty()) {
    put(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}\"\n", p.preload_hint);
  }
  return fmt::to_string(out);
}

std::string to_text(const std::vector<variant_stream>& variants) {
  text out;
  put(out, "#EXTM3U\n#EXT-X-VERSION:9\n");
  for (const auto& v : variants) {
    put(out, "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\"", v.bandwidth_bps,
        v.average_bandwidth_bps, v.codecs);
    if (v.width > 0) {
      put(out, ",RESOLUTION={}x{}", v.width, v.height);
    }
    if (v.frame_rate > 0) {
      put(out, ",FRAME-RATE={:.3f}", v.frame_rate);
    }
    put(out, "\n{}\n", v.uri);
  }
  return fmt::to_string(out);
}

}  // namespace troupe::media
