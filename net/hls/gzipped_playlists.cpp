// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/gzipped_playlists.hpp"

#include <zlib.h>

#include "base/check.hpp"

namespace troupe::hls {
namespace {

// Live playlists change three times a second, in two views and as deltas: this is the present text
// of some hundred streams. An evicted one that is asked for again is made again.
constexpr std::size_t most_kept = 512;
constexpr int level = 3;          // 6 takes twice the time for 6 % less
constexpr int window_bits = 13;   // 8 KiB: a playlist is seldom longer
constexpr int gzip_framing = 16;  // added to the window bits
constexpr int memory_level = 6;   // 24 KiB a thread
constexpr std::size_t framing_size = 18;

/// zlib's state of one thread: making it anew costs more than compressing a playlist.
class deflater {
 public:
  deflater() {
    const int made = deflateInit2(&stream_, level, Z_DEFLATED, window_bits + gzip_framing,
                                  memory_level, Z_DEFAULT_STRATEGY);
    TROUPE_CHECK(made == Z_OK, "zlib has 24 KiB");
  }

  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;

  ~deflater() { deflateEnd(&stream_); }

  bytes compress(byte_view text) {
    deflateReset(&stream_);
    bytes out(deflateBound(&stream_, static_cast<uLong>(text.size())) + framing_size);
    stream_.next_in = const_cast<Bytef*>(text.data());
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    const int done = deflate(&stream_, Z_FINISH);
    TROUPE_CHECK(done == Z_STREAM_END, "what deflateBound() names is enough");
    out.resize(out.size() - stream_.avail_out);
    out.shrink_to_fit();
    return out;
  }

 private:
  z_stream stream_{};
};

bytes gzip(byte_view text) {
  thread_local deflater mine;
  return mine.compress(text);
}

}  // namespace

gzipped_playlists::gzipped_playlists(metrics& m)
    : compressed_(m.make_counter("troupe_hls_playlists_compressed_total",
                                 "Playlists compressed, each text once")) {}

shared_bytes gzipped_playlists::of(const shared_bytes& text) {
  const auto found = find_or_make(text);
  std::call_once(found->once, [&] {
    auto made = gzip(found->text.view());
    compressed_.add();
    if (made.size() < found->text.size()) {
      found->gzipped = shared_bytes(std::move(made));
    }
  });
  return found->gzipped;
}

std::shared_ptr<gzipped_playlists::entry> gzipped_playlists::find_or_make(
    const shared_bytes& text) {
  const place where(text.data(), text.size());
  const std::lock_guard lock(mutex_);
  auto& found = entries_[where];
  if (found) {
    return found;
  }
  found = std::make_shared<entry>();
  found->text = text;
  auto mine = found;
  order_.push_back(where);
  if (order_.size() > most_kept) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
  return mine;
}

}  // namespace troupe::hls
