// SPDX-License-Identifier: GPL-3.0-or-later
// FLV tag bodies, several after one another so that configurations and frames meet. Each record: a
// byte (bit 0: video, otherwise audio), a 16-bit size, a 32-bit timestamp, the body.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/check.hpp"
#include "net/rtmp/flv_demuxer.hpp"

namespace {

/// A frame's bytes are a slice of its message, or a copy of a part of it.
bool is_part_of(troupe::byte_view part, troupe::byte_view whole) {
  const std::less_equal<const std::uint8_t*> before;
  const auto* const end = whole.data() + whole.size();
  if (before(whole.data(), part.data()) && before(part.data(), end)) {
    return before(part.data() + part.size(), end);
  }
  return !std::ranges::search(whole, part).empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  troupe::byte_reader in({data, size});
  troupe::rtmp::flv_demuxer demuxer;
  std::array<std::int64_t, 2> last{INT64_MIN, INT64_MIN};
  while (in.left() > 0) {
    const bool is_video = (in.u8() & 1U) != 0;
    const std::size_t length = in.u16();
    const auto timestamp = in.u32();
    const auto body = in.take(std::min(length, in.left()));
    const troupe::shared_bytes owned(troupe::bytes(body.begin(), body.end()));
    const auto d = is_video ? demuxer.video(timestamp, owned) : demuxer.audio(timestamp, owned);
    if (d.frame) {
      auto& before = last[static_cast<std::size_t>(d.frame->track)];
      TROUPE_CHECK(d.frame->dts_ms >= before, "decoding times never go back on a track");
      before = d.frame->dts_ms;
      TROUPE_CHECK(!d.frame->data.empty() && d.frame->format, "a frame has data and a format");
      TROUPE_CHECK(is_part_of(d.frame->data.view(), owned.view()), "a frame is of its message");
    }
  }
  return 0;
}
