// SPDX-License-Identifier: GPL-3.0-or-later
// How many messages a second chat_store takes, and how fast a full room is read. Hidden, for a
// release build: test_storage "[.bench]". TROUPE_TEST_POSTGRES should name a server whose fsync is
// on; the one that tests start has it off.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>

#include <spdlog/fmt/fmt.h>

#include "tests/unit/storage/chat_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;

namespace {

constexpr std::size_t largest_batch = 256;
constexpr std::chrono::milliseconds run_time{1500};

const char* name_of(engine kind) {
  return kind == engine::sqlite ? "SQLite" : "PostgreSQL";
}

double ms(std::chrono::steady_clock::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

struct figures {
  double p50 = 0;
  double p99 = 0;
  std::size_t times = 0;
};

figures summary(std::vector<double> took) {
  std::ranges::sort(took);
  return {took[took.size() / 2], took[took.size() * 99 / 100], took.size()};
}

/// One writer in a closed loop: every round, each room says per_room messages, in batches.
void measure_append(fresh_store& store, std::vector<room_writer>& all, std::size_t rooms,
                    std::size_t per_room) {
  std::vector<double> took;
  double total = 0;
  std::size_t messages = 0;
  const auto cpu_before = std::clock();
  const std::vector<std::string> texts(per_room, "a message of some forty letters, as usual");
  while (total < ms(run_time)) {
    for (std::size_t first = 0; first < rooms; first += largest_batch) {
      std::vector<room_write> batch;
      for (std::size_t i = first; i < std::min(rooms, first + largest_batch); ++i) {
        batch.push_back(all[i].say(5, texts));
        for (const auto& e : batch.back().events) {
          batch.back().nonces.push_back({"0123456789abcdef", e.nonce,
                                         "0123456789abcdef0123456789ab", e.message_id, e.seq,
                                         e.text, e.created_at});
        }
      }
      const auto began = std::chrono::steady_clock::now();
      const auto done = store->chat().append(batch);
      took.push_back(ms(std::chrono::steady_clock::now() - began));
      REQUIRE(done);
      REQUIRE(std::ranges::count(*done, room_outcome::ok) == std::ssize(batch));
      total += took.back();
      messages += batch.size() * per_room;
    }
  }
  const double cpu_us =
      static_cast<double>(std::clock() - cpu_before) * 1e6 / static_cast<double>(CLOCKS_PER_SEC);
  const auto f = summary(std::move(took));
  fmt::print(
      "{:>10} {:>5} rooms x {:>2}: {:>6.0f} messages/s, commit p50 {:>6.2f} p99 {:>6.2f} ms, "
      "{:>5.1f} us of this process's CPU per message, {} commits\n",
      name_of(store->kind()), rooms, per_room, static_cast<double>(messages) * 1000 / total, f.p50,
      f.p99, cpu_us / static_cast<double>(messages), f.times);
}

void measure(const fresh_store& store, const char* what, const std::function<bool()>& call) {
  std::vector<double> took;
  for (int i = 0; i < 200; ++i) {
    const auto began = std::chrono::steady_clock::now();
    REQUIRE(call());
    took.push_back(ms(std::chrono::steady_clock::now() - began));
  }
  const auto f = summary(std::move(took));
  fmt::print("{:>10} {:<44} p50 {:>7.3f} p99 {:>7.3f} ms\n", name_of(store.store->kind()), what,
             f.p50, f.p99);
}

}  // namespace

TEST_CASE("chat_store: group commits per second", "[.bench]") {
  fresh_store store(each_engine());
  open_rooms(store, 1000);
  std::vector<room_writer> rooms;
  for (int i = 1; i <= 1000; ++i) {
    rooms.emplace_back(store, i, 1);
  }
  for (const std::size_t count : {1U, 10U, 100U, 1000U}) {
    for (const std::size_t per_room : {1U, 10U}) {
      measure_append(store, rooms, count, per_room);
    }
  }
}

TEST_CASE("chat_store: reading a room of 200,000 messages", "[.bench]") {
  fresh_store store(each_engine());
  open_rooms(store, 3);
  room_writer room(store, 1, 1);
  for (int i = 0; i < 20; ++i) {
    auto w = room.say(5 + i % 3, std::vector<std::string>(10000, "a message of forty letters"));
    for (auto& e : w.events) {
      e.reply_to = e.seq % 4 == 0 ? e.message_id - 2 : 0;
    }
    room.commit(w);
  }
  auto& chat = store->chat();
  history_request newest;
  newest.room = 1;
  auto middle = newest;
  middle.before = 100000;
  measure(store, "history, newest 50", [&] { return chat.history(newest)->size() == 50; });
  measure(store, "history, 50 in the middle", [&] { return chat.history(middle)->size() == 50; });
  measure(store, "find_message", [&] { return chat.find_message(1, 100000).has_value(); });
  measure(store, "messages_of, 20", [&] { return chat.messages_of(1, 6, 20)->size() == 20; });
  measure(store, "member", [&] { return chat.member(1, 2).has_value(); });
  measure(store, "adopt", [&] { return chat.adopt(1, 1, store.time.wall())->ring.size() == 100; });
  measure(store, "adopt, an empty room", [&] { return chat.adopt(2, 1, {}).has_value(); });
  auto w = room.nothing();
  w.events = {room.event(room_event_kind::cleared, 5)};
  w.cleared = {5};
  const auto began = std::chrono::steady_clock::now();
  room.commit(room.finish(w));
  fmt::print("{:>10} clearing 70,000 messages: {:.2f} ms\n", name_of(store->kind()),
             ms(std::chrono::steady_clock::now() - began));
  measure(store, "history, a third of it cleared",
          [&] { return chat.history(middle)->size() == 50; });
}
