// SPDX-License-Identifier: GPL-3.0-or-later
// What peers make these tables hold, driven to its bound and four times beyond, with the heap
// looked at before and after. Sizes in the comments are of one entry.
#include <string>

#include <catch2/catch.hpp>

#include "actors/account/ended_log_ins.hpp"
#include "actors/chat/chat_log.hpp"
#include "actors/chat/member_cache.hpp"
#include "actors/chat/nonce_table.hpp"
#include "actors/chat/pace.hpp"
#include "actors/chat/room_relay_ring.hpp"
#include "actors/chat/word_filter.hpp"
#include "actors/presence/tracker.hpp"
#include "actors/viewer/resume_token.hpp"
#include "tests/support/heap_use.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;
using test::check_bounded;
using test::heap_in_use;

constexpr std::size_t mib = 1024 * 1024;
const std::string words(500, 'x');

user_id user_of(std::size_t i) {
  return 1 + static_cast<user_id>(i);
}

}  // namespace

TEST_CASE("memory: the nonces of a room", "[actors][chat][memory]") {
  chat::nonce_table table(10'000);
  const auto now = from_unix_ms(1'768'000'000'000);
  std::size_t dropped = 0;
  check_bounded(10'000, 16 * mib, [&](std::size_t i) {  // 500 code points of text are most of it
    dropped += table.put("session", std::to_string(i),
                         {"digest", chat::posted{false, 1, 1, words, 1}, now});
  });
  CHECK(table.size() == 10'000);
  CHECK(dropped == 40'000);
}

TEST_CASE("memory: who said something lately, and when", "[actors][chat][memory]") {
  chat::pace pace(30s, 10'000);
  pace.remember_for(1h);
  const steady_time now(1000h);
  check_bounded(10'000, 4 * mib,
                [&](std::size_t i) { pace.said(user_of(i), now, 20); });  // 20 of each at most
  CHECK(pace.users() <= 10'001);  // who just spoke is never forgotten for it
  const auto before = heap_in_use();
  for (int i = 0; i < 100'000; ++i) {
    pace.said(user_of(0), now, 20);
  }
  CHECK(heap_in_use() <= before + 4096);
}

TEST_CASE("memory: what a room knows of its users, bans and time-outs among it",
          "[actors][chat][memory]") {
  chat::member_cache cache(10'000);
  check_bounded(10'000, 20 * mib, [&](std::size_t i) {
    storage::member_record record;
    record.user = user_of(i);
    record.username = "somebody with a long name";
    record.is_banned = true;
    record.ban_reason = words;
    cache.put(std::move(record));
    cache.pin(user_of(i));  // its change is stored, as every ban's is
    cache.unpin(user_of(i));
  });
  CHECK(cache.size() == 10'000);
}

TEST_CASE("memory: the ring of a relay", "[actors][chat][memory]") {
  chat::relay_ring ring;
  ring.restart(0);
  check_bounded(chat::ring_size, mib, [&](std::size_t i) {
    chat::event e;
    e.seq = static_cast<std::int64_t>(i) + 1;
    e.message_id = e.seq;
    e.user = user_of(i);
    e.text = words;
    e.reply_to = chat::quote{1, 2, "bob", words.substr(0, 100)};
    ring.append(e);
  });
  CHECK(ring.last() - ring.first() + 1 == static_cast<std::int64_t>(chat::ring_size));
}

TEST_CASE("memory: a list of words that is replaced again and again", "[actors][chat][memory]") {
  std::vector<chat::word_rule> rules;
  for (int i = 0; i < 500; ++i) {
    rules.push_back({std::to_string(1000 + i) + std::string(60, 'y'), chat::word_action::mask});
  }
  chat::word_filter filter(rules);
  const auto before = heap_in_use();
  for (int i = 0; i < 20; ++i) {
    filter = chat::word_filter(rules);
    CHECK(filter.look(words).text == words);
  }
  CHECK(heap_in_use() <= before + before / 20);
  const auto full = heap_in_use();
  filter = {};
  CHECK(full - heap_in_use() <= 8 * mib);  // 500 words of 64 code points, and none shares a node
}

TEST_CASE("memory: writes that wait for the store", "[actors][chat][memory]") {
  chat::testing::world w;
  w.log_needs.settings.most_waiting = 200;
  runtime::testing::entity_bench bench(&w.log, 1);
  bench.node().add_kind<chat::chat_log>(
      [&w](const runtime::entity_name&) { return std::make_unique<chat::chat_log>(w.log_needs); },
      chat::chat_log::options());
  // Rooms, which write one thing at a time; that the entity knows them is no part of the queue.
  std::vector<runtime::session> rooms;
  const runtime::entity_name log{"chat_log", "a"};
  for (int i = 0; i < 1000; ++i) {
    rooms.push_back(bench.node().open_session());
    std::ignore = bench.begin(rooms.back(), log, chat::commit{});
  }
  bench.run();
  bench.hold_jobs(true);
  std::size_t refused = 0;
  check_bounded(200, 8 * mib, [&](std::size_t i) {
    storage::room_write write;
    write.room = user_of(i);
    write.last_seq = 1;
    for (int j = 0; j < 20; ++j) {
      write.events.emplace_back().text = words;
    }
    const auto slot =
        bench.begin(rooms.at(i), log,
                    chat::commit{std::make_shared<const storage::room_write>(std::move(write))});
    bench.run();
    refused += slot->has_value() ? 1 : 0;
  });
  CHECK(refused >= 799);  // one is on its way
  CHECK(w.log_counters.refused.value() == static_cast<double>(refused));
  bench.hold_jobs(false);
  bench.run();
}

TEST_CASE("memory: viewers and players of addresses that never come again",
          "[actors][presence][memory]") {
  manual_clock time;
  metrics figures;
  presence::tracker people({.watchers = 5'000, .players = 5'000}, time, figures, 42);
  check_bounded(5'000, 16 * mib, [&](std::size_t i) {
    const auto address = "2001:db8:" + std::to_string(i % 10'000) + "::1";
    std::ignore = people.enter({7, "v:" + std::to_string(i), address, "Firefox", false, false});
    people.played(70, people.identify(address, "Safari", std::to_string(i)));
  });
  const auto uncounted = figures.make_counter("troupe_presence_uncounted_total", "").value();
  CHECK(uncounted == 40'000);
}

TEST_CASE("memory: one address with any number of names and sessions",
          "[actors][presence][memory]") {
  manual_clock time;
  metrics figures;
  presence::tracker people({}, time, figures, 42);
  people.played(70, people.identify("192.0.2.1", "Safari", ""));
  people.learn(70, 7);
  check_bounded(200, mib, [&](std::size_t i) {
    people.played(70,
                  people.identify("192.0.2.1", "Safari " + std::to_string(i), std::to_string(i)));
    std::ignore = people.collect();
  });
}

TEST_CASE("memory: log-outs everywhere", "[actors][account][memory]") {
  metrics figures;
  account::ended_log_ins ended(900s, 5'000, figures);
  const auto now = from_unix_ms(1'768'000'000'000);
  check_bounded(5'000, 2 * mib, [&](std::size_t i) { ended.add(user_of(i), 1, now); });
  CHECK(ended.size() == 5'000);
}

TEST_CASE("memory: resume tokens are kept by nobody", "[actors][viewer][memory]") {
  const manual_clock time;
  const viewer::resume_tokens tokens({}, time);
  const auto token = tokens.make({7, 8, 9, {}});
  const auto before = heap_in_use();
  for (int i = 0; i < 20'000; ++i) {
    REQUIRE(tokens.read(tokens.make({7, 8, i, {}})));
    CHECK_FALSE(tokens.read(token + "x"));
  }
  CHECK(heap_in_use() <= before + 4096);
}

}  // namespace troupe
