// SPDX-License-Identifier: GPL-3.0-or-later
// A client's WebSocket bytes, cut in two ways: whole, and in pieces whose sizes the first byte
// gives. What must hold: both read the same, what is read is bounded and, as text, UTF-8, and after
// a failure nothing is read any more.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "net/ws/frame.hpp"

namespace {

using namespace troupe;
using state = ws::frame_reader::state;

constexpr std::size_t limit = 200;  // small, so that inputs reach it

void check(bool holds) {
  if (!holds) {
    std::abort();
  }
}

struct reading {
  std::vector<std::pair<state, std::string>> seen;
  bool has_failed = false;
  ws::close_code failure{};
  std::uint32_t frames = 0;

  friend bool operator==(const reading&, const reading&) = default;
};

reading read(byte_view data, std::size_t piece_size) {
  ws::frame_reader reader(limit);
  reading r;
  while (!data.empty() && reader.now() != state::failed) {
    const auto piece = data.first(std::min(piece_size, data.size()));
    const auto taken = reader.put(piece);
    check(taken > 0 && taken <= piece.size());
    data = data.subspan(taken);
    if (reader.now() == state::more || reader.now() == state::failed) {
      continue;
    }
    check(reader.payload().size() <= (reader.now() == state::text ? limit : 125));
    check(reader.now() != state::text || ws::is_utf8(reader.payload()));
    r.seen.emplace_back(reader.now(), std::string(as_text(reader.payload())));
  }
  r.has_failed = reader.now() == state::failed;
  r.failure = reader.failure();
  r.frames = reader.frames();
  if (r.has_failed) {
    check(reader.put(data) == data.size());
    check(reader.now() == state::failed);
  }
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const byte_view frames(data + 1, size - 1);
  check(read(frames, size) == read(frames, 1 + data[0] % 16));
  return 0;
}
