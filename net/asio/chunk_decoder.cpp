// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/chunk_decoder.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::net {
namespace {

// A chunk's size with its extensions, and all trailers together: nobody sends more than a few
// bytes.
constexpr std::size_t max_line = 1024;
constexpr std::size_t max_trailers = 4 * 1024;

bool is_forbidden(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return (octet < 0x20 && c != '\t') || octet == 0x7F;
}

}  // namespace

std::size_t chunk_decoder::put(std::string_view text, std::string& body, std::size_t limit) {
  const auto whole = text.size();
  while (!text.empty() && now_ == state::more) {
    if (step_ == step::data) {
      const auto taken = std::min(left_, text.size());
      body.append(text.substr(0, taken));
      text.remove_prefix(taken);
      left_ -= taken;
      if (left_ == 0) {
        step_ = step::data_end;
      }
      continue;
    }
    text.remove_prefix(put_line(text));
    if (now_ == state::more && line_.ends_with('\n')) {
      on_line(limit - body.size());
      line_.clear();
    }
  }
  return whole - text.size();
}

std::size_t chunk_decoder::put_line(std::string_view text) {
  const auto end = text.find('\n');
  const auto taken = end == text.npos ? text.size() : end + 1;
  if (line_.size() + taken > max_line) {
    now_ = state::malformed;
    return taken;
  }
  line_.append(text.substr(0, taken));
  return taken;
}

void chunk_decoder::on_line(std::size_t room) {
  const std::string_view line = line_;
  const bool has_end = line.ends_with("\r\n");
  const auto content = line.substr(0, line.size() - std::min<std::size_t>(2, line.size()));
  if (!has_end || std::ranges::any_of(content, is_forbidden)) {
    now_ = state::malformed;
    return;
  }
  if (step_ == step::size) {
    read_size(room);
  } else if (step_ == step::data_end) {
    now_ = content.empty() ? state::more : state::malformed;
    step_ = step::size;
  } else if (content.empty()) {
    now_ = state::complete;
  } else {
    trailer_bytes_ += content.size();
    now_ = trailer_bytes_ > max_trailers ? state::malformed : now_;
  }
}

void chunk_decoder::read_size(std::size_t room) {
  const auto* begin = line_.data();
  const auto* end = begin + line_.size() - 2;
  std::uint64_t size = 0;
  const auto [stop, problem] = std::from_chars(begin, end, size, 16);
  if (problem == std::errc::result_out_of_range) {
    now_ = state::too_large;
    return;
  }
  // What follows the digits is an extension, maybe after white space.
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  const auto first = rest.find_first_not_of(" \t");
  if (problem != std::errc{} || (first == rest.npos ? !rest.empty() : rest[first] != ';')) {
    now_ = state::malformed;
  } else if (size > room) {
    now_ = state::too_large;
  } else {
    left_ = size;
    step_ = size == 0 ? step::trailer : step::data;
  }
}

}  // namespace troupe::net
