// SPDX-License-Identifier: GPL-3.0-or-later
// A connection's bytes as requests: heads, targets, queries, headers, lengths, chunks. The first
// byte cuts the rest into pieces: however they are cut, the same requests must come out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/asio/request_reader.hpp"
#include "net/http/target.hpp"
#include "net/http/text.hpp"

namespace {

using troupe::byte_view;
using troupe::net::request_reader;
using state = request_reader::state;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void check(const troupe::http::request& r, const troupe::net::request_limits& limits) {
  require(r.path.starts_with('/') && !r.path.contains('\0') && !r.path.contains("/../"));
  require(troupe::http::count_code_points(r.path).has_value());
  require(r.body.size() <= limits.body);
  require(r.headers.size() <= 100 && r.query.size() <= 64);
}

std::string read_all(byte_view data, std::size_t piece, const troupe::net::request_limits& limits) {
  request_reader reader(limits);
  std::string found;
  while (!data.empty() && reader.now() != state::refused) {
    auto part = data.first(std::min(piece, data.size()));
    data = data.subspan(part.size());
    while (!part.empty() && reader.now() != state::refused) {
      const auto used = reader.put(part);
      require(used <= part.size() && (used > 0 || reader.now() == state::complete));
      part = part.subspan(used);
      if (reader.now() == state::complete) {
        const auto r = reader.take();
        check(r, limits);
        found += r.method + " " + r.path + " " + r.body + "\n";
      }
    }
  }
  return found + (reader.now() == state::refused ? "refused" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) {
    return 0;
  }
  const troupe::net::request_limits limits{.head = 1024, .body = 256, .body_for = {}};
  const byte_view rest(data + 1, size - 1);
  const std::size_t piece = 1 + data[0];
  require(read_all(rest, piece, limits) == read_all(rest, size, limits));
  const auto target = troupe::http::parse_target(troupe::as_text(rest));
  if (target) {
    require(target->path.starts_with('/'));
  }
  return 0;
}
