// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/kept_files.hpp"

#include <limits>

#include <spdlog/fmt/fmt.h>

namespace troupe::hls {
namespace {

using media::file_kind;

constexpr std::size_t entry_bytes = 256;  // about, beside the media

/// Numbers come with or without leading zeros; here without.
std::string written(const media::file_name& f) {
  switch (f.kind) {
    case file_kind::master:
      return "master.m3u8";
    case file_kind::playlist:
      return fmt::format(
          "{}/{}", f.rendition,
          f.playlist_view == media::view::usual ? media::usual_playlist : media::long_playlist);
    case file_kind::init:
      return fmt::format("{}/init-{}.mp4", f.rendition, f.first);
    case file_kind::part:
      return fmt::format("{}/{}.{}.m4s", f.rendition, f.first, f.second);
    case file_kind::segment:
      return f.first == f.second ? fmt::format("{}/{}.m4s", f.rendition, f.first)
                                 : fmt::format("{}/{}-{}.m4s", f.rendition, f.first, f.second);
    default:
      return {};
  }
}

}  // namespace

std::string wanted_file::address() const {
  return fmt::format("{}/{}{}", stream, file, is_delta ? "?delta" : "");
}

std::string wanted_file::key() const {
  return position ? fmt::format("{}@{}.{}", address(), position->msn, position->part) : address();
}

result<wanted_file> want(stream_id stream, const media::file_name& file,
                         const media::delivery_directives& directives) {
  wanted_file w{.stream = stream, .file = written(file), .kind = file.kind};
  if (file.kind == file_kind::playlist) {
    const auto asked = media::parse_directives(directives);
    if (!asked.wrong.empty()) {
      return fail(errc::invalid_argument, std::string(asked.wrong));
    }
    w.position = asked.wanted;
    w.is_delta = asked.delta;
  }
  return w;
}

kept_files::position kept_files::order(const media::playlist_position& p) {
  return {p.msn, p.part < 0 ? std::numeric_limits<std::int64_t>::max() : p.part};
}

std::optional<media::cached_answer> kept_files::find(const wanted_file& what, steady_time now) {
  if (what.is_media()) {
    const auto at = by_address_.find(what.address());
    if (at == by_address_.end()) {
      return std::nullopt;
    }
    media_.splice(media_.begin(), media_, at->second);
    at->second->used = now;
    return at->second->answer;
  }
  const auto at = playlists_.find(what.address());
  const bool fits = at != playlists_.end() && now - at->second.came < playlist_age &&
                    (!what.position || order(*what.position) <= order(at->second.reaches));
  return fits ? std::optional(at->second.answer) : std::nullopt;
}

void kept_files::keep(const wanted_file& what, const media::cached_answer& answer,
                      steady_time now) {
  auto address = what.address();
  if (!what.is_media()) {
    const auto reaches = what.position.value_or(media::playlist_position{-1, 0});
    const auto at = playlists_.find(address);
    if (at == playlists_.end() && playlists_.size() >= most_playlists) {
      return;  // the next one asks again
    }
    // A late answer to an early question says nothing of what the newer one reaches.
    if (at == playlists_.end() || now - at->second.came >= playlist_age ||
        order(reaches) >= order(at->second.reaches)) {
      playlists_.insert_or_assign(std::move(address), playlist_entry{answer, reaches, now});
    }
    return;
  }
  std::size_t size = entry_bytes;
  for (const auto& piece : answer.body) {
    size += piece.size();
  }
  if (size > most_bytes_ || by_address_.contains(address)) {
    return;
  }
  media_.push_front({std::move(address), answer, size, now});
  by_address_.emplace(media_.front().address, media_.begin());
  bytes_ += size;
  while (bytes_ > most_bytes_) {
    drop_oldest_media();
  }
}

void kept_files::drop_oldest_media() {
  const auto& oldest = media_.back();
  bytes_ -= oldest.bytes;
  by_address_.erase(oldest.address);
  media_.pop_back();
}

bool kept_files::is_missing(const wanted_file& what, steady_time now) const {
  const auto has = [&](const std::string& key) {
    const auto at = missing_.find(key);
    return at != missing_.end() && now < at->second;
  };
  return has(std::to_string(what.stream)) || has(what.key());
}

void kept_files::keep_missing(const wanted_file& what, steady_time now) {
  keep_missing(what.key(), now);
}

void kept_files::keep_missing(stream_id stream, steady_time now) {
  keep_missing(std::to_string(stream), now);
}

void kept_files::keep_missing(std::string key, steady_time now) {
  purge_missing(now);
  if (missing_.size() >= most_missing) {
    missing_.erase(missing_due_.front().first);
    missing_due_.pop_front();
  }
  const auto until = now + missing_age;
  if (missing_.emplace(key, until).second) {
    missing_due_.emplace_back(std::move(key), until);
  }
}

void kept_files::purge(steady_time now) {
  purge_missing(now);
  while (!media_.empty() && now - media_.back().used >= media_age) {
    drop_oldest_media();
  }
  std::erase_if(playlists_,
                [&](const auto& entry) { return now - entry.second.came >= playlist_age; });
}

void kept_files::purge_missing(steady_time now) {
  while (!missing_due_.empty() && missing_due_.front().second <= now) {
    missing_.erase(missing_due_.front().first);
    missing_due_.pop_front();
  }
}

}  // namespace troupe::hls
