// SPDX-License-Identifier: GPL-3.0-or-later
#include "media/cache_address.hpp"

#include <charconv>

namespace troupe::media {
namespace {

/// Decimal digits only, and few enough to stay far below overflow.
std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > 15 || text.find_first_not_of("0123456789") != text.npos) {
    return std::nullopt;
  }
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "120.3", "120-122", "120"
void parse_media_name(std::string_view name, file_name& f) {
  const auto split = name.find_first_of(".-");
  const auto first = number(name.substr(0, split));
  const auto second = split == name.npos ? first : number(name.substr(split + 1));
  if (first && second) {
    f.kind = split != name.npos && name[split] == '.' ? file_kind::part : file_kind::segment;
    f.first = *first;
    f.second = *second;
  }
}

}  // namespace

file_name parse_file(std::string_view file) {
  file_name f;
  if (file == "master.m3u8") {
    f.kind = file_kind::master;
    return f;
  }
  const auto slash = file.find('/');
  if (slash == file.npos) {
    return f;
  }
  f.rendition = file.substr(0, slash);
  auto name = file.substr(slash + 1);
  if (name == usual_playlist || name == long_playlist) {
    f.kind = file_kind::playlist;
    f.playlist_view = name == usual_playlist ? view::usual : view::long_gop;
  } else if (name.starts_with("init-") && name.ends_with(".mp4")) {
    if (const auto n = number(name.substr(5, name.size() - 9))) {
      f.kind = file_kind::init;
      f.first = *n;
    }
  } else if (name.ends_with(".m4s")) {
    parse_media_name(name.substr(0, name.size() - 4), f);
  }
  return f;
}

directives parse_directives(const delivery_directives& d) {
  directives out;
  if (d.skip) {
    if (*d.skip != "YES" && *d.skip != "v2") {
      out.wrong = "_HLS_skip must be YES or v2.";
    }
    out.delta = true;
  }
  if (d.part && !d.msn) {
    out.wrong = "_HLS_part needs _HLS_msn.";
  }
  if (d.msn) {
    const auto msn = number(*d.msn);
    const auto part = d.part ? number(*d.part) : std::optional<std::int64_t>(-1);
    if (!msn || !part) {
      out.wrong = "_HLS_msn and _HLS_part must be decimal integers.";
    } else {
      out.wanted = playlist_position{*msn, *part};
    }
  }
  return out;
}

}  // namespace troupe::media
