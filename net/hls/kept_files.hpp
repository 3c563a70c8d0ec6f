// SPDX-License-Identifier: GPL-3.0-or-later
// What a node keeps of other nodes' streams: media, whose bytes never change, up to a bound; the
// newest playlist of each kind for less than half a part; and for a second, that something is not
// there. Thread: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "media/cache_address.hpp"
#include "media/segment_cache.hpp"

namespace troupe::hls {

/// What a viewer wants, written in one way only.
struct wanted_file {
  stream_id stream = 0;
  std::string file;  ///< what follows /live/{stream_id}/
  media::file_kind kind = media::file_kind::unknown;
  std::optional<media::playlist_position> position = {};  ///< of a playlist
  bool is_delta = false;                                  ///< a playlist

  bool is_media() const {
    return kind == media::file_kind::init || kind == media::file_kind::part ||
           kind == media::file_kind::segment;
  }

  /// The file, without what is waited for in it.
  std::string address() const;
  /// What several viewers wait for together.
  std::string key() const;
};

/// file must be one of ours (media::parse_file). Errors: invalid_argument, of the directives.
result<wanted_file> want(stream_id stream, const media::file_name& file,
                         const media::delivery_directives& directives);

class kept_files {
 public:
  static constexpr auto playlist_age = std::chrono::milliseconds(150);  // a part has 334
  static constexpr auto media_age = std::chrono::minutes(2);  // unused; no playlist has it then
  static constexpr auto missing_age = std::chrono::seconds(1);
  static constexpr std::size_t most_missing = 10'000;
  static constexpr std::size_t most_playlists = 4096;

  explicit kept_files(std::size_t most_bytes) : most_bytes_(most_bytes) {}

  /// An answer of 200.
  std::optional<media::cached_answer> find(const wanted_file& what, steady_time now);
  void keep(const wanted_file& what, const media::cached_answer& answer, steady_time now);

  /// The file, or, told without one, the whole stream.
  bool is_missing(const wanted_file& what, steady_time now) const;
  void keep_missing(const wanted_file& what, steady_time now);
  void keep_missing(stream_id stream, steady_time now);

  /// Their streams may have another owner.
  void drop_playlists() { playlists_.clear(); }

  /// What is too old goes.
  void purge(steady_time now);

  std::size_t bytes() const { return bytes_; }

 private:
  struct media_entry {
    std::string address;
    media::cached_answer answer;
    std::size_t bytes = 0;
    steady_time used;
  };

  struct playlist_entry {
    media::cached_answer answer;
    media::playlist_position reaches;  // at least
    steady_time came;
  };

  using position = std::pair<std::int64_t, std::int64_t>;
  static position order(const media::playlist_position& p);
  void keep_missing(std::string key, steady_time now);
  void purge_missing(steady_time now);
  void drop_oldest_media();

  const std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::list<media_entry> media_;  // used last: first
  std::unordered_map<std::string_view, std::list<media_entry>::iterator> by_address_;
  std::unordered_map<std::string, playlist_entry> playlists_;
  std::unordered_map<std::string, steady_time> missing_;         // until when
  std::deque<std::pair<std::string, steady_time>> missing_due_;  // in their order
};

}  // namespace troupe::hls
