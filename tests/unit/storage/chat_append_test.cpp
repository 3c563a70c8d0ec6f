// SPDX-License-Identifier: GPL-3.0-or-later
#include <atomic>
#include <numeric>
#include <thread>

#include "tests/unit/storage/chat_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::int64_t> counting_to(std::int64_t n) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 1);
  return numbers;
}

}  // namespace

TEST_CASE("chat_store: a room is made at its first adoption and belongs to a user", "[storage]") {
  fresh_store store(each_engine());
  add_user(store, 1);
  auto& chat = store->chat();
  const auto room = chat.adopt(1, 3, store.time.wall()).value();
  CHECK(room.owner_name == "user1");
  CHECK(room.last_seq == 0);
  CHECK(room.last_message_id == 0);
  CHECK(room.settings.empty());
  CHECK(room.ring.empty());
  CHECK(room.nonces.empty());
  CHECK(room.held.empty());
  CHECK(room.moderators.empty());
  CHECK_FALSE(room.stream);
  CHECK(error_of(chat.adopt(2, 1, store.time.wall())).code == errc::not_found);
  CHECK(chat.adopt(1, 3, store.time.wall()));
  CHECK(chat.adopt(1, 4, store.time.wall()));
  const auto refused = error_of(chat.adopt(1, 3, store.time.wall()));
  CHECK(refused.code == errc::conflict);
  CHECK(refused.reason == "fenced");
}

TEST_CASE("chat_store: an activation finds everything its predecessor wrote", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 1);
  REQUIRE(store->streams().start_or_get({77, 1, "Evening", {}, store.time.wall()}));
  room_writer room(store, 1, 1);
  auto w = room.nothing();
  for (int i = 0; i < 120; ++i) {
    auto e = room.message(2, "m" + std::to_string(i));
    e.stream = 77;
    e.author_role = 1;
    e.reply_to = i > 0 ? e.message_id - 1 : 0;
    e.details = R"({"quote":"x"})";
    w.events.push_back(e);
  }
  auto banned = room.event(room_event_kind::ban, 3);
  banned.until = store.time.wall() + 60s;
  banned.is_on = true;
  w.events.push_back(banned);
  w.settings = R"({"slow":5})";
  w.held = {held_of(901, "wild"), held_of(900, "mild")};
  w.held[1].session = "s";
  w.held[1].nonce = "n";
  w.held[1].word = "mi";
  w.held[1].reply_to = 1001;
  w.held[1].stream = 77;
  w.held[1].created_at = store.time.wall();
  w.members = {member_of(9)};
  w.members[0].is_moderator = true;
  w.members[0].moderator_since = store.time.wall();
  room.commit(room.finish(w));

  store.reopen();
  const auto found = store->chat().adopt(1, 2, store.time.wall()).value();
  CHECK(found.last_seq == 121);
  CHECK(found.last_message_id == 1120);
  CHECK(found.settings == R"({"slow":5})");
  REQUIRE(found.ring.size() == 100);
  CHECK(found.ring.front().seq == 22);
  CHECK(found.ring.back().seq == 121);
  const auto& last = found.ring.back();
  CHECK(last.kind == room_event_kind::ban);
  CHECK(last.user == 3);
  CHECK(last.is_on);
  CHECK(last.until == store.time.wall() + 60s);
  const auto& said = found.ring[98];
  CHECK(said.text == "m119");
  CHECK(said.message_id == 1120);
  CHECK(said.reply_to == 1119);
  CHECK(said.author_role == 1);
  CHECK(said.username == "user2");
  CHECK(said.nonce == "n120");
  CHECK(said.stream == 77);
  CHECK(said.details == R"({"quote":"x"})");
  CHECK(said.created_at == store.time.wall());
  CHECK_FALSE(said.until);
  REQUIRE(found.held.size() == 2);
  CHECK(found.held[0].text == "mild");
  CHECK(found.held[0].user == 4);
  CHECK(found.held[0].username == "user4");
  CHECK(found.held[0].session == "s");
  CHECK(found.held[0].nonce == "n");
  CHECK(found.held[0].created_at == store.time.wall());
  CHECK(found.held[0].word == "mi");
  CHECK(found.held[0].reply_to == 1001);
  CHECK(found.held[0].stream == 77);
  CHECK(found.held[1].message_id == 901);
  CHECK_FALSE(found.held[1].stream);
  REQUIRE(found.moderators.size() == 1);
  CHECK(found.moderators[0].user == 9);
  CHECK(found.moderators[0].username == "user9");
  CHECK(found.moderators[0].moderator_since == store.time.wall());
  CHECK(found.stream == 77);
  CHECK(found.stream_title == "Evening");
  CHECK(found.stream_status == 0);
}

TEST_CASE("chat_store: a fenced room does not fail its neighbours", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 4);
  auto& chat = store->chat();
  std::vector<room_writer> rooms;
  for (int i = 1; i <= 4; ++i) {
    rooms.emplace_back(store, i, 1);
  }
  REQUIRE(chat.adopt(2, 2, store.time.wall()));
  std::vector<room_write> batch;
  for (const int i : {3, 1, 0, 2}) {
    batch.push_back(rooms[static_cast<std::size_t>(i)].say(5, {"a", "b"}));
    batch.back().nonces = {{"s", "n", "d", 1001, 1, "a", store.time.wall()}};
    batch.back().gone_messages = {1001};
    batch.back().cleared = {6};
    batch.back().members = {member_of(7)};
    batch.back().members[0].is_moderator = true;
    batch.back().settings = "{}";
    batch.back().held = {held_of(5, "h")};
    batch.back().log = {log_of(1, "ban")};
  }
  batch.push_back(room_writer(store, 99, 1).say(1, {"no such room"}));
  const auto done = chat.append(batch).value();
  const auto ok = room_outcome::ok;
  const auto fenced = room_outcome::fenced;
  CHECK(done == std::vector{ok, fenced, ok, ok, fenced});
  for (const user_id room : {1, 3, 4}) {
    CHECK(all_events(store, room).size() == 2);
    CHECK(chat.last_seq(room, 1).value() == 2);
  }
  const auto left_alone = chat.adopt(2, 3, store.time.wall()).value();
  CHECK(left_alone.last_seq == 0);
  CHECK(left_alone.settings.empty());
  CHECK(left_alone.ring.empty());
  CHECK(left_alone.nonces.empty());
  CHECK(left_alone.held.empty());
  CHECK(left_alone.moderators.empty());
  CHECK(chat.moderation_log(2, 10, {}).value().empty());
  CHECK(error_of(chat.last_seq(2, 1)).reason == "fenced");
  CHECK(error_of(chat.last_seq(98, 1)).code == errc::not_found);
}

TEST_CASE("chat_store: a batch that was written is not written again", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 2);
  auto& chat = store->chat();
  room_writer first(store, 1, 1);
  room_writer second(store, 2, 1);
  const auto once = first.say(5, {"a", "b", "c"});
  first.commit(once);
  CHECK(chat.last_seq(1, 1).value() == 3);
  const std::vector<room_write> retry = {once, second.say(5, {"x"})};
  CHECK(chat.append(retry).value() == std::vector{room_outcome::fenced, room_outcome::ok});
  CHECK(texts_of(all_events(store, 1)) == std::vector<std::string>{"a", "b", "c"});
  CHECK(texts_of(all_events(store, 2)) == std::vector<std::string>{"x"});
}

TEST_CASE("chat_store: numbers are dense and ids rise, or nothing is written", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 1);
  auto& chat = store->chat();
  room_writer room(store, 1, 1);
  room.commit(room.say(5, {"a", "b"}));
  const auto outcome_of = [&](const room_write& w) { return chat.append({&w, 1}).value()[0]; };
  SECTION("a gap before the first") {
    room.last_seq = 3;
    CHECK(outcome_of(room.say(5, {"c"})) == room_outcome::fenced);
  }
  SECTION("a number given twice") {
    room.last_seq = 1;
    CHECK(outcome_of(room.say(5, {"c"})) == room_outcome::fenced);
  }
  SECTION("a message id below the last") {
    room.last_message_id = 1001;
    CHECK(outcome_of(room.say(5, {"c"})) == room_outcome::fenced);
  }
  SECTION("a gap inside") {
    auto w = room.say(5, {"c", "d"});
    ++w.events[1].seq;
    ++w.last_seq;
    CHECK(error_of(chat.append({&w, 1})).code == errc::invalid_argument);
  }
  SECTION("a last number that is not the events'") {
    auto w = room.say(5, {"c", "d"});
    ++w.last_seq;
    CHECK(error_of(chat.append({&w, 1})).code == errc::invalid_argument);
  }
  SECTION("ids that fall") {
    auto w = room.say(5, {"c", "d"});
    std::swap(w.events[0].message_id, w.events[1].message_id);
    CHECK(error_of(chat.append({&w, 1})).code == errc::invalid_argument);
  }
  SECTION("a room twice") {
    const auto w = room.say(5, {"c"});
    const std::vector<room_write> twice{w, w};
    CHECK(error_of(chat.append(twice)).code == errc::invalid_argument);
  }
  CHECK(texts_of(all_events(store, 1)) == std::vector<std::string>{"a", "b"});
  CHECK(chat.last_seq(1, 1).value() == 2);
  CHECK(chat.append({}).value().empty());
}

TEST_CASE("chat_store: texts come back as they were, or nothing is written", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 2);
  room_writer room(store, 1, 1);
  std::string longest;
  for (int i = 0; i < 500; ++i) {
    longest += i % 2 == 0 ? "🎉" : "語";
  }
  const std::vector<std::string> texts = {
      longest,
      R"(quotes ' " '' \ \" {"a":"b"} [1] :name ::text $1 ? %s)",
      std::string("controls \x01\x1f\t\n\r\x7f"),
      "null",
      "123",
      "1e5",
      "true",
      " ",
      "\u200f\u202e\ufeff\uffff\U0010ffff",
      "Robert'); DROP TABLE chat_event;--",
      "\\u0041\\n"};
  auto w = room.say(2, texts);
  w.events[1].details = texts[1];
  w.events[1].username = texts[1];
  w.settings = texts[1];
  w.nonces = {{texts[1], texts[2], texts[0], 7, 0, texts[0], store.time.wall()}};
  w.log = {log_of(1, texts[1])};
  w.log[0].by_name = texts[0];
  w.log[0].reason = texts[2];
  room.commit(w);
  const auto events = all_events(store, 1);
  CHECK(texts_of(events) == texts);
  CHECK(events[1].details == texts[1]);
  CHECK(events[1].username == texts[1]);
  const auto found = store->chat().adopt(1, 1, store.time.wall()).value();
  CHECK(found.settings == texts[1]);
  REQUIRE(found.nonces.size() == 1);
  CHECK(found.nonces[0].session == texts[1]);
  CHECK(found.nonces[0].nonce == texts[2]);
  CHECK(found.nonces[0].digest == texts[0]);
  const auto log = store->chat().moderation_log(1, 1, {}).value();
  CHECK(log[0].action == texts[1]);
  CHECK(log[0].by_name == texts[0]);
  CHECK(log[0].reason == texts[2]);
  for (const auto& bad :
       {std::string("a\0b", 3), std::string("\xff"), std::string("\xed\xa0\x80")}) {
    const std::vector<room_write> refused = {room_writer(room).say(2, {bad}),
                                             room_writer(store, 2, 1).say(2, {"fine"})};
    CHECK(error_of(store->chat().append(refused)).reason == "invalid_text");
  }
  CHECK(all_events(store, 1).size() == texts.size());
  CHECK(all_events(store, 2).empty());
}

TEST_CASE("chat_store: 256 rooms with 50 events each are one commit", "[storage]") {
  fresh_store store(each_engine());
  constexpr int rooms = 256;
  open_rooms(store, rooms);
  std::vector<room_write> batch;
  for (int i = rooms; i >= 1; --i) {
    room_writer room(store, i, 1);
    batch.push_back(
        room.say(i, std::vector<std::string>(50, "a message of forty letters, or more")));
    for (const auto& e : batch.back().events) {
      batch.back().nonces.push_back(
          {"session", e.nonce, "digest", e.message_id, e.seq, e.text, e.created_at});
    }
  }
  store.statements.clear();
  const auto done = store->chat().append(batch);
  INFO((done ? std::string() : done.error().message));
  REQUIRE(done);
  CHECK(*done == std::vector(rooms, room_outcome::ok));
  if (store->kind() == engine::postgresql) {
    CHECK(store.statements.size() == 1);
  }
  for (const int room : {1, 128, 256}) {
    const auto found = store->chat().adopt(room, 2, store.time.wall()).value();
    CHECK(seqs_of(found.ring) == counting_to(50));
    CHECK(found.nonces.size() == 50);
  }
}

TEST_CASE("chat_store: a message commit is one statement on PostgreSQL", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 1);
  room_writer room(store, 1, 1);
  store.statements.clear();
  room.commit(room.say(2, {"a"}));
  // SQLite: BEGIN, the room's row, the events, COMMIT.
  CHECK(store.statements.size() == (store->kind() == engine::postgresql ? 1 : 4));
}

TEST_CASE("chat_store: of two activations that race one is fenced, and nothing is lost",
          "[storage]") {
  fresh_store store(each_engine());
  constexpr int rooms = 8;
  open_rooms(store, rooms);
  // Two writers of the same rooms, in opposite orders, with epochs that the takeovers between them
  // raise: what was answered ok is there, once, and numbers stay dense.
  std::atomic<int> taken_over = 0;
  std::atomic<std::size_t> acknowledged = 0;
  std::atomic<int> failed = 0;
  const auto run = [&](int self) {
    std::vector<room_writer> mine;
    const auto take_over = [&](std::int64_t epoch) {
      mine.clear();
      for (int i = 1; i <= rooms; ++i) {
        const auto found = store->chat().adopt(i, epoch, store.time.wall());
        room_writer w(store, i, epoch);
        if (found) {
          w.last_seq = found->last_seq;
          w.last_message_id = std::max<id>(found->last_message_id, 1000);
        }
        mine.push_back(w);
      }
      ++taken_over;
    };
    for (std::int64_t round = 0; round < 20; ++round) {
      take_over(2 + round * 2 + self);
      for (int commit = 0; commit < 3; ++commit) {
        std::vector<room_write> batch;
        for (auto& w : mine) {
          batch.push_back(w.say(self, {"x", "y"}));
        }
        if (self == 1) {
          std::ranges::reverse(batch);
        }
        const auto done = store->chat().append(batch);
        if (!done) {
          ++failed;
          break;
        }
        for (const auto outcome : *done) {
          acknowledged += outcome == room_outcome::ok ? 2 : 0;
        }
      }
    }
  };
  {
    const std::jthread first(run, 0);
    const std::jthread second(run, 1);
  }
  CHECK(taken_over == 40);
  CHECK(failed == 0);
  std::size_t there = 0;
  for (int i = 1; i <= rooms; ++i) {
    const auto events = all_events(store, i);
    CHECK(seqs_of(events) == counting_to(static_cast<std::int64_t>(events.size())));
    there += events.size();
  }
  CHECK(there == acknowledged);
  CHECK(there > 0);
}

TEST_CASE("chat_store: nonces are kept ten minutes, the newest 50,000", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 2);
  auto& chat = store->chat();
  room_writer room(store, 1, 1);
  const auto nonce_at = [&](const std::string& name) {
    return nonce_record{"s", name, "d", 1001, 5, "text", store.time.wall()};
  };
  auto w = room.nothing();
  w.nonces = {nonce_at("old")};
  room.commit(w);
  store.time.advance(9min);
  w.nonces = {nonce_at("young")};
  room.commit(w);
  CHECK(chat.adopt(1, 1, store.time.wall()).value().nonces.size() == 2);
  store.time.advance(2min);
  const auto left = chat.adopt(1, 1, store.time.wall()).value().nonces;
  REQUIRE(left.size() == 1);
  CHECK(left[0].nonce == "young");
  CHECK(left[0].session == "s");
  CHECK(left[0].digest == "d");
  CHECK(left[0].message_id == 1001);
  CHECK(left[0].seq == 5);
  CHECK(left[0].text == "text");
  CHECK(left[0].created_at == store.time.wall() - 2min);
  CHECK(chat.adopt(2, 1, store.time.wall()).value().nonces.empty());

  w.nonces.clear();
  for (int i = 0; i < 5; ++i) {
    w.nonces.push_back(nonce_at(std::to_string(i)));
    store.time.advance(1s);
  }
  room.commit(w);
  CHECK(chat.remove_old_nonces(store.time.wall() - 10min, 100).value() == 1);
  CHECK(chat.remove_old_nonces(store.time.wall() - 10min, 100).value() == 0);
  CHECK(chat.remove_old_nonces(store.time.wall(), 4).value() == 4);
  const auto kept = chat.adopt(1, 1, store.time.wall()).value().nonces;
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].nonce == "3");
  CHECK(kept[1].nonce == "4");
}

TEST_CASE("chat_store: time-outs that are over are removed, and nobody else", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 5);
  auto& chat = store->chat();
  const auto now = store.time.wall() + 24h;
  const auto banned = [](user_id user, std::optional<wall_time> until) {
    auto m = member_of(user);
    m.is_banned = true;
    m.banned_until = until;
    return m;
  };
  room_writer first(store, 1, 1);
  auto w = first.say(1, {"hello"});
  w.members = {banned(1, now - 1ms), banned(2, now), banned(3, now + 1h), banned(4, std::nullopt),
               banned(5, now - 1h)};
  w.members[4].is_moderator = true;  // appointed since
  first.commit(w);
  room_writer second(store, 2, 1);
  w = second.say(1, {"hello"});
  w.members = {banned(1, now - 2h), banned(2, now - 3h)};
  second.commit(w);

  const auto left = [&](user_id room) {
    std::vector<user_id> users;
    for (user_id user = 1; user <= 5; ++user) {
      if (chat.member(room, user).value().is_banned) {
        users.push_back(user);
      }
    }
    return users;
  };
  CHECK(chat.remove_past_timeouts(now - 4h, 10).value() == 0);
  // The first to end go first, in whatever room.
  CHECK(chat.remove_past_timeouts(now, 2).value() == 2);
  CHECK(left(2).empty());
  CHECK(left(1).size() == 5);
  CHECK(chat.remove_past_timeouts(now, 10).value() == 1);
  CHECK(left(1) == std::vector<user_id>{2, 3, 4, 5});
  CHECK(chat.member(1, 5).value().is_moderator);
  CHECK(chat.remove_past_timeouts(now, 10).value() == 0);
}
