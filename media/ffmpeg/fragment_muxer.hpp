// SPDX-License-Identifier: GPL-3.0-or-later
// libavformat's mp4 muxer as a function from samples to one moof + mdat (design.md, section 4,
// names its flags; each other flag shifts or corrupts times). The same samples and fragment index
// give the same bytes from a new muxer as from a used one. Thread: one at a time. Never blocks; no
// file is touched.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "media/frame.hpp"
#include "media/track_info.hpp"

namespace troupe::media {

/// Times in the track's timescale.
struct mux_sample {
  media::track track = media::track::video;
  std::int64_t dts = 0;
  std::int64_t pts = 0;  ///< not before dts
  std::int64_t duration = 1;
  bool sync = false;
  byte_view data;
};

struct mux_track {
  track_info info;
  byte_view configuration;
};

/// RTMP's milliseconds are whole numbers in it, and so are the common frame rates.
constexpr std::int64_t video_timescale = 90'000;

class fragment_muxer {
 public:
  /// At least one of the tracks. fragment_index: of the first fragment(), from 1.
  static result<std::unique_ptr<fragment_muxer>> make(const std::optional<mux_track>& video,
                                                      const std::optional<mux_track>& audio,
                                                      std::int64_t fragment_index);
  ~fragment_muxer();
  fragment_muxer(const fragment_muxer&) = delete;
  fragment_muxer& operator=(const fragment_muxer&) = delete;

  /// ftyp + moov; does not depend on the fragment index.
  const shared_bytes& init_section() const;
  /// moof + mdat. Per track in order of dts, each beginning where the one before ended, also across
  /// calls. Errors: internal; the muxer is of no further use then.
  result<shared_bytes> fragment(std::span<const mux_sample> samples);
  /// Once a sample had pts != dts, libavformat writes composition offsets into every later
  /// fragment, also where all of them are 0; a new muxer would not (found by the test of random
  /// publishers).
  bool has_history() const;

 private:
  struct impl;
  explicit fragment_muxer(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace troupe::media
