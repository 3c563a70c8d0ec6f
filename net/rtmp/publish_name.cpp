// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/publish_name.hpp"

#include <algorithm>

namespace troupe::rtmp {

namespace {

/// Keys of ours are far shorter; longer ones are nobody's.
constexpr std::size_t longest_key = 256;
/// Flash's name for "no instance".
constexpr std::string_view default_instance = "_definst_";

std::string_view without_query(std::string_view text) {
  return text.substr(0, text.find('?'));
}

std::string_view without_slashes(std::string_view text) {
  const auto begin = text.find_first_not_of('/');
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of('/') - begin + 1);
}

std::string_view last_segment(std::string_view path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7F'; });
}

}  // namespace

publish_name read_publish_name(std::string_view app, std::string_view name) {
  app = without_slashes(without_query(app));
  name = without_slashes(without_query(name));
  const auto slash = app.find('/');
  auto key = last_segment(name);
  if (key.empty() && slash != std::string_view::npos) {
    key = last_segment(app);
  }
  if (key == default_instance || key.size() > longest_key || !is_printable(key)) {
    key = {};
  }
  return {.app = std::string(app.substr(0, slash)), .key = std::string(key)};
}

}  // namespace troupe::rtmp
