// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/hls/part_download.hpp"

#include <algorithm>
#include <utility>

namespace troupe::hls {

std::optional<std::uint64_t> part_download::next() {
  if (asked_ >= window) {
    return std::nullopt;
  }
  const auto at =
      std::ranges::find_if(chunks_, [](const chunk& c) { return !c.is_asked && !c.data; });
  if (at == chunks_.end()) {
    return std::nullopt;
  }
  at->is_asked = true;
  ++asked_;
  return static_cast<std::uint64_t>(at - chunks_.begin()) * chunk_bytes;
}

void part_download::forget_asked() {
  for (auto& c : chunks_) {
    c.is_asked = false;
  }
  asked_ = 0;
}

bool part_download::take(const part_data& d) {
  if (!total_) {
    if (d.head.total == 0 || d.head.total > largest_file) {
      return false;
    }
    total_ = d.head.total;
    chunks_.resize(static_cast<std::size_t>((*total_ + chunk_bytes - 1) / chunk_bytes));
  }
  const auto expected = std::min<std::uint64_t>(chunk_bytes, d.head.total - d.head.offset);
  if (d.head.total != *total_ || d.head.offset % chunk_bytes != 0 || d.head.offset >= *total_ ||
      d.chunk.size() != expected) {
    return false;
  }
  auto& c = chunks_.at(static_cast<std::size_t>(d.head.offset / chunk_bytes));
  if (!c.data) {
    asked_ -= c.is_asked ? 1 : 0;
    c.data = d.chunk;
    ++come_;
  }
  return true;
}

std::vector<shared_bytes> part_download::take_body() {
  std::vector<shared_bytes> body;
  body.reserve(chunks_.size());
  for (auto& c : chunks_) {
    body.push_back(*std::move(c.data));
  }
  return body;
}

}  // namespace troupe::hls
