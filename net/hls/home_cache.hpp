// SPDX-License-Identifier: GPL-3.0-or-later
// What one of several nodes may say of a stream by itself: everything where its LiveStream is, or
// was when it ended; else the media that it happens to hold, for an address has the same bytes on
// every node. Thread: every function from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "media/segment_cache.hpp"

namespace troupe::hls {

/// Of a stream's activation.
enum class standing : std::uint8_t {
  elsewhere,  ///< or nowhere
  coming,     ///< it starts on this node, and may not have its media back
  here,
};

/// RFC 8470, 5.2, where elsewhere_status would be wrong: the stream is about to be here.
constexpr int coming_status = 425;

class home_cache {
 public:
  /// Cheap, from any thread; must not block.
  using standing_check = std::function<standing(stream_id)>;

  /// copies: media of streams that other nodes own, if such is kept. The caches outlive it.
  home_cache(media::segment_cache& cache, standing_check check,
             const media::segment_cache* copies = nullptr);

  /// As cache_reader::get(). media::elsewhere_status: another node may know; also later, when the
  /// stream went elsewhere meanwhile. coming_status: this one will.
  void get(stream_id stream, std::string_view file, const media::delivery_directives& directives,
           media::cache_reader::gone_check is_gone, media::cache_reader::done answer);

  /// Lets go what waits for streams that are elsewhere by now. For a timer: until it is called,
  /// such requests wait.
  void release_moved();

  standing standing_of(stream_id stream) const { return check_(stream); }

  media::segment_cache& cache() { return cache_; }

 private:
  media::segment_cache& cache_;
  const standing_check check_;
  const media::segment_cache* const copies_;
};

}  // namespace troupe::hls
