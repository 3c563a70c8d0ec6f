// SPDX-License-Identifier: GPL-3.0-or-later
// The facade over real rooms; its reads of the store run on a pool, and are waited for.
#include "actors/chat/chat_service.hpp"

#include <future>

#include "actors/chat/chat_service_reads.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat::testing {
namespace {

account::identity identity_of(user_id user) {
  account::identity who;
  who.id = user;
  who.username = chat::testing::who(user).username;
  who.is_administrator = user == root;
  return who;
}

struct service_bench : world {
  /// Calls f(callback) and answers what the callback got.
  template <class T, class F>
  result<T> call(F f) {
    auto promised = std::make_shared<std::promise<result<T>>>();
    auto answer = promised->get_future();
    f([promised](result<T> r) { promised->set_value(std::move(r)); });
    // A room answers while the bench runs; the pool on its own.
    for (int turn = 0; turn < 100; ++turn) {
      bench.run();
      if (answer.wait_for(turn == 0 ? 0s : 100ms) == std::future_status::ready) {
        return answer.get();
      }
    }
    return fail(errc::internal, "test_waits", "no answer");
  }

  result<posted> say(user_id user, std::string text, std::string nonce = {}) {
    return call<posted>([&](callback<posted> done) {
      service.say(identity_of(user), ada, std::move(text), 0, std::move(nonce), std::move(done));
    });
  }

  result<history_page> read(const history_query& q, user_id channel = ada) {
    return call<history_page>(
        [&](callback<history_page> done) { service.history(channel, q, std::move(done)); });
  }

  result<void> appoint(user_id by, user_id user, bool on = true) {
    return call<void>([&](callback<void> done) {
      service.set_moderator(identity_of(by), ada, user, on, "", std::move(done));
    });
  }

  result<void> ban(user_id by, user_id user, std::optional<std::int64_t> seconds = {}) {
    return call<void>([&](callback<void> done) {
      service.ban_user(identity_of(by), ada, user, seconds, "why", std::move(done));
    });
  }

  result<page<chat::ban>> bans(user_id by, int limit = 20, std::optional<std::string> at = {}) {
    return call<page<chat::ban>>([&](callback<page<chat::ban>> done) {
      service.bans(identity_of(by), ada, limit, at, std::move(done));
    });
  }

  result<page<log_entry>> log_of(user_id by, int limit = 20, std::optional<std::string> at = {}) {
    return call<page<log_entry>>([&](callback<page<log_entry>> done) {
      service.moderation_log(identity_of(by), ada, limit, at, std::move(done));
    });
  }

  result<member_card> card(user_id by, user_id user) {
    return call<member_card>([&](callback<member_card> done) {
      service.card(identity_of(by), ada, user, std::move(done));
    });
  }

  room_bench bench{*this};
  worker_pool pool{"test", 1, 8, figures};
  chat_service service{
      {.store = store, .store_pool = pool, .entities = bench.node(), .time = bench.time()}};
};

std::vector<std::string> texts(const history_page& page) {
  std::vector<std::string> all;
  for (const auto& e : page.events) {
    all.push_back(e.text);
  }
  return all;
}

using lines = std::vector<std::string>;

TEST_CASE("chats: what was said is read page by page, both ways", "[actors][chat][service]") {
  service_bench s;
  std::vector<id> ids;
  for (const auto* text : {"1", "2", "3", "4", "5"}) {
    const auto said = s.say(bob, text);
    REQUIRE(said);
    ids.push_back(said->message_id);
  }
  const auto newest = s.read({.limit = 2});
  REQUIRE(newest);
  CHECK(texts(*newest) == lines{"4", "5"});
  CHECK(newest->next == ids[3]);
  const auto older = s.read({.before = newest->next, .limit = 2});
  CHECK(texts(*older) == lines{"2", "3"});
  const auto oldest = s.read({.before = older->next, .limit = 2});
  CHECK(texts(*oldest) == lines{"1"});
  CHECK_FALSE(oldest->next);

  const auto forward = s.read({.after = ids[0], .limit = 3});
  CHECK(texts(*forward) == lines{"2", "3", "4"});
  CHECK(forward->next == ids[3]);
  CHECK(texts(*s.read({.after = forward->next, .limit = 3})) == lines{"5"});
  CHECK(texts(*s.read({.after = ids[4]})).empty());

  CHECK(texts(*s.read({.before_seq = 3, .limit = 1})) == lines{"2"});
  CHECK(s.read({.before_seq = 3, .limit = 1})->next == 2);
  CHECK(texts(*s.read({.after_seq = 0, .limit = 2})) == lines{"1", "2"});
  CHECK(s.read({.after_seq = 0, .limit = 2})->next == 2);
}

TEST_CASE("chats: a channel nobody spoke in is empty, one that does not exist is not found",
          "[actors][chat][service]") {
  service_bench s;
  CHECK(s.read({})->events.empty());
  CHECK(s.read({}, 999).error().code == errc::not_found);
  const auto moderators_of = [&](user_id channel) {
    return s.call<std::vector<moderator>>([&](callback<std::vector<moderator>> done) {
      s.service.moderators(channel, std::move(done));
    });
  };
  CHECK(moderators_of(ada)->empty());
  CHECK(moderators_of(999).error().code == errc::not_found);
  const auto mode_of_nobody = s.call<chat::mode>(
      [&](callback<chat::mode> done) { s.service.read_mode(999, std::move(done)); });
  CHECK(mode_of_nobody.error().code == errc::not_found);
  CHECK_FALSE(s.bench.node().where({"room", "999"}));
}

TEST_CASE("chats: a nonce makes a post happen once", "[actors][chat][service]") {
  service_bench s;
  const auto first = s.say(bob, "Hello", "n");
  const auto again = s.say(bob, "Hello", "n");
  REQUIRE(again);
  CHECK(again->message_id == first->message_id);
  CHECK(again->seq == first->seq);
  CHECK(s.say(bob, "Other", "n").error().reason == "nonce_reused");
  CHECK(s.say(eve, "Mine", "n")->seq == first->seq + 1);  // another's session
}

TEST_CASE("chats: deleted messages are gone, and stand as deleted by number",
          "[actors][chat][service]") {
  service_bench s;
  const auto said = s.say(bob, "Hello");
  REQUIRE(s.say(bob, "World"));
  const auto remove = [&](user_id by) {
    return s.call<void>([&](callback<void> done) {
      s.service.delete_message(identity_of(by), ada, said->message_id, "why", std::move(done));
    });
  };
  CHECK(remove(eve).error().code == errc::forbidden);
  CHECK(remove(bob));
  CHECK(texts(*s.read({})) == lines{"World"});
  const auto all = s.read({.after_seq = 0});
  REQUIRE(all->events.size() == 3);
  CHECK(all->events[0].kind == event_kind::deleted);
  CHECK(all->events[0].message_id == said->message_id);
  CHECK(all->events[0].text.empty());
  CHECK(all->events[2].kind == event_kind::deleted);
}

TEST_CASE("chats: lists are for moderators, the owner and administrators",
          "[actors][chat][service]") {
  service_bench s;
  REQUIRE(s.appoint(ada, mia));
  const auto [by, may_do] =
      GENERATE(table<user_id, bool>({{ada, true}, {mia, true}, {root, true}, {bob, false}}));
  const bool may = may_do;
  const auto who_asks = identity_of(by);
  const auto expect = [may](const auto& answer) {
    CHECK(answer.has_value() == may);
    if (!answer) {
      CHECK(answer.error().code == errc::forbidden);
    }
  };
  expect(s.bans(by));
  expect(s.log_of(by));
  expect(s.card(by, joe));
  expect(s.call<std::vector<word_rule>>([&](callback<std::vector<word_rule>> done) {
    s.service.words(who_asks, ada, std::move(done));
  }));
  expect(s.call<std::vector<held>>([&](callback<std::vector<held>> done) {
    s.service.held_messages(who_asks, ada, std::move(done));
  }));
  expect(s.call<chat::mode>([&](callback<chat::mode> done) {
    chat::set_mode change;
    change.slow_s = 5;
    s.service.set_mode(who_asks, ada, change, std::move(done));
  }));
  expect(s.ban(by, joe, 60));
}

TEST_CASE("chats: bans are listed newest first, over pages", "[actors][chat][service]") {
  service_bench s;
  for (const auto user : {bob, eve, joe}) {
    s.bench.advance(1s);
    REQUIRE(s.ban(ada, user, user == eve ? std::optional<std::int64_t>(60) : std::nullopt));
  }
  const auto first = s.bans(ada, 2);
  REQUIRE(first->items.size() == 2);
  CHECK(first->items[0].username == "joe");
  CHECK_FALSE(first->items[0].until);
  CHECK(first->items[0].reason == "why");
  CHECK(first->items[0].by_name == "ada");
  CHECK(first->items[1].username == "eve");
  CHECK(first->items[1].until);
  REQUIRE(first->next);
  const auto second = s.bans(ada, 2, first->next);
  REQUIRE(second->items.size() == 1);
  CHECK(second->items[0].username == "bob");
  CHECK_FALSE(second->next);
  s.bench.advance(61s);
  CHECK(s.bans(ada)->items.size() == 2);  // the time-out is over
  REQUIRE(s.call<void>([&](callback<void> done) {
    s.service.unban_user(identity_of(ada), ada, bob, "said sorry", std::move(done));
  }));
  CHECK(s.bans(ada)->items.size() == 1);
  for (const auto* wrong :
       {"", "x", "1", "1.", ".1", "1.0", "-1.1", "1.1.1", "99999999999999999999.1"}) {
    CHECK(s.bans(ada, 2, wrong).error().reason == "invalid_cursor");
  }
}

TEST_CASE("chats: the log is read over pages", "[actors][chat][service]") {
  service_bench s;
  REQUIRE(s.appoint(ada, mia));
  REQUIRE(s.ban(mia, bob, 60));
  REQUIRE(s.appoint(ada, mia, false));
  const auto first = s.log_of(ada, 2);
  REQUIRE(first->items.size() == 2);
  CHECK(first->items[0].action == "dismiss");
  CHECK(first->items[1].action == "timeout");
  CHECK(first->items[1].by == mia);
  CHECK(first->items[1].user == bob);
  CHECK(first->items[1].reason == "why");
  const auto second = s.log_of(ada, 2, first->next);
  REQUIRE(second->items.size() == 1);
  CHECK(second->items[0].action == "appoint");
  CHECK_FALSE(second->next);
  CHECK(s.log_of(ada, 2, "x").error().reason == "invalid_cursor");
}

TEST_CASE("chats: a card shows a user as moderators see one", "[actors][chat][service]") {
  service_bench s;
  s.store.follows[{ada, bob}] = from_unix_ms(1);
  REQUIRE(s.say(bob, "Hello"));
  REQUIRE(s.say(bob, "World"));
  REQUIRE(s.ban(ada, bob, 60));
  const auto banned = s.card(ada, bob);
  REQUIRE(banned);
  CHECK(banned->username == "bob");
  CHECK(banned->role == role::user);
  CHECK(banned->is_banned);
  CHECK(banned->banned_until);
  CHECK(banned->followed_at == from_unix_ms(1));
  REQUIRE(banned->messages.size() == 2);
  CHECK(banned->messages[0].kind == event_kind::deleted);  // cleared by the ban
  CHECK(banned->messages[0].text == "Hello");
  s.bench.advance(61s);
  CHECK_FALSE(s.card(ada, bob)->is_banned);
  CHECK_FALSE(s.card(ada, bob)->banned_until);
  CHECK(s.card(ada, ada)->role == role::owner);
  REQUIRE(s.appoint(ada, mia));
  CHECK(s.card(ada, mia)->role == role::moderator);
  CHECK(s.card(ada, 999).error().code == errc::not_found);
}

TEST_CASE("chats: words, mode and held messages go by way of the room", "[actors][chat][service]") {
  service_bench s;
  REQUIRE(s.call<void>([&](callback<void> done) {
    s.service.set_words(identity_of(ada), ada, {{"secret", word_action::hold}}, "a film night",
                        std::move(done));
  }));
  const auto words = s.call<std::vector<word_rule>>([&](callback<std::vector<word_rule>> done) {
    s.service.words(identity_of(ada), ada, std::move(done));
  });
  REQUIRE(words->size() == 1);
  CHECK(words->front().word == "secret");
  const auto said = s.say(bob, "a secret");
  REQUIRE(said);
  CHECK(said->is_held);
  const auto waiting = s.call<std::vector<held>>([&](callback<std::vector<held>> done) {
    s.service.held_messages(identity_of(ada), ada, std::move(done));
  });
  REQUIRE(waiting->size() == 1);
  CHECK(waiting->front().text == "a secret");
  REQUIRE(s.call<void>([&](callback<void> done) {
    s.service.decide_held(identity_of(ada), ada, waiting->front().message_id, true, "",
                          std::move(done));
  }));
  CHECK(texts(*s.read({})) == lines{"a secret"});
  CHECK(s.call<chat::mode>([&](callback<chat::mode> done) {
    s.service.read_mode(ada, std::move(done));
  }) == chat::mode{});
}

TEST_CASE("chats: says so when the store is away or its pool is full", "[actors][chat][service]") {
  service_bench s;
  REQUIRE(s.say(bob, "Hello"));
  s.store.is_away = true;
  REQUIRE_FALSE(s.read({}));
  CHECK(s.read({}).error().code == errc::unavailable);
  REQUIRE_FALSE(s.card(ada, bob));
  CHECK(s.card(ada, bob).error().code == errc::unavailable);
  s.store.is_away = false;

  std::promise<void> blocked;
  const auto wait = blocked.get_future().share();
  REQUIRE(s.pool.submit([wait] { wait.wait(); }));
  while (s.pool.submit([] {})) {
  }
  const auto refused = s.read({});
  blocked.set_value();
  CHECK(refused.error().reason == "queue_full");
}

TEST_CASE("chats: a cursor of bans is read back", "[actors][chat][service]") {
  const ban_key key{wall_time(std::chrono::microseconds(1'768'473'000'123'456)), 48'210'002};
  CHECK(ban_cursor(key) == "1768473000123456.48210002");
  CHECK(parse_ban_cursor(ban_cursor(key)) == key);
}

}  // namespace
}  // namespace troupe::chat::testing
