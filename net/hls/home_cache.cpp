// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/home_cache.hpp"

#include <utility>

namespace troupe::hls {

using holding = media::segment_cache::holding;

home_cache::home_cache(media::segment_cache& cache, standing_check check,
                       const media::segment_cache* copies)
    : cache_(cache), check_(std::move(check)), copies_(copies) {}

void home_cache::get(stream_id stream, std::string_view file,
                     const media::delivery_directives& directives,
                     media::cache_reader::gone_check is_gone, media::cache_reader::done answer) {
  const auto held = cache_.holds(stream);
  const auto stands = held == holding::ended ? standing::here : check_(stream);
  if (stands == standing::here) {
    cache_.get(stream, file, directives, std::move(is_gone), std::move(answer));
    return;
  }
  auto found = cache_.find_media(stream, file);
  if (!found && copies_ != nullptr) {
    found = copies_->find_media(stream, file);
  }
  if (!found) {
    found.emplace();
    found->status = stands == standing::coming ? coming_status : media::elsewhere_status;
  }
  answer(*std::move(found));
}

void home_cache::release_moved() {
  for (const auto stream : cache_.live_streams()) {
    if (check_(stream) == standing::elsewhere) {
      cache_.release(stream);
    }
  }
}

}  // namespace troupe::hls
