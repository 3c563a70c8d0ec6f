// SPDX-License-Identifier: GPL-3.0-or-later
// Messages that a word holds for a moderator.
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

struct strict_bench : room_bench {
  explicit strict_bench(world& w, std::uint64_t incarnation = 1) : room_bench(w, incarnation) {
    REQUIRE(subscribe_as("a/7"));
    if (incarnation == 1) {
      REQUIRE(command(
          ada, set_words{who(ada), {{"hm", word_action::hold}, {"darn", word_action::mask}}}));
    }
  }

  std::vector<held> waiting() { return command(ada, read_held{who(ada)})->items; }

  std::vector<verdict> verdicts() {
    std::vector<verdict> out;
    for (const auto& n : around.news["a/7"]) {
      out.insert(out.end(), n.verdicts.begin(), n.verdicts.end());
    }
    return out;
  }

  std::optional<std::int64_t> last_notice() {
    std::optional<std::int64_t> out;
    for (const auto& n : around.news["a/7"]) {
      out = n.held ? n.held : out;
    }
    return out;
  }
};

}  // namespace

TEST_CASE("room held: waits for a moderator, unseen", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  const auto said = bench.say(bob, "hm, darn", "n");
  REQUIRE(said);
  CHECK(said->is_held);
  CHECK(said->seq == 0);
  CHECK(bench.shown("a/7").empty());
  CHECK(bench.last_notice() == 1);
  CHECK(bench.subscribe_as("b/7")->held == 1);
  const auto waiting = bench.waiting();
  REQUIRE(waiting.size() == 1);
  CHECK(waiting[0].text == "hm, ****");
  CHECK(waiting[0].word == "hm");
  CHECK(waiting[0].username == "bob");
  CHECK(waiting[0].message_id == said->message_id);
  SECTION("allowed, it becomes a message now") {
    bench.advance(5s);
    const auto between = bench.say(eve, "meanwhile");
    REQUIRE(bench.command(ada, decide_held{who(ada), said->message_id, true}));
    const auto shown = bench.shown("a/7").back();
    CHECK(shown.kind == event_kind::message);
    CHECK(shown.seq == between->seq + 1);
    CHECK(shown.message_id > between->message_id);
    CHECK(shown.user == bob);
    CHECK(shown.username == "bob");
    CHECK(shown.nonce == "n");
    CHECK(shown.text == "hm, ****");
    CHECK(shown.author_role == role::user);
    CHECK(bench.stored().log.back().action == "allow");
    CHECK(bench.stored().log.back().by == ada);
    CHECK(bench.verdicts().empty());
  }
  SECTION("denied, it never was") {
    REQUIRE(bench.command(ada, decide_held{who(ada), said->message_id, false}));
    CHECK(bench.shown("a/7").empty());
    const auto verdicts = bench.verdicts();
    REQUIRE(verdicts.size() == 1);
    CHECK(verdicts[0].user == bob);
    CHECK(verdicts[0].session == "s8");
    CHECK(verdicts[0].nonce == "n");
    CHECK(verdicts[0].code == "held_denied");
    CHECK(bench.stored().log.back().action == "deny");
    CHECK(bench.stored().log.back().text == "hm, ****");
  }
  CHECK(bench.waiting().empty());
  CHECK(bench.stored().held.empty());
  CHECK(bench.last_notice() == 0);
  CHECK(reason(bench.command(ada, decide_held{who(ada), said->message_id, true})) == "not_found");
}

TEST_CASE("room held: repeated, it is held once", "[actors][chat]") {
  world w;
  std::optional<posted> first;
  {
    strict_bench bench(w);
    first = *bench.say(bob, "hm", "n");
    CHECK(bench.say(bob, "hm", "n")->message_id == first->message_id);
    CHECK(bench.stored().held.size() == 1);
  }
  strict_bench bench(w, 2);
  const auto again = bench.say(bob, "hm", "n");
  REQUIRE(again);
  CHECK(again->is_held);
  CHECK(again->message_id == first->message_id);
  CHECK(bench.waiting().size() == 1);
  REQUIRE(bench.command(ada, decide_held{who(ada), first->message_id, true}));
  CHECK(bench.shown("a/7").back().text == "hm");
}

TEST_CASE("room held: at most 100, the oldest give way", "[actors][chat]") {
  world w;
  w.needs.settings.user_rate = 0;
  strict_bench bench(w);
  for (int i = 0; i < 105; ++i) {
    REQUIRE(bench.say(bob, "hm " + std::to_string(i)));
  }
  bench.run();
  const auto waiting = bench.waiting();
  REQUIRE(waiting.size() == 100);
  CHECK(waiting[0].text == "hm 5");
  CHECK(bench.stored().held.size() == 100);
  CHECK(w.counters.held_dropped.value() == 5);
  const auto verdicts = bench.verdicts();
  REQUIRE(verdicts.size() == 5);
  CHECK(verdicts[4].user == bob);
  CHECK(verdicts[4].code == "held_dropped");
}

TEST_CASE("room held: its author hears of it when that is stored", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  const auto said = bench.say(bob, "hm", "n");
  w.store.faults = {fault::away, fault::away};
  const auto slot = bench.begin(bench.session_of(ada), bench.name,
                                decide_held{who(ada), said->message_id, false}, 5min);
  bench.run();
  CHECK_FALSE(slot->has_value());
  CHECK(bench.verdicts().empty());
  bench.advance(5s);
  REQUIRE(slot->has_value());
  CHECK(bench.verdicts().size() == 1);
}

TEST_CASE("room held: a ban takes them with it", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  REQUIRE(bench.say(bob, "hm"));
  REQUIRE(bench.say(eve, "hm"));
  REQUIRE(bench.command(ada, ban_user{who(ada), bob, 60, ""}));
  const auto waiting = bench.waiting();
  REQUIRE(waiting.size() == 1);
  CHECK(waiting[0].user == eve);
  CHECK(bench.stored().held.size() == 1);
  CHECK(bench.last_notice() == 1);
}

TEST_CASE("room held: allowed, it quotes what it replied to", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  const auto first = bench.say(ada, "question");
  const auto held = bench.say(bob, "hm", {}, first->message_id);
  SECTION("from the ring") {}
  SECTION("from the store") {
    for (int i = 0; i < 120; ++i) {
      REQUIRE(bench.say(ada, "x"));
    }
  }
  REQUIRE(bench.command(ada, decide_held{who(ada), held->message_id, true}));
  REQUIRE(bench.shown("a/7").back().reply_to);
  CHECK(bench.shown("a/7").back().reply_to->text == "question");
}

TEST_CASE("room held: a ban takes those with it that are not stored yet", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  REQUIRE(bench.say(bob, "before"));
  bench.hold_jobs(true);
  const auto flying = bench.begin_say(bob, "hm 1");
  bench.run();
  const auto gathering = bench.begin_say(bob, "hm 2");
  const auto ban =
      bench.begin(bench.session_of(ada), bench.name, ban_user{who(ada), bob, {}, ""}, 5min);
  bench.run();
  SECTION("at once") {}
  SECTION("in another batch than the ban") {
    w.needs.settings.most_in_batch = 1;
  }
  SECTION("when the first batch is written again") {
    w.store.faults = {fault::away};
  }
  bench.hold_jobs(false);
  bench.advance(2s);
  REQUIRE(**flying);
  REQUIRE(**gathering);
  REQUIRE(**ban);
  CHECK(bench.waiting().empty());
  CHECK(bench.stored().held.empty());
  CHECK(bench.subscribe_as("b/7")->held == 0);
  CHECK(reason(bench.command(ada, decide_held{who(ada), (**flying)->message_id, true})) ==
        "not_found");
}

TEST_CASE("room held: nothing of a banned author is allowed", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  const auto held = bench.say(bob, "hm");
  // As a node of before this rule has left it.
  auto& record = bench.stored().members[bob];
  record.user = bob;
  record.is_banned = true;
  {
    strict_bench next(w, 2);
    CHECK(reason(next.command(ada, decide_held{who(ada), held->message_id, true})) == "is_banned");
    CHECK(next.command(ada, decide_held{who(ada), held->message_id, false}));
  }
}

TEST_CASE("room held: what may be stored is answered when that is known", "[actors][chat]") {
  world w;
  strict_bench bench(w);
  REQUIRE(bench.say(bob, "x"));
  w.store.faults = {fault::lost_answer};
  bench.hold_jobs(true);
  const auto slot = bench.begin_say(bob, "hm", "n");
  bench.run();
  w.store.reads_are_away = true;
  bench.hold_jobs(false);
  bench.advance(61s);
  CHECK_FALSE(slot->has_value());
  w.store.reads_are_away = false;
  bench.advance(2s);
  REQUIRE(**slot);
  CHECK((**slot)->is_held);
  CHECK(bench.waiting().size() == 1);
  CHECK(bench.stored().held.size() == 1);
}

}  // namespace troupe::chat
