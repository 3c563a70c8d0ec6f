// SPDX-License-Identifier: GPL-3.0-or-later
// Relay and room together: what is said arrives at the sockets, also when the room is lost.
#include "tests/unit/actors/chat/relay_fixture.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat::testing {
namespace {

struct has_world {
  world around;
};

struct whole_bench : has_world, runtime::testing::entity_bench {
  whole_bench() : entity_bench(&around.log) {
    node().add_kind<chat_log>(
        [this](const runtime::entity_name&) {
          return std::make_unique<chat_log>(around.log_needs);
        },
        chat_log::options());
    node().add_kind<room>(
        [this](const runtime::entity_name& n) { return std::make_unique<room>(n, around.needs); },
        room::options());
    node().add_kind<room_relay>(
        [this](const runtime::entity_name& n) {
          return std::make_unique<room_relay>(n, relay_needs);
        },
        relay_kind_options());
  }

  result<posted> say(user_id user, std::string text) {
    const post m{.from = who(user),
                 .session = "s" + std::to_string(user),
                 .nonce = std::to_string(++nonces),
                 .text = std::move(text),
                 .reply_to = 0};
    const auto slot = begin(node().open_session(), room_name, m, 2min);
    for (int i = 0; i < 100 && !slot->has_value(); ++i) {
      advance(1s);
    }
    return slot->has_value() ? **slot : fail(errc::internal, "test_waits", "no answer");
  }

  result<joined> enter(std::optional<std::int64_t> after = {}) {
    return ask(node().open_session(), relay_name, join{after});
  }

  const runtime::entity_name room_name{"room", "7"};
  const runtime::entity_name relay_name{"relay", "a/7"};
  recording_sockets sockets;
  relay_metrics relay_counters{around.figures};
  relay_dependencies relay_needs{around.store, sockets, relay_counters};
  int nonces = 0;
};

TEST_CASE("relay and room: what is said arrives once, by the time it is answered",
          "[actors][chat][relay]") {
  whole_bench bench;
  REQUIRE(bench.enter());
  const auto said = bench.say(bob, "Hello");
  REQUIRE(said);
  bench.run();
  CHECK(bench.sockets.seqs == dense(1, 1));
  CHECK(bench.sockets.events[0].find("\"message\":\"Hello\"") != std::string::npos);
  REQUIRE(bench.ask(bench.node().open_session(), bench.room_name,
                    ban_user{.by = who(ada), .user = bob, .duration_s = 60, .reason = ""}));
  bench.advance(3s);
  CHECK(bench.sockets.seqs == dense(1, bench.enter()->last_seq));
  const auto history = text_of(bench.enter(0)->history);
  CHECK(history.find("Hello") == std::string::npos);
  CHECK(history.find(deleted_json(1, said->message_id)) == 0);
}

TEST_CASE("relay and room: a lost room goes on in its numbers", "[actors][chat][relay]") {
  whole_bench bench;
  REQUIRE(bench.enter());
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 3; ++i) {
      REQUIRE(bench.say(ada, "before"));
    }
    ++bench.around.store.rooms[ada].epoch;  // another activation took it: the next write is refused
    const auto during = bench.say(ada, "during");
    INFO("round " << round << (during ? "" : " " + during.error().reason));
    CHECK(bench.say(ada, "after"));
  }
  bench.advance(5s);
  const auto last = bench.around.store.rooms[ada].last_seq;
  CHECK(last >= 20);
  CHECK(bench.sockets.seqs == dense(1, last));
  CHECK(bench.enter()->last_seq == last);
}

}  // namespace
}  // namespace troupe::chat::testing
