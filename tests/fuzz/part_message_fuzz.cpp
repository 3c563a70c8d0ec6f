// SPDX-License-Identifier: GPL-3.0-or-later
// What a node of another version, or a wrong one, sends of a stream's files. First byte: even for a
// request, odd for pieces of a file, each with its length in front (u16), in the order they come.
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "net/hls/part_download.hpp"
#include "net/hls/part_messages.hpp"

using namespace troupe;
using namespace troupe::hls;

namespace {

void check_request(byte_view body) {
  const auto asked = decode_get(body);
  if (!asked) {
    return;
  }
  TROUPE_CHECK(asked->file.size() <= longest_address, "addresses are bounded");
  const auto d = directives_of(*asked);
  TROUPE_CHECK(d.msn || !d.part, "a part is one of a segment");
  const auto again = decode_get(runtime::encode(*asked));
  TROUPE_CHECK(again && again->file == asked->file, "what decodes, encodes to the same");
}

void check_pieces(byte_reader in) {
  part_download file;
  std::size_t taken = 0;
  while (in.left() > 0 && !file.is_complete()) {
    const auto piece = in.take(in.u16());
    const auto d = decode_data(bytes(piece.begin(), piece.end()));
    if (!in.ok() || !d) {
      break;
    }
    TROUPE_CHECK(d->chunk.size() <= piece.size(), "no more than came");
    TROUPE_CHECK(d->head.offset + d->chunk.size() <= d->head.total, "within the file");
    static_cast<void>(file.next());
    taken += file.take(*d) ? d->chunk.size() : 0;
  }
  if (file.is_complete()) {
    std::size_t size = 0;
    for (const auto& piece : file.take_body()) {
      size += piece.size();
    }
    TROUPE_CHECK(size == file.size() && size <= taken, "a file is its pieces");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_reader in(byte_view(data, size));
  if (in.u8() % 2 == 0) {
    check_request(in.rest());
  } else {
    check_pieces(in);
  }
  return 0;
}
