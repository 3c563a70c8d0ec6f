// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <spdlog/fmt/fmt.h>

namespace troupe::http {
namespace {

struct range {
  std::optional<std::uint64_t> first;  ///< none: the last `last` bytes
  std::optional<std::uint64_t> last;
};

/// Outer nothing: not a number; inner nothing: empty.
std::optional<std::optional<std::uint64_t>> number(std::string_view text) {
  if (text.empty()) {
    return std::optional<std::uint64_t>{};
  }
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return std::optional(value);
}

std::optional<range> parse(std::string_view text) {
  constexpr std::string_view unit = "bytes=";
  const auto dash = text.find('-');
  if (!text.starts_with(unit) || dash == text.npos) {
    return std::nullopt;
  }
  const auto first = number(text.substr(unit.size(), dash - unit.size()));
  const auto last = number(text.substr(dash + 1));
  const bool well_formed =
      first && last && (*first || *last) && !(*first && *last && **last < **first);
  return well_formed ? std::optional(range{*first, *last}) : std::nullopt;
}

std::vector<shared_bytes> cut(const std::vector<shared_bytes>& body, std::size_t first,
                              std::size_t count) {
  std::vector<shared_bytes> part;
  for (const auto& buffer : body) {
    if (first >= buffer.size()) {
      first -= buffer.size();
      continue;
    }
    const auto taken = std::min(buffer.size() - first, count);
    if (taken == 0) {
      break;
    }
    part.push_back(buffer.slice(first, taken));
    count -= taken;
    first = 0;
  }
  return part;
}

}  // namespace

void apply_range(response& whole, std::string_view range_header) {
  const auto wanted = parse(range_header);
  if (whole.status != 200 || !wanted) {
    return;
  }
  std::uint64_t total = 0;
  for (const auto& buffer : whole.body) {
    total += buffer.size();
  }
  std::uint64_t first = 0;
  std::uint64_t end = total;
  if (wanted->first) {
    first = std::min(*wanted->first, total);
    end = wanted->last ? std::min(*wanted->last, total - 1) + 1 : total;
  } else {
    first = total - std::min(*wanted->last, total);
  }
  if (total == 0 || first >= total) {
    whole.status = 416;
    whole.headers.emplace_back("Content-Range", fmt::format("bytes */{}", total));
    whole.body.clear();
    return;
  }
  whole.status = 206;
  whole.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", first, end - 1, total));
  whole.body = cut(whole.body, first, end - first);
}

}  // namespace troupe::http
