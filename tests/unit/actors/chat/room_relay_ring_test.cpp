// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/room_relay_ring.hpp"

#include <catch2/catch.hpp>

namespace troupe::chat {

TEST_CASE("relay_ring: says of a broadcast whose it is and what it quotes", "[actors][chat]") {
  relay_ring ring;
  event said;
  said.seq = 1;
  said.message_id = 101;
  said.user = 5;
  said.text = "hello";
  ring.append(said);
  event reply = said;
  reply.seq = 2;
  reply.message_id = 102;
  reply.user = 6;
  reply.reply_to = quote{.message_id = 101, .user = 5, .username = "aya", .text = "hello"};
  ring.append(reply);
  const auto first = ring.at(1);
  CHECK(first.message_id == 101);
  CHECK(first.author == 5);
  CHECK(first.quoted_id == 0);
  const auto second = ring.at(2);
  CHECK(second.message_id == 102);
  CHECK(second.author == 6);
  CHECK(second.quoted_id == 101);
  CHECK(second.quoted_author == 5);
  event gone;
  gone.seq = 3;
  gone.kind = event_kind::deleted;
  gone.message_id = 101;
  ring.append(gone);
  CHECK(ring.at(1).message_id == 0);
  CHECK(ring.at(1).author == 0);
  CHECK(ring.at(2).message_id == 102);
  CHECK(ring.at(2).quoted_id == 0);  // its text is gone already
  CHECK(ring.at(3).message_id == 0);
}

}  // namespace troupe::chat
