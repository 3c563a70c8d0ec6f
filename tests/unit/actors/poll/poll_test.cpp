// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/poll/poll.hpp"

#include <catch2/catch.hpp>

#include "runtime/testing/cluster_bench.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "runtime/testing/round_trip.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using poll::cast_vote;
using poll::close_poll;
using poll::open_poll;
using poll::poll_result;
using poll::read_poll;

namespace {

const runtime::entity_name lunch{"poll", "lunch"};

struct poll_bench : runtime::testing::entity_bench {
  explicit poll_bench(runtime::testing::memory_entity_log* log = nullptr,
                      std::uint64_t incarnation = 1)
      : entity_bench(log, incarnation) {
    node().add_kind<poll::poll>(
        [](const runtime::entity_name&) { return std::make_unique<poll::poll>(); },
        {.idle = 10min});
  }
};

}  // namespace

TEST_CASE("poll: counts one vote a user", "[actors][poll]") {
  poll_bench bench;
  REQUIRE(bench.ask(lunch, open_poll{"What is for lunch?", {"rice", "bread"}, 60s}));

  CHECK(bench.ask(lunch, cast_vote{1, "rice"}));
  CHECK(bench.ask(lunch, cast_vote{1, "bread"}).error().reason == "already_voted");
  CHECK(bench.ask(lunch, cast_vote{2, "soup"}).error().reason == "no_such_choice");

  const auto seen = bench.ask(lunch, read_poll{});
  REQUIRE(seen);
  CHECK(seen->is_open);
  CHECK(seen->votes == std::map<std::string, std::int64_t>{{"bread", 0}, {"rice", 1}});
}

TEST_CASE("poll: refuses what is not a poll", "[actors][poll]") {
  poll_bench bench;
  CHECK(bench.ask(lunch, read_poll{}).error().code == errc::not_found);
  CHECK(bench.ask(lunch, cast_vote{1, "rice"}).error().reason == "poll_closed");
  CHECK(bench.ask(lunch, open_poll{"", {"a", "b"}, 60s}).error().reason == "invalid_question");
  CHECK(bench.ask(lunch, open_poll{"?", {"a"}, 60s}).error().reason == "invalid_choices");
  CHECK(bench.ask(lunch, open_poll{"?", {"a", ""}, 60s}).error().reason == "invalid_choices");
  CHECK(bench.ask(lunch, open_poll{"?", {"a", "b"}, 0s}).error().reason == "invalid_time");
  REQUIRE(bench.ask(lunch, open_poll{"?", {"a", "b"}, 60s}));
  CHECK(bench.ask(lunch, open_poll{"?", {"a", "b"}, 60s}).error().reason == "already_opened");
}

TEST_CASE("poll: closes when its time is over", "[actors][poll]") {
  poll_bench bench;
  REQUIRE(bench.ask(lunch, open_poll{"?", {"a", "b"}, 60s}));
  bench.advance(59s);
  CHECK(bench.ask(lunch, cast_vote{1, "a"}));
  bench.advance(1s);
  CHECK(bench.ask(lunch, cast_vote{2, "a"}).error().reason == "poll_closed");
  CHECK_FALSE(bench.ask(lunch, read_poll{})->is_open);
}

TEST_CASE("poll: goes on where it was on the next node", "[actors][poll]") {
  runtime::testing::memory_entity_log log;
  {
    poll_bench first(&log, 1);
    REQUIRE(first.ask(lunch, open_poll{"?", {"a", "b"}, 60s}));
    REQUIRE(first.ask(lunch, cast_vote{1, "a"}));
  }  // lost, without a passivation
  poll_bench second(&log, 2);
  CHECK(second.ask(lunch, cast_vote{1, "b"}).error().reason == "already_voted");
  CHECK(second.ask(lunch, read_poll{})->votes.at("a") == 1);
  second.advance(60s);
  CHECK_FALSE(second.ask(lunch, read_poll{})->is_open);
}

TEST_CASE("poll: goes on while it moves, and when its node dies", "[actors][poll]") {
  runtime::testing::cluster_bench cluster;  // nodes a, b and c
  cluster.add_kind<poll::poll>(
      [](const runtime::entity_name&) { return std::make_unique<poll::poll>(); });
  REQUIRE(cluster.ask("a", lunch, open_poll{"?", {"a", "b"}, 60s}));
  REQUIRE(cluster.ask("b", lunch, cast_vote{1, "a"}));

  const auto* next = cluster.home_of(lunch) == "b" ? "c" : "b";
  REQUIRE(cluster.move(lunch, next));
  CHECK(cluster.ask("a", lunch, cast_vote{1, "b"}).error().reason == "already_voted");
  cluster.crash(next);
  CHECK(cluster.ask("a", lunch, read_poll{})->votes.at("a") == 1);
}

TEST_CASE("poll: everything it is made of can travel", "[actors][poll]") {
  runtime::message_registry registry;
  registry.add(poll::poll::messages{});
  using runtime::testing::round_trip;
  using runtime::testing::round_trip_by_name;
  CHECK(round_trip_by_name(registry, open_poll{"?", {"a", "b"}, 60s}));
  CHECK(round_trip_by_name(registry, cast_vote{7, "a"}));
  CHECK(round_trip_by_name(registry, read_poll{}));
  CHECK(round_trip_by_name(registry, close_poll{}));
  CHECK(round_trip(poll_result{"?", true, {{"a", 1}}}));
  CHECK(round_trip(poll::poll::state{"?", true, from_unix_ms(1), {{"a", 1}}, {7, 8}}));
}
