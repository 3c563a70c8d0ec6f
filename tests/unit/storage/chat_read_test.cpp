// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/storage/chat_fixture.hpp"

using namespace troupe;
using namespace troupe::storage;
using namespace troupe::storage::test;
using namespace std::chrono_literals;

namespace {

using texts = std::vector<std::string>;

history_request of_room(user_id room, int limit = 50) {
  history_request r;
  r.room = room;
  r.limit = limit;
  return r;
}

texts page(fresh_store& store, const history_request& r) {
  const auto events = store->chat().history(r);
  INFO((events ? std::string() : events.error().message));
  REQUIRE(events);
  return texts_of(*events);
}

/// A room with the messages 1001 "m1" to 1006 "m6" of users 5 and 6 in turn, seq 1 to 7, a mode
/// being the fourth event.
room_writer six_messages(fresh_store& store) {
  open_rooms(store, 7);
  room_writer room(store, 1, 1);
  auto w = room.nothing();
  for (int i = 1; i <= 6; ++i) {
    w.events.push_back(room.message(i % 2 == 1 ? 5 : 6, "m" + std::to_string(i)));
    if (i == 3) {
      w.events.push_back(room.event(room_event_kind::mode, 1));
      w.events.back().details = "{}";
    }
  }
  room.commit(room.finish(w));
  room_writer other(store, 2, 1);
  other.commit(other.say(5, {"elsewhere"}));
  return room;
}

room_write deleting(room_writer& room, id message) {
  auto w = room.nothing();
  w.events = {room.event(room_event_kind::deleted, 5)};
  w.events[0].message_id = message;
  w.gone_messages = {message};
  return room.finish(w);
}

room_write clearing(room_writer& room, user_id user) {
  auto w = room.nothing();
  w.events = {room.event(room_event_kind::cleared, user)};
  w.cleared = {user};
  return room.finish(w);
}

}  // namespace

TEST_CASE("chat_store: history pages both ways, by id and by number", "[storage]") {
  fresh_store store(each_engine());
  six_messages(store);
  auto r = of_room(1, 2);
  SECTION("newest") {
    CHECK(page(store, r) == texts{"m5", "m6"});
    r.limit = 100;
    CHECK(page(store, r) == texts{"m1", "m2", "m3", "m4", "m5", "m6"});
  }
  SECTION("before an id") {
    r.before = 1004;
    CHECK(page(store, r) == texts{"m2", "m3"});
    r.before = 1001;
    CHECK(page(store, r).empty());
    r.before = 5000;
    CHECK(page(store, r) == texts{"m5", "m6"});
  }
  SECTION("after an id") {
    r.after = 1003;
    CHECK(page(store, r) == texts{"m4", "m5"});
    r.after = 1006;
    CHECK(page(store, r).empty());
    r.after = 1;
    CHECK(page(store, r) == texts{"m1", "m2"});
  }
  SECTION("before a number") {
    r.before_seq = 5;
    CHECK(page(store, r) == texts{"m2", "m3"});
    r.before_seq = 1;
    CHECK(page(store, r).empty());
  }
  SECTION("after a number") {
    r.after_seq = 3;
    CHECK(page(store, r) == texts{"m4", "m5"});
    r.after_seq = 7;
    CHECK(page(store, r).empty());
  }
  SECTION("every event") {
    r.only_messages = false;
    r.after_seq = 2;
    CHECK(page(store, r) == texts{"m3", ""});
    r.after_seq.reset();
    r.before = 1004;
    CHECK(page(store, r) == texts{"m3", ""});
    const auto mode = store->chat().history(r).value().back();
    CHECK(mode.kind == room_event_kind::mode);
    CHECK(mode.seq == 4);
    CHECK(mode.details == "{}");
  }
  SECTION("not two edges") {
    r.after = r.before = 1;
    CHECK(error_of(store->chat().history(r)).code == errc::invalid_argument);
  }
  SECTION("an unknown room") {
    CHECK(page(store, of_room(99)).empty());
  }
}

TEST_CASE("chat_store: a deleted message keeps its number and loses its text", "[storage]") {
  fresh_store store(each_engine());
  auto room = six_messages(store);
  auto reply = room.say(6, {"a reply"});
  reply.events[0].reply_to = 1003;
  reply.events[0].details = R"({"quote":"m3"})";
  room.commit(reply);
  auto& chat = store->chat();
  CHECK(chat.find_message(1, 1007).value().details == R"({"quote":"m3"})");
  room.commit(deleting(room, 1003));

  CHECK(page(store, of_room(1)) == texts{"m1", "m2", "m4", "m5", "m6", "a reply"});
  auto r = of_room(1, 2);
  r.after = 1002;
  CHECK(page(store, r) == texts{"m4", "m5"});
  r.after = 1003;  // an edge may be gone
  CHECK(page(store, r) == texts{"m4", "m5"});
  const auto gone = all_events(store, 1)[2];
  CHECK(gone.seq == 3);
  CHECK(gone.message_id == 1003);
  CHECK(gone.is_gone);
  CHECK(gone.text.empty());
  const auto found = chat.find_message(1, 1003).value();
  CHECK(found.is_gone);
  CHECK(found.text.empty());
  CHECK(found.user == 5);
  // What quotes it forgets the quotation, not that it is a reply.
  const auto quoting = chat.find_message(1, 1007).value();
  CHECK(quoting.text == "a reply");
  CHECK(quoting.reply_to == 1003);
  CHECK(quoting.details.empty());
  const auto ring = chat.adopt(1, 1, store.time.wall()).value().ring;
  CHECK(texts_of(ring) == texts{"m1", "m2", "", "", "m4", "m5", "m6", "a reply", ""});
  CHECK(ring[2].is_gone);
  CHECK(ring[7].details.empty());
  CHECK(texts_of(chat.messages_of(1, 5, 20).value()) == texts{"m1", "m3", "m5"});
  CHECK(chat.messages_of(1, 5, 20).value()[1].is_gone);
  // Other rooms' and other kinds' ids are none of it.
  CHECK(error_of(chat.find_message(2, 1003)).code == errc::not_found);
  CHECK(error_of(chat.find_message(1, 999)).code == errc::not_found);
  CHECK(chat.find_message(2, 1001).value().text == "elsewhere");
}

TEST_CASE("chat_store: clearing takes all that a user had said, and no more", "[storage]") {
  fresh_store store(each_engine());
  auto room = six_messages(store);
  auto& chat = store->chat();
  room.commit(clearing(room, 5));
  room.commit(room.say(5, {"back again"}));
  CHECK(page(store, of_room(1)) == texts{"m2", "m4", "m6", "back again"});
  auto r = of_room(1, 2);
  r.before = 1006;
  CHECK(page(store, r) == texts{"m2", "m4"});
  CHECK(chat.find_message(1, 1001).value().is_gone);
  CHECK(chat.find_message(1, 1001).value().text.empty());
  CHECK(chat.find_message(1, 1007).value().text == "back again");
  CHECK(texts_of(chat.messages_of(1, 5, 3).value()) == texts{"m3", "m5", "back again"});
  CHECK(page(store, of_room(2)) == texts{"elsewhere"});
  const auto ring = chat.adopt(1, 2, store.time.wall()).value().ring;
  CHECK(texts_of(ring) == texts{"", "m2", "", "", "m4", "", "m6", "", "back again"});
  CHECK_FALSE(ring[3].is_gone);  // an event of the room, not a message
}

TEST_CASE("chat_store: what one write says and takes back is gone", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 1);
  room_writer room(store, 1, 1);
  auto w = room.nothing();
  w.events = {room.message(5, "deleted"), room.message(6, "cleared"), room.message(5, "stays")};
  w.events.push_back(room.event(room_event_kind::deleted, 5));
  w.events.back().message_id = 1001;
  w.gone_messages = {1001};
  w.events.push_back(room.event(room_event_kind::cleared, 6));
  w.cleared = {6};
  w.events.push_back(room.message(6, "later"));
  w.held = {held_of(500, "held"), held_of(501, "kept")};
  w.decided = {500};
  w.members = {member_of(6), member_of(6)};
  w.members[1].is_moderator = true;
  room.commit(room.finish(w));
  CHECK(page(store, of_room(1)) == texts{"stays", "later"});
  const auto found = store->chat().adopt(1, 1, store.time.wall()).value();
  REQUIRE(found.held.size() == 1);
  CHECK(found.held[0].message_id == 501);
  CHECK(found.moderators.size() == 1);
}

TEST_CASE("chat_store: held messages wait until they are decided", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 2);
  room_writer room(store, 1, 1);
  room_writer other(store, 2, 1);
  for (auto* each : {&room, &other}) {
    auto w = each->nothing();
    w.held = {held_of(500, "a"), held_of(501, "b"), held_of(502, "c")};
    each->commit(w);
  }
  auto w = room.nothing();
  w.decided = {500, 502, 999};
  room.commit(w);
  const auto left = store->chat().adopt(1, 1, store.time.wall()).value().held;
  REQUIRE(left.size() == 1);
  CHECK(left[0].text == "b");
  CHECK(store->chat().adopt(2, 1, store.time.wall()).value().held.size() == 3);
}

TEST_CASE("chat_store: a member's record is replaced, and knows since when they follow",
          "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 7);
  auto& chat = store->chat();
  CHECK(error_of(chat.member(1, 99)).code == errc::not_found);
  const auto unknown = chat.member(1, 6).value();
  CHECK(unknown.user == 6);
  CHECK(unknown.username == "user6");
  CHECK_FALSE(unknown.is_moderator);
  CHECK_FALSE(unknown.is_banned);
  CHECK_FALSE(unknown.followed_at);

  room_writer room(store, 1, 1);
  auto w = room.nothing();
  w.members = {member_of(6)};
  auto& m = w.members[0];
  m.is_moderator = true;
  m.moderator_since = store.time.wall();
  m.is_banned = true;
  m.banned_until = store.time.wall() + 5s;
  m.ban_reason = "rude";
  m.banned_by = 1;
  m.banned_by_name = "user1";
  m.banned_at = store.time.wall();
  room.commit(w);
  const auto limit = std::int64_t{1000};
  REQUIRE(store->follows().add(6, 1, store.time.wall() - 60s, limit));
  REQUIRE(store->follows().add(1, 6, store.time.wall(), limit));
  auto found = chat.member(1, 6).value();
  CHECK(found.user == 6);
  CHECK(found.username == "user6");
  CHECK(found.is_moderator);
  CHECK(found.moderator_since == store.time.wall());
  CHECK(found.is_banned);
  CHECK(found.banned_until == store.time.wall() + 5s);
  CHECK(found.ban_reason == "rude");
  CHECK(found.banned_by == 1);
  CHECK(found.banned_by_name == "user1");
  CHECK(found.banned_at == store.time.wall());
  CHECK(found.followed_at == store.time.wall() - 60s);
  CHECK(chat.moderators(1).value().size() == 1);
  CHECK(chat.moderators(1).value()[0].followed_at == store.time.wall() - 60s);
  CHECK(chat.moderators(2).value().empty());
  CHECK_FALSE(chat.member(2, 6).value().is_banned);

  w.members = {member_of(6)};
  room.commit(w);
  found = chat.member(1, 6).value();
  CHECK_FALSE(found.is_moderator);
  CHECK_FALSE(found.moderator_since);
  CHECK_FALSE(found.is_banned);
  CHECK_FALSE(found.banned_until);
  CHECK(found.ban_reason.empty());
  CHECK(found.followed_at);
  CHECK(chat.moderators(1).value().empty());
  CHECK(chat.bans(1, store.time.wall(), 10, {}).value().empty());
}

TEST_CASE("chat_store: a member's record has when they last said something", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 7);
  auto& chat = store->chat();
  room_writer room(store, 1, 1);
  CHECK_FALSE(chat.member(1, 6).value().said_at);
  auto w = room.nothing();
  w.events = {room.message(6, "one"), room.message(6, "two"), room.message(5, "three"),
              room.event(room_event_kind::ban, 6)};
  w.events[0].created_at = store.time.wall() - 60s;
  w.events[1].created_at = store.time.wall() - 50s;
  room.commit(room.finish(w));
  CHECK(chat.member(1, 6).value().said_at == store.time.wall() - 50s);
  CHECK_FALSE(chat.member(1, 7).value().said_at);
  CHECK_FALSE(chat.member(2, 6).value().said_at);
}

TEST_CASE("chat_store: bans are listed newest first while they last", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 1);
  room_writer room(store, 1, 1);
  auto w = room.nothing();
  const auto now = store.time.wall();
  for (user_id user = 10; user < 20; ++user) {
    auto m = member_of(user);
    m.is_banned = true;
    m.banned_at = now + std::chrono::seconds(user / 2);  // two at a time
    if (user >= 15) {
      m.banned_until = now + std::chrono::hours(user);
    }
    w.members.push_back(m);
  }
  room.commit(w);
  const auto users = [](const std::vector<member_record>& members) {
    std::vector<user_id> ids;
    ids.reserve(members.size());
    for (const auto& m : members) {
      ids.push_back(m.user);
    }
    return ids;
  };
  auto& chat = store->chat();
  std::vector<user_id> all;
  std::optional<std::pair<wall_time, user_id>> before;
  for (int pages = 0; pages < 5; ++pages) {
    const auto list = chat.bans(1, now, 3, before).value();
    for (const auto& m : list) {
      all.push_back(m.user);
      before = {m.banned_at, m.user};
    }
  }
  CHECK(all == std::vector<user_id>{19, 18, 17, 16, 15, 14, 13, 12, 11, 10});
  const auto later = chat.bans(1, now + std::chrono::hours(17), 3, {}).value();
  CHECK(users(later) == std::vector<user_id>{19, 18, 14});
  CHECK(later[0].banned_until == now + std::chrono::hours(19));
  CHECK_FALSE(later[2].banned_until);
  CHECK(chat.bans(2, now, 3, {}).value().empty());
}

TEST_CASE("chat_store: the log keeps what was said and pages by its ids", "[storage]") {
  fresh_store store(each_engine());
  auto room = six_messages(store);
  for (id i = 1; i <= 5; ++i) {
    auto w = deleting(room, 1000 + i);
    w.log = {log_of(i, "delete")};
    w.log[0].by = 1;
    w.log[0].by_name = "user1";
    w.log[0].user = 5;
    w.log[0].username = "user5";
    w.log[0].message_id = 1000 + i;
    w.log[0].text = "m" + std::to_string(i);
    w.log[0].reason = "spam";
    w.log[0].details = "{}";
    w.log[0].created_at = store.time.wall();
    room.commit(w);
  }
  auto& chat = store->chat();
  const auto first = chat.moderation_log(1, 2, {}).value();
  REQUIRE(first.size() == 2);
  CHECK(first[0].log_id == 5);
  CHECK(first[0].action == "delete");
  CHECK(first[0].by == 1);
  CHECK(first[0].by_name == "user1");
  CHECK(first[0].user == 5);
  CHECK(first[0].username == "user5");
  CHECK(first[0].message_id == 1005);
  CHECK(first[0].text == "m5");
  CHECK(first[0].reason == "spam");
  CHECK(first[0].details == "{}");
  CHECK(first[0].created_at == store.time.wall());
  const auto next = chat.moderation_log(1, 10, first[1].log_id).value();
  REQUIRE(next.size() == 3);
  CHECK(next[2].log_id == 1);
  CHECK(chat.moderation_log(2, 10, {}).value().empty());
  CHECK(page(store, of_room(1)) == texts{"m6"});
}

TEST_CASE("chat_store: settings stay until they are replaced", "[storage]") {
  fresh_store store(each_engine());
  open_rooms(store, 1);
  room_writer room(store, 1, 1);
  auto w = room.nothing();
  w.settings = R"({"words":["ü"]})";
  room.commit(w);
  room.commit(room.say(2, {"a"}));
  CHECK(store->chat().adopt(1, 2, store.time.wall()).value().settings == R"({"words":["ü"]})");
  room_writer heir(store, 1, 2);
  heir.last_seq = 1;
  heir.last_message_id = 1001;
  w = heir.nothing();
  w.settings = "";
  heir.commit(w);
  CHECK(store->chat().adopt(1, 2, store.time.wall()).value().settings.empty());
}
