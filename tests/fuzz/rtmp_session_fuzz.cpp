// SPDX-License-Identifier: GPL-3.0-or-later
// A whole server session against any peer. The first byte says in how large pieces the input
// arrives (0: at once) and whether the publication is accepted; a valid handshake is put in front
// when its top bit is set, so that inputs need not carry 3 kB of it.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.hpp"
#include "net/rtmp/server_session.hpp"

namespace {

struct run {
  troupe::rtmp::server_session session;
  bool accepts = true;
  bool is_accepted = false;
  bool failed = false;

  void drain() {
    while (auto e = session.next_event()) {
      if (std::holds_alternative<troupe::rtmp::publish_requested>(*e)) {
        if (accepts) {
          is_accepted = true;
          failed = failed || !session.accept();
        } else {
          session.refuse(troupe::rtmp::status_code::bad_name, "no");
        }
      } else if (std::holds_alternative<troupe::media::frame>(*e)) {
        TROUPE_CHECK(is_accepted, "a frame of a publication that was not accepted");
        const auto& frame = std::get<troupe::media::frame>(*e);
        TROUPE_CHECK(!frame.data.empty() && frame.format, "a frame without data or format");
      }
    }
    session.take_output();
  }

  void feed(troupe::byte_view data) {
    if (!failed && session.wants_input()) {
      failed = !session.feed(data);
      drain();
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const unsigned mode = data[0];
  troupe::byte_view input(data + 1, size - 1);
  run r;
  r.accepts = (mode & 0x40U) == 0;
  if ((mode & 0x80U) != 0) {
    troupe::bytes handshake(1 + 2 * troupe::rtmp::handshake_block_size);
    handshake[0] = 3;
    r.feed(handshake);
  }
  const std::size_t piece =
      (mode & 0x3FU) == 0 ? std::max<std::size_t>(input.size(), 1) : mode & 0x3FU;
  while (!input.empty()) {
    const auto count = std::min(piece, input.size());
    r.feed(input.first(count));
    input = input.subspan(count);
  }
  r.session.end_of_input();
  r.drain();
  return 0;
}
