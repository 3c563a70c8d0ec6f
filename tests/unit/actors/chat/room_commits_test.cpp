// SPDX-License-Identifier: GPL-3.0-or-later
// The way to the store when the store fails, is late, or leaves one guessing.
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

/// Everybody may say as much as they like.
struct open_world : world {
  open_world() {
    needs.settings.user_rate = 0;
    needs.settings.moderator_rate = 0;
  }
};

std::size_t visible(const memory_chat_store::room_rows& r, const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      r.events, [&](const auto& e) { return e.text == text && !r.gone.contains(e.message_id); }));
}

}  // namespace

TEST_CASE("room commits: messages wait while the store is away, in their order", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.say(bob, "before"));
  w.store.is_away = true;
  std::vector<answer> slots;
  for (int i = 0; i < 10; ++i) {
    slots.push_back(bench.begin_say(i % 2 == 0 ? bob : ada, "m" + std::to_string(i)));
    bench.advance(2s);
    REQUIRE_FALSE(slots.back()->has_value());
  }
  for (int i = 0; i < 10; ++i) {  // of relays that go on following
    REQUIRE(bench.subscribe_as("a/7"));
    bench.advance(3s);
  }
  w.store.is_away = false;
  bench.advance(1s);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    REQUIRE(slots[i]->has_value());
    REQUIRE(**slots[i]);
    CHECK((**slots[i])->seq == static_cast<std::int64_t>(i) + 2);
  }
  CHECK(bench.stored().events.size() == 11);
  CHECK(bench.shown("a/7").size() == 11);
}

TEST_CASE("room commits: after 60 s a message is given up for good", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  w.store.is_away = true;
  const auto slot = bench.begin_say(bob, "never", "n");
  const auto second = bench.begin_say(bob, "never either");
  bench.advance(59s);
  CHECK_FALSE(second->has_value());
  bench.advance(2s);
  REQUIRE(second->has_value());
  CHECK(reason(**second) == "unavailable");
  CHECK_FALSE(slot->has_value());  // on its way: only the store knows
  w.store.is_away = false;
  bench.advance(5s);
  REQUIRE(slot->has_value());
  CHECK(reason(**slot) == "unavailable");
  CHECK(w.counters.withdrawn.value() == 2);
  CHECK(bench.stored().events.size() == 1);
  const auto again = bench.say(bob, "never", "n");  // the same nonce: it was not said
  REQUIRE(again);
  CHECK(again->seq == 2);
  CHECK(visible(bench.stored(), "never") == 1);
}

TEST_CASE("room commits: at most 1,000 wait in a room", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  w.store.is_away = true;
  std::vector<answer> slots;
  std::vector<runtime::session> sessions;  // of which each has 64 in flight at most
  for (int i = 0; i < 1010; ++i) {
    if (i % 50 == 0) {
      sessions.push_back(bench.node().open_session());
    }
    slots.push_back(bench.begin(sessions.back(), bench.name,
                                post{who(i % 2 == 0 ? bob : ada), "s", "", std::to_string(i), 0},
                                5min));
    bench.run();
  }
  const auto refused = std::ranges::count_if(slots, [](const auto& s) { return s->has_value(); });
  CHECK(refused == 10);
  CHECK(reason(**slots.back()) == "unavailable");
  w.store.is_away = false;
  bench.advance(2s);
  CHECK(bench.stored().events.size() == 1001);
  CHECK(std::ranges::all_of(slots, [](const auto& s) { return s->has_value(); }));
  CHECK(bench.say(bob, "room again"));
}

TEST_CASE("room commits: a full room leaves places for moderators", "[actors][chat]") {
  open_world w;
  w.needs.settings.most_waiting = 3;
  w.needs.settings.most_staff_waiting = 2;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  const auto said = bench.say(bob, "mine");
  bench.hold_jobs(true);
  for (int i = 0; i < 3; ++i) {
    bench.begin_say(bob, "x");
  }
  const auto late = bench.begin_say(ada, "no place");
  const auto erase = bench.begin(bench.session_of(bob), bench.name,
                                 delete_message{who(bob), said->message_id, ""});
  std::vector<runtime::testing::pending<runtime::accepted>> bans;
  for (const auto user : {eve, joe, mia}) {
    bans.push_back(
        bench.begin(bench.node().open_session(), bench.name, ban_user{who(ada), user, {}, ""}));
    bench.run();
    bench.run_job();  // the batch, or the record that was asked for
    bench.run();
  }
  REQUIRE(late->has_value());
  CHECK(reason(**late) == "unavailable");
  REQUIRE(erase->has_value());
  CHECK(reason(**erase) == "unavailable");
  bench.hold_jobs(false);
  bench.run();
  for (const auto& b : bans) {
    REQUIRE(b->has_value());
    CHECK(reason(**b) == "ok");
  }
}

TEST_CASE("room commits: one sender's messages do not fill the room", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.say(ada, "before"));
  bench.hold_jobs(true);
  std::vector<answer> slots;
  std::vector<runtime::testing::pending<runtime::accepted>> commands;
  for (int i = 0; i < 100; ++i) {  // bob's record is being read
    slots.push_back(bench.begin(bench.node().open_session(), bench.name,
                                post{who(bob), "s", "", std::to_string(i), 0}, 5min));
    commands.push_back(bench.begin(bench.node().open_session(), bench.name,
                                   delete_message{who(eve), 1, ""}, 5min));
  }
  bench.run();
  CHECK(std::ranges::count_if(slots, [](const auto& s) { return s->has_value(); }) == 79);
  REQUIRE(slots.back()->has_value());
  CHECK(reason(**slots.back()) == "rate_limited");
  CHECK((**slots.back()).error().retry_after == 1000ms);
  CHECK(std::ranges::count_if(commands, [](const auto& s) { return s->has_value(); }) == 67);
  REQUIRE(commands.back()->has_value());
  CHECK(reason(**commands.back()) == "rate_limited");
  bench.hold_jobs(false);
  bench.run();
  CHECK(std::ranges::all_of(slots, [](const auto& s) { return s->has_value(); }));
  CHECK(std::ranges::all_of(commands, [](const auto& s) { return s->has_value(); }));
  CHECK(bench.stored().events.size() == 21);
}

TEST_CASE("room commits: an answer that was lost is read back", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  w.store.faults = {fault::lost_answer};
  const auto said = bench.say(bob, "there");
  REQUIRE(said);
  CHECK(said->seq == 2);
  CHECK(w.store.position_reads == 1);
  CHECK(visible(bench.stored(), "there") == 1);
  w.store.faults = {fault::away};
  CHECK(bench.say(bob, "next")->seq == 3);
  CHECK(visible(bench.stored(), "next") == 1);
}

TEST_CASE("room commits: a lost answer to a write without an event is read back too",
          "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  w.store.faults = {fault::lost_answer};
  REQUIRE(bench.command(ada, set_words{who(ada), {{"x", word_action::hold}}}));
  CHECK(bench.stored().log.size() == 1);
  w.store.faults = {fault::away};
  REQUIRE(bench.command(ada, set_words{who(ada), {{"y", word_action::hold}}}));
  CHECK(bench.stored().log.size() == 2);
  w.store.faults = {fault::lost_answer};
  const auto held = bench.say(bob, "y", "n");
  REQUIRE(held);
  CHECK(held->is_held);
  CHECK(bench.stored().held.size() == 1);
  CHECK(bench.stored().nonces.size() == 1);
}

TEST_CASE("room commits: what may be stored is not given up, and answered late", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  const auto seq = bench.stored().last_seq;
  w.store.faults = {fault::lost_answer};
  bench.hold_jobs(true);
  const auto slot = bench.begin_say(bob, "there", "n");
  bench.run();
  w.store.reads_are_away = true;  // it is in, and nobody can say so
  bench.hold_jobs(false);
  bench.advance(61s);
  CHECK_FALSE(slot->has_value());
  const auto again = bench.begin_say(bob, "there", "n");
  bench.advance(61s);
  CHECK_FALSE(again->has_value());
  REQUIRE(bench.subscribe_as("a/7"));
  w.store.reads_are_away = false;
  bench.advance(2s);
  REQUIRE(slot->has_value());
  REQUIRE(again->has_value());
  CHECK((**slot)->seq == seq + 1);
  CHECK((**again)->seq == seq + 1);
  CHECK(visible(bench.stored(), "there") == 1);
  const auto shown = bench.shown("a/7");
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].text == "there");
  CHECK(bench.say(bob, "there", "n")->seq == seq + 1);
  CHECK(bench.say(bob, "after")->seq == seq + 2);
}

TEST_CASE("room commits: a write that arrives late harms nothing", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  SECTION("after it was written again") {
    w.store.faults = {fault::late};
    CHECK(bench.say(bob, "x", "n")->seq == 2);
    w.store.arrive_late();
    CHECK(bench.say(bob, "y")->seq == 3);
    CHECK(bench.stored().events.size() == 3);
  }
  SECTION("between being read back and being written again") {
    int asked = 0;
    w.store.next_fault = [&] {
      if (++asked == 1) {
        return fault::late;
      }
      w.store.arrive_late();
      return fault::none;
    };
    const auto slot = bench.begin_say(bob, "x", "n");
    bench.advance(1s);
    REQUIRE(slot->has_value());
    CHECK(reason(**slot) == "activation_lost");
    const auto again = bench.say(bob, "x", "n");  // the next activation knows that it was said
    REQUIRE(again);
    CHECK(again->seq == 2);
    CHECK(visible(bench.stored(), "x") == 1);
  }
}

TEST_CASE("room commits: an activation that was replaced changes nothing", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.say(bob, "before"));
  bench.stored().epoch = 2;  // another node adopted it
  CHECK(reason(bench.say(bob, "x")) == "activation_lost");
  CHECK(bench.stored().events.size() == 1);
  CHECK(bench.shown("a/7").size() == 1);
  CHECK(bench.say(bob, "y")->seq == 2);  // this node takes it back
}

TEST_CASE("room commits: goes on when the pool was full", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  bench.fill_pool(true);
  const auto slot = bench.begin_say(bob, "x");
  bench.advance(3s);
  CHECK_FALSE(slot->has_value());
  CHECK(w.store.position_reads == 0);
  // Not away: moderators are not sent off.
  const auto mode =
      bench.begin(bench.session_of(ada), bench.name, set_mode{who(ada), 5, false, {}});
  bench.advance(100ms);
  CHECK_FALSE(mode->has_value());
  bench.fill_pool(false);
  bench.advance(2s);
  REQUIRE(slot->has_value());
  CHECK((**slot)->seq == 2);
}

TEST_CASE("room commits: a write that the store cannot take ends the activation",
          "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  w.store.broken_room = ada;
  CHECK(reason(bench.say(bob, "x")) == "activation_lost");
  w.store.broken_room = 0;
  CHECK(bench.say(bob, "y")->seq == 2);
}

TEST_CASE("room commits: moderators learn at once that the store is away", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  REQUIRE(bench.say(eve, "before"));
  w.store.is_away = true;
  const auto waits = bench.begin_say(bob, "x");
  bench.advance(1s);
  CHECK(reason(bench.command(ada, set_mode{who(ada), 30, false, {}})) == "unavailable");
  CHECK(reason(bench.command(ada, ban_user{who(ada), bob, {}, ""})) == "unavailable");
  CHECK(bench.ask(bench.name, read_mode{})->mode.slow_s == 0);
  w.store.is_away = false;
  bench.advance(2s);
  CHECK((**waits)->seq == 3);
  CHECK(bench.command(ada, set_mode{who(ada), 30, false, {}}));
}

TEST_CASE("room commits: a command that was begun is finished, however late", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  w.store.is_away = true;
  const auto slot =
      bench.begin(bench.session_of(ada), bench.name, set_mode{who(ada), 30, false, {}}, 5min);
  bench.advance(62s);
  CHECK_FALSE(slot->has_value());
  CHECK(bench.ask(bench.name, read_mode{})->mode.slow_s == 0);  // readers see what is stored
  CHECK(bench.subscribe_as("a/7")->mode.slow_s == 0);
  w.store.is_away = false;
  bench.advance(2s);
  REQUIRE(slot->has_value());
  REQUIRE(**slot);
  CHECK(bench.ask(bench.name, read_mode{})->mode.slow_s == 30);
  REQUIRE(bench.stored().log.size() == 1);
  CHECK(bench.stored().events.back().kind == storage::room_event_kind::mode);
}

TEST_CASE("room commits: a first-time sender waits for the store like everybody",
          "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.say(ada, "before"));
  w.store.is_away = true;
  const auto first = bench.begin_say(bob, "one");
  const auto second = bench.begin_say(bob, "two");
  bench.advance(10s);
  CHECK_FALSE(first->has_value());
  SECTION("and speaks when it is back") {
    w.store.is_away = false;
    bench.advance(2s);
    CHECK((**first)->seq == 2);
    CHECK((**second)->seq == 3);
  }
  SECTION("but not for longer than 60 s") {
    bench.advance(52s);
    REQUIRE(first->has_value());
    REQUIRE(second->has_value());
    CHECK(reason(**first) == "unavailable");
    CHECK(reason(**second) == "unavailable");
    w.store.is_away = false;
    bench.advance(2s);
    CHECK(bench.say(bob, "three")->seq == 2);
  }
  SECTION("without being asked for more than once a second") {
    const auto before = w.store.member_reads;
    bench.advance(10s);
    CHECK(w.store.member_reads - before <= 11);
  }
}

TEST_CASE("room commits: what a ban clears in the same batch is never shown", "[actors][chat]") {
  open_world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.say(bob, "before"));
  bench.hold_jobs(true);
  const auto filler = bench.begin_say(ada, "on its way");
  const auto bad = bench.begin_say(bob, "bad");
  const auto ban = bench.begin(bench.session_of(ada), bench.name, ban_user{who(ada), bob, {}, ""});
  const auto after = bench.begin_say(bob, "worse");
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK((**bad)->seq == 3);
  CHECK(reason(**after) == "banned");
  REQUIRE(**ban);
  for (const auto& e : bench.shown("a/7")) {
    CHECK(e.text != "bad");
  }
  CHECK(visible(bench.stored(), "bad") == 0);
  const auto joined = bench.subscribe_as("b/7");
  CHECK(std::ranges::none_of(joined->events, [](const event& e) {
    return e.user == bob && e.kind == event_kind::message;
  }));
}

}  // namespace troupe::chat
