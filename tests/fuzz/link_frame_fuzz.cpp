// SPDX-License-Identifier: GPL-3.0-or-later
// What a node's peer sends: whatever decodes, encodes to something that decodes to the same.
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "runtime/link/frame.hpp"

namespace {

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::detail;

bytes encoded(link_frame frame) {
  bytes all;
  for (const auto& piece : encode_frame(std::move(frame))) {
    all.insert(all.end(), piece.begin(), piece.end());
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto frame = decode_frame(byte_view(data, size));
  if (!frame) {
    return 0;
  }
  for (const auto& e : frame->envelopes) {
    TROUPE_CHECK(e.body.size() <= largest_envelope, "a body within its bound");
    TROUPE_CHECK(weight(e) >= e.body.size(), "a body counts");
  }
  const auto once = encoded(std::move(*frame));
  auto again = decode_frame(once);
  TROUPE_CHECK(again, "what is encoded decodes");
  TROUPE_CHECK(encoded(std::move(*again)) == once, "and to the same");
  return 0;
}
