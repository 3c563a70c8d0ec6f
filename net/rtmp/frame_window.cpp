// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/frame_window.hpp"

#include <algorithm>
#include <utility>

namespace troupe::rtmp {
namespace {

// 85 ms of AAC at 48 kHz: what a stream without pictures, or with few, is late at most.
constexpr std::size_t audio_batch = 4;

}  // namespace

bool frame_window::has_room(const media::frame& f) const {
  // After a break begin again only with room for more than a frame, or every GOP would be cut
  // short.
  const bool begins_anew = awaits_key_ && f.track == media::track::video;
  const std::size_t share = begins_anew ? 2 : 1;
  return held_bytes_ + f.data.size() <= limit_bytes_ / share &&
         frames_.size() < limit_frames_ / share;
}

bool frame_window::add(media::frame f) {
  const bool is_video = f.track == media::track::video;
  const bool begins_anew = is_video && f.container_key;
  if (!has_room(f) || (is_video && awaits_key_ && !begins_anew)) {
    awaits_key_ = awaits_key_ || is_video;
    ++dropped_;
    return false;
  }
  if (is_video) {
    awaits_key_ = false;
  }
  f.number = is_video ? next_video_++ : next_audio_++;
  held_bytes_ += f.data.size();
  frames_.push_back(std::move(f));
  return true;
}

bool frame_window::has_batch() const {
  const auto unsent = frames_.size() - sent_;
  return unsent >= audio_batch ||
         std::any_of(frames_.end() - static_cast<std::ptrdiff_t>(unsent), frames_.end(),
                     [](const media::frame& f) { return f.track == media::track::video; });
}

std::vector<media::frame> frame_window::take(std::size_t most, std::size_t most_bytes) {
  most = std::min(most, frames_.size() - sent_);
  const auto from = frames_.begin() + static_cast<std::ptrdiff_t>(sent_);
  std::size_t count = 0;
  for (std::size_t size = 0; count < most; ++count) {
    size += from[static_cast<std::ptrdiff_t>(count)].data.size();
    if (count > 0 && size > most_bytes) {
      break;
    }
  }
  sent_ += count;
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

void frame_window::settle(const stream::resume_point& reached) {
  if (!reached.checkpoint || reached.checkpoint->publication.number != reached.number) {
    return;  // where an earlier publication ended
  }
  has_settled_ = true;
  const auto& video = reached.checkpoint->video;
  const auto& audio = reached.checkpoint->audio;
  const auto is_needed = [&](const media::frame& f) {
    return f.number >= (f.track == media::track::video ? video.next_frame : audio.next_frame);
  };
  // Tracks lie interleaved, and one may be needed from further back: only a prefix can go.
  while (sent_ > 0 && !is_needed(frames_.front())) {
    held_bytes_ -= frames_.front().data.size();
    frames_.pop_front();
    --sent_;
  }
}

}  // namespace troupe::rtmp
