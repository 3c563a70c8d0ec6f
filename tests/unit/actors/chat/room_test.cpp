// SPDX-License-Identifier: GPL-3.0-or-later
// What is said: numbers, order, repetition, limits.
#include "actors/chat/room.hpp"

#include "runtime/testing/round_trip.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

}  // namespace

TEST_CASE("room: numbers what is said, and shows it when it is stored", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  const auto first = bench.say(bob, "Hello");
  REQUIRE(first);
  CHECK(first->seq == 1);
  CHECK(first->text == "Hello");
  CHECK_FALSE(first->is_held);
  const auto second = bench.say(eve, "Hi");
  REQUIRE(second);
  CHECK(second->seq == 2);
  CHECK(second->message_id > first->message_id);
  const auto shown = bench.shown("a/7");
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].seq == 1);
  CHECK(shown[0].user == bob);
  CHECK(shown[0].username == "bob");
  CHECK(shown[0].text == "Hello");
  CHECK(shown[0].message_id == first->message_id);
  CHECK(shown[0].created_ms == first->created_ms);
  REQUIRE(bench.stored().events.size() == 2);
  CHECK(bench.stored().events[1].text == "Hi");
  CHECK(bench.stored().last_seq == 2);
}

TEST_CASE("room: says nothing before it is stored", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.say(ada, "known"));
  bench.hold_jobs(true);
  const auto slot = bench.begin_say(ada, "not yet");
  bench.run();
  CHECK_FALSE(slot->has_value());
  CHECK(bench.shown("a/7").size() == 1);
  CHECK(bench.subscribe_as("b/7")->events.size() == 1);
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(slot->has_value());
  CHECK((**slot)->seq == 2);
  CHECK(bench.shown("a/7").size() == 2);
}

TEST_CASE("room: gathers what comes while a batch is on its way", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.say(ada, "warm"));
  const auto before = w.store.appends;
  bench.hold_jobs(true);
  std::vector<answer> slots;
  for (int i = 0; i < 50; ++i) {
    slots.push_back(bench.begin_say(ada, "m" + std::to_string(i)));
    bench.run();
  }
  bench.hold_jobs(false);
  bench.run();
  for (int i = 0; i < 50; ++i) {
    REQUIRE(slots[static_cast<std::size_t>(i)]->has_value());
    CHECK((**slots[static_cast<std::size_t>(i)])->seq == i + 2);
  }
  CHECK(w.store.appends - before == 2);
}

TEST_CASE("room: one sender's order holds while their record is read", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.say(ada, "warm"));
  bench.hold_jobs(true);
  std::vector<answer> slots;
  for (int i = 0; i < 5; ++i) {
    slots.push_back(bench.begin_say(bob, "b" + std::to_string(i)));
  }
  const auto other = bench.begin_say(ada, "in between");
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK(w.store.member_reads == 1);
  std::int64_t last = 0;
  for (const auto& s : slots) {
    REQUIRE(s->has_value());
    REQUIRE(**s);
    CHECK((**s)->seq > last);
    last = (**s)->seq;
  }
  REQUIRE(other->has_value());
  CHECK((**other)->seq == 2);  // did not wait for bob's record
}

TEST_CASE("room: a repeated nonce is said once and answered the same", "[actors][chat]") {
  world w;
  std::optional<posted> first;
  {
    room_bench bench(w);
    const auto said = bench.say(bob, "once", "n1");
    REQUIRE(said);
    first = *said;
    const auto again = bench.say(bob, "once", "n1");
    REQUIRE(again);
    CHECK(again->seq == first->seq);
    CHECK(again->message_id == first->message_id);
    CHECK(reason(bench.say(bob, "other", "n1")) == "nonce_reused");
    CHECK(reason(bench.say(bob, "once", "n1", 5)) == "nonce_reused");
    CHECK(bench.say(eve, "once", "n1")->seq == 2);  // another session
  }
  SECTION("also by the next activation, of which nobody took leave") {
    room_bench bench(w, 2);
    const auto again = bench.say(bob, "once", "n1");
    REQUIRE(again);
    CHECK(again->seq == first->seq);
    CHECK(again->message_id == first->message_id);
    CHECK(again->text == "once");
    CHECK(again->created_ms == first->created_ms);
    CHECK(reason(bench.say(bob, "other", "n1")) == "nonce_reused");
    CHECK(bench.stored().events.size() == 2);
    CHECK(bench.say(bob, "next", "n2")->seq == 3);
  }
  SECTION("and not for longer than 10 minutes") {
    room_bench bench(w, 2);
    bench.advance(10min + 1s);
    CHECK(bench.say(bob, "other", "n1")->seq == 3);
  }
}

TEST_CASE("room: a nonce repeated before it is durable shares the outcome", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.say(ada, "warm"));
  bench.hold_jobs(true);
  const auto first = bench.begin_say(ada, "x", "n");
  const auto second = bench.begin_say(ada, "x", "n");
  const auto other = bench.begin_say(ada, "y", "n");
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(first->has_value());
  REQUIRE(second->has_value());
  CHECK((**first)->seq == 2);
  CHECK((**second)->seq == 2);
  CHECK(reason(**other) == "nonce_reused");
  CHECK(bench.stored().events.size() == 2);
}

TEST_CASE("room: refuses what is no message", "[actors][chat]") {
  world w;
  room_bench bench(w);
  CHECK(reason(bench.say(bob, "")) == "invalid_message");
  CHECK(reason(bench.say(bob, "a\nb")) == "invalid_message");
  CHECK(reason(bench.say(bob, "\xFF")) == "invalid_message");
  CHECK(reason(bench.say(bob, std::string(501, 'x'))) == "invalid_message");
  CHECK(reason(bench.say(bob, "x", std::string(65, 'n'))) == "invalid_nonce");
  CHECK(reason(bench.say(bob, "x", "a\x01")) == "invalid_nonce");
  CHECK(reason(bench.say(0, "x")) == "unauthenticated");
  CHECK(reason(bench.say(99, "x")) == "not_found");
  CHECK(bench.refused("invalid_message") == 4);
  CHECK(bench.stored().events.empty());
  CHECK(bench.say(bob, "e\u0301")->text == "\u00E9");
}

TEST_CASE("room: twenty messages in 30 s, moderators and the owner 300", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.command(ada, set_moderator{who(ada), mia, true}));
  const auto most_of = [&](user_id user) {
    int said = 0;
    while (said < 400) {
      const auto r = bench.say(user, "x");
      if (!r) {
        CHECK(r.error().reason == "rate_limited");
        CHECK(r.error().retry_after == 30'000ms);
        break;
      }
      ++said;
    }
    return said;
  };
  CHECK(most_of(bob) == 20);
  CHECK(most_of(mia) == 300);
  CHECK(most_of(ada) == 300);
  CHECK(most_of(root) == 300);
  bench.advance(29s);
  CHECK(bench.say(bob, "x").error().retry_after == 1000ms);
  bench.advance(1s);
  CHECK(most_of(bob) == 20);
  SECTION("0 turns a limit off") {
    w.needs.settings.user_rate = 0;
    CHECK(most_of(eve) == 400);
  }
}

TEST_CASE("room: the limit outlives the activation", "[actors][chat]") {
  world w;
  {
    room_bench bench(w);
    for (int i = 0; i < 20; ++i) {
      REQUIRE(bench.say(bob, "x"));
    }
  }
  room_bench bench(w, 2);
  bench.time().advance(10s);
  const auto r = bench.say(bob, "x");
  CHECK(reason(r) == "rate_limited");
  CHECK(r.error().retry_after == 20'000ms);
}

TEST_CASE("room: slow mode is for users", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.command(ada, set_mode{who(ada), 60, false, {}}));
  REQUIRE(bench.say(bob, "one"));
  bench.advance(45s);
  const auto r = bench.say(bob, "two");
  CHECK(reason(r) == "slow_mode");
  CHECK(r.error().retry_after == 15'000ms);
  CHECK(bench.say(eve, "mine"));
  CHECK(bench.say(ada, "one"));
  CHECK(bench.say(ada, "two"));
  bench.advance(15s);
  CHECK(bench.say(bob, "two"));
}

TEST_CASE("room: followers only, with a least age", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.command(ada, set_mode{who(ada), {}, true, 600}));
  CHECK(reason(bench.say(bob, "x")) == "followers_only");
  const auto before = w.store.member_reads;
  for (int i = 0; i < 10; ++i) {
    CHECK(bench.say(bob, "x").error().retry_after == 0ms);
  }
  CHECK(w.store.member_reads == before);  // a refusal is believed for a while
  w.store.follows[{ada, bob}] = bench.time().wall();
  bench.advance(3s);
  w.store.follows[{ada, bob}] = bench.time().wall();
  const auto young = bench.say(bob, "x");  // read again: the record in memory says no
  CHECK(reason(young) == "followers_only");
  CHECK(young.error().retry_after == 600'000ms);
  bench.advance(600s);
  CHECK(bench.say(bob, "x"));
  const auto reads = w.store.member_reads;
  CHECK(bench.say(bob, "y"));
  CHECK(w.store.member_reads == reads);
  CHECK(bench.say(ada, "the owner"));
  w.store.follows.erase({ada, bob});
  CHECK(bench.say(bob, "for a minute at most"));
  bench.advance(61s);
  CHECK(reason(bench.say(bob, "z")) == "followers_only");
  REQUIRE(bench.command(ada, set_mode{who(ada), {}, true, {}}));
  CHECK(bench.say(eve, "open again"));
}

TEST_CASE("room: whoever follows after a refusal may speak at once", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.command(ada, set_mode{who(ada), {}, true, 0}));
  CHECK(reason(bench.say(bob, "x")) == "followers_only");
  SECTION("the room is told") {
    w.store.follows[{ada, bob}] = bench.time().wall();
    bench.tell_room(follow_changed{bob});
    CHECK(bench.say(bob, "y"));
    w.store.follows.erase({ada, bob});
    bench.tell_room(follow_changed{bob});
    CHECK(reason(bench.say(bob, "z")) == "followers_only");
  }
  SECTION("while it reads what was before") {
    bench.advance(3s);
    bench.hold_jobs(true);
    const auto early = bench.begin_say(bob, "early");
    bench.run();
    REQUIRE(bench.run_job());  // it read that they do not follow
    w.store.follows[{ada, bob}] = bench.time().wall();
    bench.node().tell(bench.default_session(), bench.name, follow_changed{bob});
    bench.hold_jobs(false);
    bench.run();
    CHECK(reason(**early) == "followers_only");
    CHECK(bench.say(bob, "late"));
  }
}

TEST_CASE("room: who is refused for not following is refused less often", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.command(ada, set_mode{who(ada), {}, true, 0}));
  for (int i = 0; i < 20; ++i) {
    CHECK(reason(bench.say(bob, "x")) == "followers_only");
  }
  CHECK(reason(bench.say(bob, "x")) == "rate_limited");
  CHECK(bench.stored().events.size() == 1);
}

TEST_CASE("room: slow mode outlives the activation, also for those who left the ring",
          "[actors][chat]") {
  world w;
  {
    room_bench bench(w);
    REQUIRE(bench.command(ada, set_mode{who(ada), 3600, false, {}}));
    REQUIRE(bench.say(bob, "one"));
    for (int i = 0; i < 110; ++i) {
      REQUIRE(bench.say(ada, "x"));
    }
  }
  room_bench bench(w, 2);
  bench.time().advance(10s);
  const auto r = bench.say(bob, "two");
  CHECK(reason(r) == "slow_mode");
  CHECK(r.error().retry_after == 3590s);
  CHECK(bench.say(eve, "mine"));
  bench.time().advance(3590s);
  CHECK(bench.say(bob, "two"));
}

TEST_CASE("room: quotes what is replied to", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  const auto first = bench.say(bob, std::string(150, 'q'));
  REQUIRE(bench.say(eve, "yes", {}, first->message_id));
  auto shown = bench.shown("a/7");
  REQUIRE(shown.back().reply_to);
  CHECK(shown.back().reply_to->message_id == first->message_id);
  CHECK(shown.back().reply_to->username == "bob");
  CHECK(shown.back().reply_to->text == std::string(100, 'q'));
  for (int i = 0; i < 110; ++i) {
    REQUIRE(bench.say(ada, "x"));
  }
  REQUIRE(bench.say(eve, "late", {}, first->message_id));  // from the store
  CHECK(bench.shown("a/7").back().reply_to->text == std::string(100, 'q'));
  REQUIRE(bench.say(eve, "to nobody", {}, 4711));
  CHECK_FALSE(bench.shown("a/7").back().reply_to);
  REQUIRE(bench.command(ada, delete_message{who(ada), first->message_id, ""}));
  REQUIRE(bench.say(eve, "to what is gone", {}, first->message_id));
  CHECK_FALSE(bench.shown("a/7").back().reply_to);
}

TEST_CASE("room: the order holds behind a quote that is read", "[actors][chat]") {
  world w;
  room_bench bench(w);
  const auto first = bench.say(ada, "old");
  for (int i = 0; i < 110; ++i) {
    REQUIRE(bench.say(ada, "x"));
  }
  bench.hold_jobs(true);
  const auto reply = bench.begin_say(ada, "reply", {}, first->message_id);
  const auto next = bench.begin_say(ada, "next");
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK((**reply)->seq + 1 == (**next)->seq);
}

TEST_CASE("room: a room of nobody is not there", "[actors][chat]") {
  world w;
  room_bench bench(w);
  CHECK_FALSE(bench.ask({"room", "4711"}, read_mode{}));
  CHECK_FALSE(bench.ask({"room", "x"}, read_mode{}));
}

TEST_CASE("room: ends when it is idle, and goes on from what is stored", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "one"));
  CHECK(bench.node().where(bench.name));
  bench.advance(11min);
  CHECK_FALSE(bench.node().where(bench.name));
  CHECK(bench.say(bob, "two")->seq == 2);
  SECTION("not while a relay follows it") {
    for (int i = 0; i < 300; ++i) {
      REQUIRE(bench.subscribe_as("a/7"));
      bench.advance(3s);
    }
    CHECK(bench.node().where(bench.name));
  }
}

TEST_CASE("room: what travels comes out as it went in", "[actors][chat]") {
  runtime::message_registry registry;
  registry.add(room::messages{});
  registry.add(chat_log::messages{});
  using runtime::testing::round_trip;
  using runtime::testing::round_trip_by_name;
  const auto reply = quote{3, 8, "bob", "what"};
  CHECK(round_trip_by_name(registry, post{who(root), "s", "n", "text", 5}));
  CHECK(round_trip_by_name(registry, subscribe{"a/7", 5}));
  CHECK(round_trip_by_name(registry, unsubscribe{"a/7"}));
  CHECK(round_trip_by_name(registry, delete_message{who(bob), 5, "why"}));
  CHECK(round_trip_by_name(registry, ban_user{who(bob), 5, 60, "why"}));
  CHECK(round_trip_by_name(registry, unban_user{who(bob), 5, "why"}));
  CHECK(round_trip_by_name(registry, set_moderator{who(bob), 5, true, "why"}));
  CHECK(round_trip_by_name(registry, set_mode{who(bob), 5, true, 6, "why"}));
  CHECK(round_trip_by_name(registry, set_words{who(bob), {{"w", word_action::hold}}, "why"}));
  CHECK(round_trip_by_name(registry, read_words{who(bob)}));
  CHECK(round_trip_by_name(registry, read_held{who(bob)}));
  CHECK(round_trip_by_name(registry, decide_held{who(bob), 5, true, "why"}));
  CHECK(round_trip_by_name(registry, read_role{who(bob)}));
  CHECK(round_trip_by_name(registry, read_mode{}));
  CHECK(round_trip_by_name(registry, stream_changed{{5, "live", "t"}}));
  CHECK(round_trip_by_name(registry, audience_report{"a", 5}));
  CHECK(round_trip_by_name(registry, room_wakeup{room_wakeup::reason::lookups}));
  storage::room_write write;
  write.room = 7;
  write.events.emplace_back().text = "x";
  write.nonces.emplace_back().nonce = "n";
  write.gone_messages = {1};
  write.cleared = {2};
  write.members.emplace_back().username = "bob";
  write.settings = "{}";
  write.held.emplace_back().text = "x";
  write.decided = {6};
  write.log.emplace_back().action = "ban";
  CHECK(round_trip_by_name(registry, commit{std::make_shared<const storage::room_write>(write)}));
  CHECK(round_trip(posted{true, 1, 2, "t", 3}));
  CHECK(round_trip(committed{commit_outcome::broken, "why"}));
  CHECK(round_trip(room::state{7, "ada", 3, 4, {5, 6}}));
  event e;
  e.reply_to = reply;
  e.until_ms = 5;
  subscription s;
  s.events = {e};
  s.moderators = {1, 2};
  s.stream = stream_notice{5, "live", "t"};
  CHECK(round_trip(s));
}

}  // namespace troupe::chat
