// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/target.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include "net/http/text.hpp"

namespace troupe::http {
namespace {

constexpr std::size_t max_query_parameters = 64;  // ours; the page uses three at most

std::unexpected<error> refused(const char* why) {
  return fail(errc::invalid_argument, "invalid_target", why);
}

bool is_control(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet < 0x20 || octet == 0x7F;
}

/// Nothing for a broken escape, and for '/', '\' and control characters however they are spelt.
std::optional<std::string> decode_segment(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      unsigned octet = 0;
      const auto* digits = text.data() + i + 1;
      if (text.size() - i < 3 || std::from_chars(digits, digits + 2, octet, 16) !=
                                     std::from_chars_result{digits + 2, {}}) {
        return std::nullopt;
      }
      c = static_cast<char>(static_cast<std::uint8_t>(octet));
      i += 2;
    }
    if (c == '/' || c == '\\' || is_control(c)) {
      return std::nullopt;
    }
    out.push_back(c);
  }
  return out;
}

result<std::string> decode_path(std::string_view text) {
  std::string path;
  path.reserve(text.size());
  while (!text.empty()) {
    text.remove_prefix(1);  // '/'
    const auto slash = std::min(text.find('/'), text.size());
    const auto segment = decode_segment(text.substr(0, slash));
    text.remove_prefix(slash);
    if (!segment) {
      return refused("the path has a broken or forbidden escape or character");
    }
    if (*segment == "." || *segment == ".." || (segment->empty() && !text.empty())) {
      return refused("the path has an empty, '.' or '..' segment");
    }
    path += '/';
    path += *segment;
  }
  if (!count_code_points(path)) {
    return refused("the path is not UTF-8");
  }
  return path;
}

std::optional<std::string> decode_query_text(std::string_view text) {
  auto decoded = decode_form_value(text);
  if (!decoded || !count_code_points(*decoded) || std::ranges::any_of(*decoded, is_control)) {
    return std::nullopt;
  }
  return decoded;
}

}  // namespace

result<target> parse_target(std::string_view text) {
  if (const auto scheme = text.find("://"); !text.starts_with('/') && scheme != text.npos) {
    const auto name = text.substr(0, scheme);
    if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https")) {
      return refused("the target's scheme is not http");
    }
    text.remove_prefix(scheme + 3);
    text.remove_prefix(std::min(text.find_first_of("/?"), text.size()));
    if (!text.starts_with('/')) {
      // "http://host" and "http://host?a=b" mean its root.
      auto root = parse_target("/" + std::string(text));
      return root;
    }
  }
  if (!text.starts_with('/') || text.contains('#')) {
    return refused("the target must be a path");
  }
  const auto question = std::min(text.find('?'), text.size());
  auto path = decode_path(text.substr(0, question));
  if (!path) {
    return fail(path.error());
  }
  target parsed{*std::move(path), {}};
  auto rest = text.substr(std::min(question + 1, text.size()));
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) {
      continue;
    }
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decode_query_text(pair.substr(0, equals));
    auto value = decode_query_text(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value || parsed.query.size() == max_query_parameters) {
      return refused("the query has a broken escape, a forbidden character or too many parameters");
    }
    parsed.query.emplace_back(*std::move(name), *std::move(value));
  }
  return parsed;
}

}  // namespace troupe::http
