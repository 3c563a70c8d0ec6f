// SPDX-License-Identifier: GPL-3.0-or-later
// The room on a real database: what one activation leaves is what the next one finds.
#include "storage/database.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

/// Loses the answers to writes when told.
struct forgetful_store final : storage::chat_store {
  explicit forgetful_store(storage::chat_store& s) : real(s) {}

  result<storage::adopted_room> adopt(user_id room, std::int64_t epoch, wall_time now) override {
    return real.adopt(room, epoch, now);
  }

  result<std::vector<storage::room_outcome>> append(
      std::span<const storage::room_write> w) override {
    auto done = real.append(w);
    if (loses_next) {
      loses_next = false;
      return fail(errc::unavailable, "the answer was lost");
    }
    return done;
  }

  result<std::int64_t> last_seq(user_id room, std::int64_t epoch) override {
    return real.last_seq(room, epoch);
  }

  result<std::vector<storage::room_event>> history(const storage::history_request& r) override {
    return real.history(r);
  }

  result<storage::room_event> find_message(user_id room, id message_id) override {
    return real.find_message(room, message_id);
  }

  result<storage::member_record> member(user_id room, user_id user) override {
    return real.member(room, user);
  }

  result<std::vector<storage::member_record>> moderators(user_id room) override {
    return real.moderators(room);
  }

  result<std::vector<storage::member_record>> bans(
      user_id room, wall_time now, int limit,
      std::optional<std::pair<wall_time, user_id>> before) override {
    return real.bans(room, now, limit, before);
  }

  result<std::vector<storage::room_event>> messages_of(user_id room, user_id user,
                                                       int limit) override {
    return real.messages_of(room, user, limit);
  }

  result<std::vector<storage::moderation_entry>> moderation_log(user_id room, int limit,
                                                                std::optional<id> before) override {
    return real.moderation_log(room, limit, before);
  }

  result<std::size_t> remove_old_nonces(wall_time before, int limit) override {
    return real.remove_old_nonces(before, limit);
  }

  result<std::size_t> remove_past_timeouts(wall_time before, int limit) override {
    return real.remove_past_timeouts(before, limit);
  }

  storage::chat_store& real;
  bool loses_next = false;
};

struct disk {
  disk() {
    for (const auto user : {ada, bob, eve, mia}) {
      const auto name = who(user).username;
      const auto mark = static_cast<std::uint8_t>(user);
      REQUIRE(database->users().add({.id = user,
                                     .username = name,
                                     .email = name + "@example.org",
                                     .password_hash = "x",
                                     .is_administrator = false,
                                     .created_at = time.wall()},
                                    {.username_key = name,
                                     .email_key = name + "@example.org",
                                     .sealed_stream_key = {mark},
                                     .stream_key_digest = {mark}}));
    }
  }

  manual_clock time;
  metrics figures;
  test::temporary_folder folder;
  std::unique_ptr<storage::database> database =
      storage::database::open("sqlite:" + (folder.path / "troupe.db").string(), time, figures)
          .value();
  forgetful_store store{database->chat()};
  id_generator ids{time, 1};
  runtime::testing::memory_entity_log log;
  room_metrics counters{figures};
  chat_log_metrics log_counters{figures};
  chat_log_dependencies log_needs{store, log_counters, {}};
  room_dependencies needs{store, ids, counters, nullptr, "a", {}};
};

struct disk_bench : runtime::testing::entity_bench {
  disk_bench(disk& d, std::uint64_t incarnation) : entity_bench(&d.log, incarnation) {
    node().add_kind<chat_log>(
        [&d](const runtime::entity_name&) { return std::make_unique<chat_log>(d.log_needs); },
        chat_log::options());
    node().add_kind<room>(
        [&d](const runtime::entity_name& n) { return std::make_unique<room>(n, d.needs); },
        room::options());
  }

  result<posted> say(user_id user, std::string text, std::string nonce = {}, id reply_to = 0) {
    return ask(name, post{who(user), "s" + std::to_string(user), std::move(nonce), std::move(text),
                          reply_to});
  }

  const runtime::entity_name name{"room", std::to_string(ada)};
};

}  // namespace

TEST_CASE("room on a database: the next activation finds all of it", "[actors][chat]") {
  disk d;
  std::vector<event> before;
  std::optional<posted> said;
  {
    disk_bench bench(d, 1);
    said = *bench.say(bob, "one \U0001F600 \"quoted\"", "n1");
    REQUIRE(bench.say(eve, "two", {}, said->message_id));
    const auto gone = bench.say(bob, "three");
    REQUIRE(bench.ask(bench.name, delete_message{who(ada), gone->message_id, "rude"}));
    REQUIRE(bench.ask(bench.name, set_moderator{who(ada), mia, true}));
    REQUIRE(bench.ask(bench.name, set_words{who(mia), {{"hm", word_action::hold}}}));
    const auto waits = bench.say(bob, "hm", "n2");
    REQUIRE(reason(waits) == "ok");
    REQUIRE(waits->is_held);
    REQUIRE(bench.ask(bench.name, set_mode{who(mia), 5, true, {}}));
    REQUIRE(bench.ask(bench.name, ban_user{who(mia), eve, 60, "enough"}));
    before = bench.ask(bench.name, subscribe{"a/7", {}})->events;
    REQUIRE(before.size() == 8);
  }
  disk_bench bench(d, 2);
  const auto after = bench.ask(bench.name, subscribe{"a/7", {}});
  REQUIRE(after);
  REQUIRE(after->events.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    CAPTURE(i);
    CHECK(runtime::encode(after->events[i]) == runtime::encode(before[i]));
  }
  CHECK(after->mode == mode{5, {}});
  CHECK(after->moderators == std::vector{mia});
  CHECK(after->held == 1);
  CHECK(reason(bench.say(eve, "x")) == "banned");
  const auto again = bench.say(bob, "one \U0001F600 \"quoted\"", "n1");
  REQUIRE(again);
  CHECK(again->seq == said->seq);
  CHECK(again->text == said->text);
  CHECK(again->created_ms == said->created_ms);
  CHECK(bench.say(bob, "hm", "n2")->is_held);
  const auto held = bench.ask(bench.name, read_held{who(ada)});
  REQUIRE(held->items.size() == 1);
  REQUIRE(bench.ask(bench.name, decide_held{who(mia), held->items[0].message_id, true}));
  CHECK(bench.ask(bench.name, subscribe{"a/7", {}})->last_seq == 9);
  CHECK(d.database->chat().moderation_log(ada, 50, {})->size() == 6);
}

TEST_CASE("room on a database: lost answers are read back", "[actors][chat]") {
  disk d;
  disk_bench bench(d, 1);
  REQUIRE(bench.say(bob, "one"));
  d.store.loses_next = true;
  CHECK(bench.say(bob, "two")->seq == 2);
  d.store.loses_next = true;
  REQUIRE(bench.ask(bench.name, set_words{who(ada), {{"hm", word_action::hold}}}));
  d.store.loses_next = true;
  CHECK(bench.say(bob, "hm", "n")->is_held);
  CHECK(bench.ask(bench.name, read_held{who(ada)})->items.size() == 1);
  CHECK(bench.say(bob, "three")->seq == 3);
  CHECK(d.database->chat()
            .history({.room = ada,
                      .before = {},
                      .after = {},
                      .before_seq = {},
                      .after_seq = {},
                      .limit = 50,
                      .only_messages = true})
            ->size() == 3);
  CHECK(d.database->chat().moderation_log(ada, 50, {})->size() == 1);
}

}  // namespace troupe::chat
