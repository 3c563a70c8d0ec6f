// SPDX-License-Identifier: GPL-3.0-or-later
#include <iostream>
#include <random>

#include <boost/json.hpp>

#include "tests/unit/actors/chat/relay_fixture.hpp"

namespace troupe::chat::testing {
namespace {

using missed_range = std::optional<std::pair<std::int64_t, std::int64_t>>;

void say_many(script& room, int count) {
  for (int i = 0; i < count; ++i) {
    room.say(8, "message");
  }
}

event of_kind(event_kind kind, user_id user = 0, id message_id = 0) {
  event e;
  e.kind = kind;
  e.user = user;
  e.message_id = message_id;
  return e;
}

TEST_CASE("relay: a join gets the last 20 messages and what happened between them",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 30);
  bench.room.add(of_kind(event_kind::mode));
  say_many(bench.room, 5);
  bench.room.moderators = {9};
  bench.room.stream = stream_notice{42, "live", "A title"};
  const auto got = bench.enter();
  REQUIRE(got);
  CHECK(got->last_seq == 36);
  CHECK(numbers(*got) == dense(16, 36));
  CHECK(got->missed == missed_range());
  CHECK(got->owner == channel);
  CHECK(got->owner_name == "ada");
  CHECK(got->moderators == std::vector<user_id>{9});
  CHECK(got->stream->title == "A title");
  CHECK(got->viewers == 3);
  const auto array = boost::json::parse("[" + text_of(got->history) + "]");
  CHECK(array.at(0).at("message") == "message");
  CHECK(array.at(15).at("type") == "mode");
  CHECK(bench.sockets.calls == 0);  // they get it with their welcome
}

TEST_CASE("relay: an empty room is joined too", "[actors][chat][relay]") {
  relay_bench bench;
  const auto got = bench.enter();
  REQUIRE(got);
  CHECK(got->last_seq == 0);
  CHECK(got->history.empty());
  CHECK(bench.enter(0)->history.empty());
  bench.room.say(8, "first");
  bench.news(1);
  CHECK(bench.sockets.seqs == dense(1, 1));
  CHECK(numbers(*bench.enter(0)) == dense(1, 1));
}

TEST_CASE("relay: the room is asked once for a herd, and joins share their bytes",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 3);
  bench.room.is_silent = true;
  const auto lost = bench.begin_join();
  bench.run();
  CHECK_FALSE(lost->has_value());
  bench.advance(5s);
  CHECK((**lost).error().code == errc::deadline_exceeded);
  bench.room.is_silent = false;
  bench.advance(2s);
  const auto asked = bench.room.asked.size();
  std::vector<runtime::testing::pending<joined>> herd;
  for (int i = 0; i < 100; ++i) {
    herd.push_back(bench.begin_join());
  }
  bench.run();
  CHECK(bench.room.asked.size() == asked);
  for (const auto& each : herd) {
    REQUIRE(each->has_value());
    CHECK((**each)->history.data() == (**herd[0])->history.data());
  }
}

TEST_CASE("relay: joins before the first subscription share its answer or its error",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 3);
  SECTION("an answer") {
    const auto a = bench.begin_join();
    const auto b = bench.begin_join(1);
    bench.run();
    CHECK(numbers(***a) == dense(1, 3));
    CHECK(numbers(***b) == dense(2, 3));
    CHECK(bench.room.asked.size() == 1);
  }
  SECTION("an error") {
    bench.room.refusal = make_error(errc::not_found, "no such user");
    const auto a = bench.begin_join();
    const auto b = bench.begin_join();
    bench.run();
    CHECK((**a).error().code == errc::not_found);
    CHECK((**b).error().code == errc::not_found);
    CHECK_FALSE(bench.node().where(bench.name));  // leaves nothing behind
    bench.room.refusal.reset();
    CHECK(bench.enter());
  }
  SECTION("a name that is no room") {
    CHECK(bench.ask({"relay", "a/x"}, join{}).error().code == errc::not_found);
  }
  SECTION("a channel that does not exist wakes no room") {
    CHECK(bench.ask({"relay", "a/999"}, join{}).error().code == errc::not_found);
    CHECK(bench.room.asked.empty());
    CHECK_FALSE(bench.node().where({"relay", "a/999"}));
  }
  SECTION("an absent store keeps nobody from a room that is awake") {
    bench.store.is_away = true;
    CHECK(numbers(*bench.enter()) == dense(1, 3));
  }
}

TEST_CASE("relay: news goes to the sockets once and in order", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 2);
  REQUIRE(bench.enter());
  say_many(bench.room, 3);
  bench.news(3);
  CHECK(bench.sockets.seqs == dense(3, 5));
  CHECK(bench.sockets.calls == 1);
  CHECK(bench.sockets.events[0] == to_json(bench.room.events[2]));
  bench.news(3);  // again
  CHECK(bench.sockets.seqs == dense(3, 5));
  bench.advance(2s);  // renewed: nothing is new
  CHECK(bench.room.asked.back().after == 5);
  CHECK(bench.sockets.seqs == dense(3, 5));
  CHECK(bench.enter()->last_seq == 5);
}

TEST_CASE("relay: a gap is filled by the room at once", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 2);
  REQUIRE(bench.enter());
  say_many(bench.room, 4);
  bench.news(5);  // 3 and 4 were lost
  CHECK(bench.sockets.seqs == dense(3, 6));
  CHECK(bench.room.asked.size() == 2);
  CHECK(bench.counted("troupe_chat_relay_lost_events_total") == 0);
}

TEST_CASE("relay: a renewal brings what nobody told", "[actors][chat][relay]") {
  relay_bench bench;
  REQUIRE(bench.enter());
  say_many(bench.room, 3);
  bench.room.viewers = 9;
  bench.room.held = 2;
  bench.room.stream = stream_notice{42, "live", "t"};
  bench.advance(2s);
  CHECK(bench.sockets.seqs == dense(1, 3));
  CHECK(bench.sockets.notices ==
        std::vector<std::string>{to_json(*bench.room.stream), R"({"type":"viewers","count":9})"});
  CHECK(bench.sockets.for_moderators == std::vector<std::string>{R"({"type":"held","count":2})"});
  bench.advance(4s);
  CHECK(bench.sockets.notices.size() == 2);
}

TEST_CASE("relay: what the room no longer has is lost and counted", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 2);
  REQUIRE(bench.enter());
  say_many(bench.room, 150);
  bench.advance(2s);
  CHECK(bench.sockets.seqs == dense(53, 152));  // the gap tells the sockets
  CHECK(bench.counted("troupe_chat_relay_lost_events_total") == 50);
}

TEST_CASE("relay: a room that promises more than it has is not asked in a circle",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 2);
  REQUIRE(bench.enter());
  room_news n;
  n.epoch = 1;
  n.events = {bench.room.events[0]};
  n.events[0].seq = 50;
  bench.tell(n);
  CHECK(bench.room.asked.size() == 2);
  CHECK(bench.sockets.seqs.empty());
}

TEST_CASE("relay: goes on across the room's activations and passes over the earlier one",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 2);
  REQUIRE(bench.enter());
  bench.room.say(8, "by the first");
  bench.news(3, 1);
  bench.room.say(8, "by the second");
  bench.news(4, 2);
  room_news late;
  late.epoch = 1;
  late.viewers = 77;
  late.events = {bench.room.events[2]};
  bench.tell(late);
  CHECK(bench.sockets.seqs == dense(3, 4));
  CHECK(bench.sockets.notices.empty());
  CHECK(bench.counted("troupe_chat_relay_stale_news_total") == 1);
}

TEST_CASE("relay: what was deleted or cleared stands as deleted", "[actors][chat][relay]") {
  relay_bench bench;
  bench.room.say(8, "one");
  bench.room.say(9, "two");
  bench.room.say(8, "three");
  REQUIRE(bench.enter());
  bench.room.add(of_kind(event_kind::deleted, 0, 1002));
  bench.news(4);
  const auto after_delete = text_of(bench.enter(0)->history);
  CHECK(after_delete == to_json(bench.room.events[0]) + "," + deleted_json(2, 1002) + "," +
                            to_json(bench.room.events[2]) + "," + deleted_json(4, 1002));
  bench.room.add(of_kind(event_kind::cleared, 8));
  bench.room.say(8, "four");
  bench.news(5);
  const auto after_clear = text_of(bench.enter(0)->history);
  CHECK(after_clear == deleted_json(1, 1001) + "," + deleted_json(2, 1002) + "," +
                           deleted_json(3, 1003) + "," + deleted_json(4, 1002) +
                           R"(,{"type":"cleared","seq":5,"user_id":8},)" +
                           to_json(bench.room.events[5]));
}

TEST_CASE("relay: what is gone is gone from what quotes it", "[actors][chat][relay]") {
  relay_bench bench;
  bench.room.say(8, "rude");
  bench.room.say(9, "kind");
  const auto reply = [&](user_id by, id to, user_id author, std::string quoted) {
    bench.room.say(by, "reply").reply_to = quote{to, author, "quoted", std::move(quoted)};
  };
  reply(10, 1001, 8, "rude");
  reply(10, 1002, 9, "kind");
  const auto says = [&](std::string_view what) {
    return text_of(bench.enter(0)->history).find(what) != std::string::npos;
  };
  SECTION("by a deletion") {
    REQUIRE(bench.enter());
    bench.room.add(of_kind(event_kind::deleted, 0, 1001));
    bench.news(5);
  }
  SECTION("by a ban") {
    REQUIRE(bench.enter());
    bench.room.add(of_kind(event_kind::cleared, 8));
    bench.news(5);
  }
  SECTION("in the news that bring both") {
    bench.sockets.count = 0;
    bench.room.events.resize(1);
    REQUIRE(bench.enter());
    bench.room.say(9, "kind");
    reply(10, 1001, 8, "rude");
    reply(10, 1002, 9, "kind");
    bench.room.add(of_kind(event_kind::deleted, 0, 1001));
    bench.news(2);
    REQUIRE(bench.sockets.seqs == dense(2, 5));
    CHECK(bench.sockets.events[1].find("rude") == std::string::npos);
    CHECK(bench.sockets.events[1].find(R"("reply_to":{"message_id":1001,"user_id":8,)") !=
          std::string::npos);
  }
  CHECK_FALSE(says("rude"));
  CHECK(says(R"("reply_to":{"message_id":1001,"user_id":8,"username":"quoted","message":""})"));
  CHECK(says(R"("user_id":9,"username":"quoted","message":"kind"})"));
}

TEST_CASE("relay: news longer than the ring reaches the sockets whole", "[actors][chat][relay]") {
  relay_bench bench;
  REQUIRE(bench.enter());
  say_many(bench.room, 250);
  bench.news(1);
  CHECK(bench.sockets.seqs == dense(1, 250));
}

TEST_CASE("relay: who joins learns how many messages are held", "[actors][chat][relay]") {
  relay_bench bench;
  bench.room.held = 3;
  CHECK(bench.enter()->held == 3);
  room_news n;
  n.epoch = 1;
  n.held = 1;
  bench.tell(n);
  CHECK(bench.enter()->held == 1);
}

TEST_CASE("relay: a verdict is for its author's sockets alone", "[actors][chat][relay]") {
  relay_bench bench;
  REQUIRE(bench.enter());
  room_news n;
  n.epoch = 2;
  n.verdicts = {{8, "s8", "a\"b", "held_denied"}, {9, "http/9", "", "held_dropped"}};
  bench.tell(n);
  const auto& told = bench.sockets.private_ones;
  REQUIRE(told.size() == 2);
  CHECK(told[0].first == 8);
  CHECK(told[0].second == R"({"type":"error","nonce":"a\"b","session":"s8","code":"held_denied",)"
                          R"("message":"a moderator decided against this message"})");
  CHECK(told[1].first == 9);
  CHECK(told[1].second.starts_with(
      R"({"type":"error","session":"http/9","code":"held_dropped","message":")"));
  CHECK(bench.sockets.notices.empty());
  CHECK(bench.sockets.for_moderators.empty());
  // An activation that was overtaken decides nothing any more.
  n.epoch = 1;
  bench.tell(n);
  CHECK(told.size() == 2);
}

TEST_CASE("relay: 20 messages that stand are wanted, 100 events are there",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 60);
  REQUIRE(bench.enter());
  for (id gone = 1060; gone > 1040; --gone) {
    bench.room.add(of_kind(event_kind::deleted, 0, gone));
  }
  bench.news(61);
  CHECK(numbers(*bench.enter()) == dense(21, 80));  // 21 to 40 stand
  bench.room.add(of_kind(event_kind::cleared, 8));
  bench.news(81);
  CHECK(numbers(*bench.enter()) == dense(1, 81));
}

TEST_CASE("relay: mode and moderators follow the events", "[actors][chat][relay]") {
  relay_bench bench;
  bench.room.moderators = {9};
  REQUIRE(bench.enter());
  auto mode = of_kind(event_kind::mode);
  mode.mode = {30, 60};
  bench.room.add(mode);
  auto role = of_kind(event_kind::role, 10);
  role.author_role = role::moderator;
  bench.room.add(role);
  role.user = 9;
  role.author_role = role::user;
  bench.room.add(role);
  bench.news(1);
  const auto got = bench.enter();
  CHECK(got->mode == chat::mode{30, 60});
  CHECK(got->moderators == std::vector<user_id>{10});
}

TEST_CASE("relay: a resume within the ring never reaches store or room", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 300);
  REQUIRE(bench.enter());
  bench.store.is_away = true;
  bench.room.is_silent = true;
  bench.advance(20s);
  CHECK(numbers(*bench.enter(200)) == dense(201, 300));
  CHECK(numbers(*bench.enter(299)) == dense(300, 300));
  CHECK(bench.enter(300)->history.empty());
  CHECK(bench.enter(900)->history.empty());
  CHECK(bench.enter(200)->missed == missed_range());
  CHECK(bench.enter()->last_seq == 300);
  CHECK(bench.counted("troupe_chat_relay_store_reads_total") == 0);
}

TEST_CASE("relay: an older resume reads the store, at most 1,000 events", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 1500);
  bench.fill_store();
  REQUIRE(bench.enter());
  const auto some = bench.enter(1300);
  CHECK(numbers(*some) == dense(1301, 1500));
  CHECK(some->missed == missed_range());
  const auto all = bench.enter(500);
  CHECK(numbers(*all) == dense(501, 1500));
  CHECK(all->missed == missed_range());
  const auto too_old = bench.enter(0);
  CHECK(numbers(*too_old) == dense(501, 1500));
  CHECK(too_old->missed == missed_range({1, 500}));
  CHECK(bench.enter(-5)->missed == missed_range({1, 500}));
  const auto array = boost::json::parse("[" + text_of(too_old->history) + "]");
  CHECK(array.as_array().size() == 1000);
}

TEST_CASE("relay: an older resume has as many bytes as an outbox bears", "[actors][chat][relay]") {
  relay_bench bench;
  for (int i = 0; i < 600; ++i) {
    bench.room.say(8, std::string(1500, 'a'));
  }
  bench.fill_store();
  REQUIRE(bench.enter());
  const auto got = bench.enter(0);
  CHECK(got->history.size() <= most_missed_bytes);
  CHECK(got->history.size() > most_missed_bytes - 2000);
  const auto seqs = numbers(*got);
  REQUIRE_FALSE(seqs.empty());
  CHECK(seqs == dense(seqs.front(), 600));
  CHECK(got->missed == missed_range({1, seqs.front() - 1}));
  CHECK(numbers(*bench.enter(499)) == dense(500, 600));
}

TEST_CASE("relay: one read serves all who wait for older events", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 400);
  bench.fill_store();
  REQUIRE(bench.enter());
  bench.hold_jobs(true);
  const auto first = bench.begin_join(100);
  bench.run();
  std::vector<runtime::testing::pending<joined>> herd;
  for (std::int64_t after = 50; after < 150; ++after) {
    herd.push_back(bench.begin_join(after));
  }
  bench.run();
  say_many(bench.room, 5);  // goes on meanwhile
  bench.news(401);
  REQUIRE(bench.run_job());
  bench.run();
  CHECK(numbers(***first) == dense(101, 405));
  REQUIRE(bench.run_job());
  bench.run();
  CHECK_FALSE(bench.run_job());
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto& each = herd[static_cast<std::size_t>(i)];
    REQUIRE(each->has_value());
    CHECK(numbers(***each) == dense(51 + i, 405));
    CHECK((**each)->last_seq == 405);
    CHECK((**each)->missed == missed_range());
  }
  CHECK(bench.counted("troupe_chat_relay_store_reads_total") == 2);
}

TEST_CASE("relay: what the store cannot give is missed", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 300);
  bench.fill_store();
  REQUIRE(bench.enter());
  SECTION("it is away") {
    bench.store.is_away = true;
  }
  SECTION("the pool is full") {
    bench.fill_pool(true);
  }
  SECTION("it lost some in the middle") {
    auto& rows = bench.store.rooms[channel].events;
    rows.erase(rows.begin() + 199);
  }
  SECTION("it is silent") {
    bench.hold_jobs(true);
    const auto slot = bench.begin_join(50);
    bench.advance(4s);
    CHECK_FALSE(slot->has_value());
    const auto longer = bench.begin(bench.node().open_session(), bench.name, join{50}, 30s);
    bench.advance(20s);
    REQUIRE(longer->has_value());
    CHECK((**longer)->missed == missed_range({51, 200}));
    bench.hold_jobs(false);
    while (bench.run_job()) {
    }
    bench.run();
    CHECK(numbers(*bench.enter(50)) == dense(51, 300));  // works again
    return;
  }
  const auto got = bench.enter(50);
  REQUIRE(got);
  CHECK(numbers(*got) == dense(201, 300));
  CHECK(got->missed == missed_range({51, 200}));
}

TEST_CASE("relay: ends a minute after the last socket left", "[actors][chat][relay]") {
  relay_bench bench;
  REQUIRE(bench.enter());
  bench.advance(3min);
  CHECK(bench.node().where(bench.name));  // silent, but somebody is there
  bench.sockets.count = 0;
  bench.node().tell(bench.default_session(), bench.name, leave{});
  bench.advance(59s);
  CHECK(bench.node().where(bench.name));
  CHECK(bench.room.left.empty());
  bench.advance(4s);
  CHECK_FALSE(bench.node().where(bench.name));
  CHECK(bench.room.left == std::vector<std::string>{"a/7"});
  const auto asked = bench.room.asked.size();
  bench.advance(1min);
  CHECK(bench.room.asked.size() == asked);
}

TEST_CASE("relay: news for a relay that is gone ends its subscription", "[actors][chat][relay]") {
  relay_bench bench;
  bench.sockets.count = 0;
  bench.room.say(8, "one");
  bench.news(1);
  CHECK(bench.room.left == std::vector<std::string>{"a/7"});
  CHECK_FALSE(bench.node().where(bench.name));
  CHECK(bench.room.asked.empty());
}

TEST_CASE("relay: a lost relay is made again by the room's news", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 10);
  bench.sockets.count = 5;  // of the relay that crashed after it told number 8
  bench.news(9);
  CHECK(bench.sockets.seqs == dense(9, 10));
  CHECK_FALSE(bench.room.asked.back().after);
  CHECK(numbers(*bench.enter()) == dense(1, 10));
}

TEST_CASE("relay: a lost relay is made again in a quiet room", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 10);  // the last two were said while there was no relay
  bench.node().tell(bench.default_session(), bench.name, listening{8});
  bench.run();
  CHECK(bench.sockets.seqs == dense(9, 10));
  bench.node().tell(bench.default_session(), bench.name, listening{8});
  bench.run();
  CHECK(bench.room.asked.size() == 1);
  bench.room.say(8, "later");
  bench.news(11);
  CHECK(bench.sockets.seqs == dense(9, 11));
}

TEST_CASE("relay: a join that makes a lost relay anew leaves nobody behind",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 10);
  REQUIRE(bench.enter());
  CHECK(bench.sockets.seqs.empty());
  bench.node().tell(bench.default_session(), bench.name, listening{8});
  bench.node().tell(bench.default_session(), bench.name, listening{8});
  bench.node().tell(bench.default_session(), bench.name, listening{10});
  bench.run();
  CHECK(bench.sockets.seqs == dense(9, 10));
}

TEST_CASE("relay: of sockets that lack events the earliest counts", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 10);
  bench.room.refusal = make_error(errc::unavailable, "away");
  bench.node().tell(bench.default_session(), bench.name, listening{8});
  bench.node().tell(bench.default_session(), bench.name, listening{5});
  bench.news(10);
  CHECK(bench.sockets.seqs.empty());
  bench.room.refusal.reset();
  bench.advance(2s);
  CHECK(bench.sockets.seqs == dense(6, 10));
}

TEST_CASE("relay: who joins while it ends gets a relay that follows the room",
          "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 2);
  REQUIRE(bench.enter());
  bench.sockets.count = 0;
  bench.advance(56s);
  bench.room.is_silent = true;  // what it asks last keeps it for five seconds more
  while (bench.room.left.empty()) {
    bench.advance(1s);
  }
  REQUIRE(bench.node().where(bench.name));
  bench.sockets.count = 1;
  CHECK(bench.enter()->last_seq == 2);
  bench.room.say(8, "meanwhile");
  bench.room.is_silent = false;
  bench.advance(5s);
  CHECK(bench.sockets.seqs == dense(3, 3));
  bench.advance(20s);
  CHECK(bench.node().where(bench.name));
  bench.room.say(8, "later");
  bench.advance(2s);
  CHECK(bench.sockets.seqs == dense(3, 4));
}

TEST_CASE("relay: random losses, repetitions and restarts tell each event once and in order",
          "[actors][chat][relay]") {
  const auto seed = GENERATE(Catch::Generators::range(1, 30));
  std::mt19937 random(static_cast<unsigned>(seed));
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  relay_bench bench;
  REQUIRE(bench.enter());
  std::uint64_t epoch = 1;
  std::int64_t told = 0;
  for (int step = 0; step < 400; ++step) {
    const auto count = random() % 4;
    for (unsigned i = 0; i < count; ++i) {
      bench.room.say(static_cast<user_id>(8 + random() % 3), "x");
    }
    epoch += one_in(40) ? 1 : 0;
    const auto last = static_cast<std::int64_t>(bench.room.events.size());
    bench.room.refusal.reset();
    if (one_in(10)) {
      bench.room.refusal = make_error(errc::unavailable, "away");
    }
    if (!one_in(5) && last > told) {
      bench.news(one_in(10) ? std::max<std::int64_t>(1, told - 5) : told + 1,
                 one_in(15) && epoch > 1 ? epoch - 1 : epoch);
    }
    told = last;  // lost, if it was
    if (one_in(30)) {
      bench.advance(500ms);
    }
  }
  bench.room.refusal.reset();
  bench.advance(10s);
  INFO("seed " << seed);
  const auto last = static_cast<std::int64_t>(bench.room.events.size());
  const auto& seqs = bench.sockets.seqs;
  for (std::size_t i = 1; i < seqs.size(); ++i) {
    REQUIRE(seqs[i] > seqs[i - 1]);
  }
  REQUIRE(seqs.back() == last);
  const auto lost = bench.counted("troupe_chat_relay_lost_events_total");
  CHECK(static_cast<double>(seqs.size()) + lost == static_cast<double>(last));
  CHECK(numbers(*bench.enter(last - 50)) == dense(last - 49, last));
}

TEST_CASE("relay: keeps few answers for its senders", "[actors][chat][relay]") {
  relay_bench bench;
  say_many(bench.room, 100);
  for (int i = 0; i < 2000; ++i) {
    const auto session = bench.node().open_session();
    REQUIRE(bench.ask(session, bench.name, join{}));
    bench.node().tell(session, bench.name, leave{});
  }
  bench.run();
  CHECK(bench.counted("troupe_entity_undelivered_total") == 0);
  CHECK(relay_kind_options().sender_limit == 64);
}

TEST_CASE("relay: how many joins a second", "[.bench][actors][chat][relay]") {
  relay_bench bench;
  for (int i = 0; i < 300; ++i) {
    bench.room.say(8, std::string(90, 'a'));
  }
  REQUIRE(bench.enter());
  const auto measure = [&](const char* what, std::optional<std::int64_t> after) {
    constexpr int times = 50'000;
    std::vector<runtime::session> sessions;
    for (int i = 0; i < times; ++i) {
      sessions.push_back(bench.node().open_session());
    }
    const auto before = std::chrono::steady_clock::now();
    int answered = 0;
    for (int i = 0; i < times; ++i) {
      bench.node().ask(sessions[static_cast<std::size_t>(i)], bench.name, join{after}, 5s,
                       [&answered](const result<joined>& r) { answered += r ? 1 : 0; });
      if (i % 500 == 0) {
        bench.run();
      }
    }
    bench.run();
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - before);
    REQUIRE(answered == times);
    std::cout << what << ": " << static_cast<int>(times / took.count()) << " joins/s\n";
  };
  measure("fresh", std::nullopt);
  measure("resume of 50", 250);
}

}  // namespace
}  // namespace troupe::chat::testing
