// SPDX-License-Identifier: GPL-3.0-or-later
// What a rendition holds, for another cache.
#include "media/rendition_timeline.hpp"

namespace troupe::media {

std::optional<cache_position> rendition_timeline::position() const {
  if (segments_.empty()) {
    return std::nullopt;
  }
  cache_position p;
  p.playlist = params_;
  p.reached = reached_;
  const auto& last = segments_.back();
  p.next_msn = last.head.msn + (last.finished ? 1 : 0);
  if (!last.finished) {
    p.running = last.head;
    p.parts = static_cast<int>(last.parts.size());
    p.duration = last.duration;
  }
  return p;
}

std::vector<output> rendition_timeline::copy(std::int64_t from_msn) const {
  std::vector<output> all;
  if (segments_.empty()) {
    return all;
  }
  all.emplace_back(params_);
  for (const auto& [number, init] : inits_) {
    all.emplace_back(init);
  }
  for (const auto& s : segments_) {
    if (s.head.msn < from_msn) {
      continue;
    }
    all.emplace_back(s.head);
    all.insert(all.end(), s.parts.begin(), s.parts.end());
    if (!s.finished) {
      continue;
    }
    segment_finished f;
    f.msn = s.head.msn;
    f.duration = s.duration;
    if (reached_ && reached_->next_msn == s.head.msn + 1) {
      f.state = *reached_;
    } else {  // nobody begins there any more: it says what the playlists need
      f.state.next_msn = s.head.msn + 1;
      f.state.long_msn = s.head.long_msn + (s.ends_long ? 1 : 0);
      f.state.is_long = s.head.is_long;
    }
    all.emplace_back(std::move(f));
  }
  return all;
}

}  // namespace troupe::media
