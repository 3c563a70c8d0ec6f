// SPDX-License-Identifier: GPL-3.0-or-later
// Every behaviour's state can travel. Most are tried with their behaviours; here are kinds that
// live as long as their activation.
#include <type_traits>

#include <catch2/catch.hpp>

#include "actors/chat/chat_log.hpp"
#include "actors/chat/room_relay.hpp"
#include "actors/presence/reporter.hpp"
#include "actors/stream/stream_replica.hpp"
#include "runtime/behaviour.hpp"
#include "runtime/testing/round_trip.hpp"

namespace troupe {
namespace {

using runtime::keep;
using runtime::testing::round_trip;

template <class B>
bool holds_nothing() {
  return std::is_empty_v<typename B::state> && B::keep == keep::none &&
         round_trip(typename B::state{});
}

}  // namespace

TEST_CASE("states: what a chat log, a relay and a presence reporter know dies with them",
          "[actors][state]") {
  CHECK(holds_nothing<chat::chat_log>());
  CHECK(holds_nothing<chat::room_relay>());
  CHECK(holds_nothing<presence::reporter>());
}

TEST_CASE("states: a replica's comes out as it went in", "[actors][state]") {
  CHECK(round_trip(stream::stream_replica::state{7, 1'000'000'000'000}));
}

}  // namespace troupe
