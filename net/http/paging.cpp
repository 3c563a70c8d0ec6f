// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/http/paging.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::http {
namespace {

constexpr std::size_t longest_cursor = 256;  // characters

}  // namespace

result<page_request> read_page_request(const request& r) {
  page_request wanted;
  if (const auto limit = r.query_value("limit")) {
    const auto* last = limit->data() + limit->size();
    const auto [end, failure] = std::from_chars(limit->data(), last, wanted.limit);
    if (failure != std::errc() || end != last || wanted.limit < 1 || wanted.limit > 100) {
      return fail(errc::invalid_argument, "\"limit\" must be a whole number from 1 to 100");
    }
  }
  if (const auto cursor = r.query_value("cursor")) {
    const bool is_plain = std::ranges::all_of(*cursor, [](char x) { return x > ' ' && x < 0x7f; });
    if (cursor->empty() || cursor->size() > longest_cursor || !is_plain) {
      return fail(errc::invalid_argument, "\"cursor\" is not one of ours");
    }
    wanted.cursor = *cursor;
  }
  return wanted;
}

}  // namespace troupe::http
