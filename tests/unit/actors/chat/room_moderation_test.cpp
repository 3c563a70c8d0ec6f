// SPDX-License-Identifier: GPL-3.0-or-later
// Who may do what, and what it does.
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

struct staffed_bench : room_bench {
  explicit staffed_bench(world& w, std::uint64_t incarnation = 1) : room_bench(w, incarnation) {
    if (incarnation == 1) {
      REQUIRE(command(ada, set_moderator{who(ada), mia, true}));
      REQUIRE(subscribe_as("a/7"));
    }
  }

  std::string ban(user_id by, user_id user, std::optional<std::int64_t> seconds = {}) {
    return reason(command(by, ban_user{who(by), user, seconds, "because"}));
  }

  std::vector<event_kind> kinds() {
    std::vector<event_kind> out;
    for (const auto& e : shown("a/7")) {
      out.push_back(e.kind);
    }
    return out;
  }
};

}  // namespace

TEST_CASE("room moderation: who may do what", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  const auto said = bench.say(joe, "theirs");

  struct row {
    user_id by;
    bool moderates;
    bool owns;
  };

  const auto [by, moderates, owns] =
      GENERATE(row{eve, false, false}, row{mia, true, false}, row{ada, true, true},
               row{root, true, true}, row{0, false, false});
  CAPTURE(by);
  const std::string if_moderates = moderates ? "ok" : "forbidden";
  const std::string if_owns = owns ? "ok" : "forbidden";
  CHECK(reason(bench.command(by, read_words{who(by)})) == if_moderates);
  CHECK(reason(bench.command(by, read_held{who(by)})) == if_moderates);
  CHECK(reason(bench.command(by, set_words{who(by), {}})) == if_moderates);
  CHECK(reason(bench.command(by, set_mode{who(by), 5, false, {}})) == if_moderates);
  CHECK(bench.ban(by, joe, 60) == if_moderates);
  CHECK(reason(bench.command(by, unban_user{who(by), joe})) == if_moderates);
  CHECK(reason(bench.command(by, delete_message{who(by), said->message_id, ""})) == if_moderates);
  CHECK(reason(bench.command(by, decide_held{who(by), 1, true})) ==
        (moderates ? "not_found" : "forbidden"));
  CHECK(reason(bench.command(by, set_moderator{who(by), joe, true})) == if_owns);
  CHECK(reason(bench.command(by, set_moderator{who(by), joe, false})) == if_owns);
  CHECK(bench.ban(by, mia, 60) == if_owns);  // moderators do not ban moderators, nor themselves
  CHECK(bench.ban(by, ada) == "forbidden");  // nobody bans the owner
  CHECK(bench.say(ada, "still here"));
}

TEST_CASE("room moderation: the role of each", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  const auto role_of = [&](user_id user) {
    return bench.ask(bench.name, read_role{who(user)})->role;
  };
  CHECK(role_of(ada) == role::owner);
  CHECK(role_of(mia) == role::moderator);
  CHECK(role_of(root) == role::moderator);
  CHECK(role_of(bob) == role::user);
  CHECK(role_of(0) == role::user);
  REQUIRE(bench.say(mia, "x"));
  CHECK(bench.shown("a/7").back().author_role == role::moderator);
  REQUIRE(bench.say(ada, "x"));
  CHECK(bench.shown("a/7").back().author_role == role::owner);
}

TEST_CASE("room moderation: a deleted message is gone everywhere", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  const auto said = bench.say(bob, "bad");
  SECTION("by a moderator") {
    REQUIRE(bench.command(mia, delete_message{who(mia), said->message_id, "rude"}));
    REQUIRE(bench.stored().log.size() == 2);
    const auto& entry = bench.stored().log.back();
    CHECK(entry.action == "delete");
    CHECK(entry.by == mia);
    CHECK(entry.user == bob);
    CHECK(entry.message_id == said->message_id);
    CHECK(entry.text == "bad");
    CHECK(entry.reason == "rude");
  }
  SECTION("by its author") {
    REQUIRE(bench.command(bob, delete_message{who(bob), said->message_id, ""}));
  }
  SECTION("when the room has it in its ring no more") {
    for (int i = 0; i < 120; ++i) {
      REQUIRE(bench.say(ada, "x"));
    }
    REQUIRE(bench.command(bob, delete_message{who(bob), said->message_id, ""}));
    CHECK(reason(bench.command(eve, delete_message{who(eve), said->message_id, ""})) ==
          "forbidden");
  }
  const auto event = bench.shown("a/7").back();
  CHECK(event.kind == event_kind::deleted);
  CHECK(event.message_id == said->message_id);
  CHECK(bench.stored().gone.contains(said->message_id));
  const auto seen = bench.subscribe_as("b/7").value();
  for (const auto& e : seen.events) {
    CHECK(e.text != "bad");
  }
  // Again: done already, and no further event.
  const auto seq = bench.stored().last_seq;
  CHECK(bench.command(mia, delete_message{who(mia), said->message_id, ""}));
  CHECK(bench.stored().last_seq == seq);
  CHECK(reason(bench.command(mia, delete_message{who(mia), 4711, ""})) == "not_found");
  CHECK(reason(bench.command(eve, delete_message{who(eve), 4711, ""})) == "forbidden");
}

TEST_CASE("room moderation: a ban clears, is told, and holds across activations",
          "[actors][chat]") {
  world w;
  {
    staffed_bench bench(w);
    REQUIRE(bench.say(bob, "bad"));
    REQUIRE(bench.say(eve, "good"));
    REQUIRE(bench.ban(mia, bob) == "ok");
    const auto shown = bench.shown("a/7");
    REQUIRE(shown.size() >= 2);
    const auto& ban = shown[shown.size() - 2];
    CHECK(ban.kind == event_kind::ban);
    CHECK(ban.user == bob);
    CHECK(ban.username == "bob");
    CHECK(ban.is_on);
    CHECK_FALSE(ban.until_ms);
    CHECK(shown.back().kind == event_kind::cleared);
    CHECK(shown.back().user == bob);
    const auto seen = bench.subscribe_as("b/7").value();
    for (const auto& e : seen.events) {
      CHECK(e.text != "bad");
    }
    CHECK(reason(bench.say(bob, "x")) == "banned");
    CHECK(bench.refused("banned") == 1);
    const auto& record = bench.stored().members.at(bob);
    CHECK(record.ban_reason == "because");
    CHECK(record.banned_by == mia);
    CHECK(record.banned_by_name == "mia");
    CHECK(bench.stored().log.back().action == "ban");
  }
  staffed_bench bench(w, 2);
  CHECK(reason(bench.say(bob, "x")) == "banned");
  bench.advance(20 * 24h / 1000);  // some time
  CHECK(reason(bench.say(bob, "x")) == "banned");
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.command(mia, unban_user{who(mia), bob}));
  CHECK(bench.shown("a/7").back().kind == event_kind::ban);
  CHECK_FALSE(bench.shown("a/7").back().is_on);
  CHECK(bench.stored().log.back().action == "unban");
  CHECK(bench.say(bob, "back"));
  const auto seq = bench.stored().last_seq;
  CHECK(bench.command(mia, unban_user{who(mia), bob}));  // nothing to lift
  CHECK(bench.stored().last_seq == seq);
}

TEST_CASE("room moderation: a time-out ends by itself", "[actors][chat]") {
  world w;
  std::optional<staffed_bench> bench;
  bench.emplace(w);
  REQUIRE(bench->ban(mia, bob, 60) == "ok");
  const auto ban = bench->shown("a/7")[bench->shown("a/7").size() - 2];
  CHECK(ban.until_ms == to_unix_ms(bench->time().wall()) + 60'000);
  CHECK(bench->stored().log.back().action == "timeout");
  CHECK(bench->stored().log.back().details == R"({"duration_s":60})");
  bench->advance(20s);
  CHECK(bench->say(bob, "x").error().retry_after == 40'000ms);
  SECTION("in the same activation") {}
  SECTION("in another one") {
    const auto at = bench->time().wall();
    bench.reset();
    bench.emplace(w, 2);
    bench->time().advance(at - bench->time().wall());
    CHECK(reason(bench->say(bob, "x")) == "banned");
  }
  bench->advance(40s);
  CHECK(bench->say(bob, "back"));
  CHECK(bench->ban(mia, bob, 0) == "invalid_duration");
  CHECK(bench->ban(mia, bob, 1'209'601) == "invalid_duration");
  CHECK(bench->ban(mia, bob, 1'209'600) == "ok");
  CHECK(bench->ban(mia, bob) == "ok");  // now for good
  CHECK_FALSE(bench->stored().members.at(bob).banned_until);
}

TEST_CASE("room moderation: nobody is banned who does not exist", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  CHECK(bench.ban(mia, 4711) == "not_found");
  CHECK(reason(bench.command(mia, unban_user{who(mia), 4711})) == "not_found");
  CHECK(reason(bench.command(ada, set_moderator{who(ada), 4711, true})) == "not_found");
  CHECK(reason(bench.command(mia, ban_user{who(mia), bob, {}, "\xFF"})) == "invalid_message");
  CHECK(reason(bench.command(mia, ban_user{who(mia), bob, {}, std::string(501, 'x')})) ==
        "invalid_message");
}

TEST_CASE("room moderation: a banned moderator is one no more", "[actors][chat]") {
  world w;
  {
    staffed_bench bench(w);
    REQUIRE(bench.ban(ada, mia, 60) == "ok");
    CHECK(reason(bench.say(mia, "x")) == "banned");
    CHECK(reason(bench.command(mia, unban_user{who(mia), mia})) == "forbidden");
    CHECK(bench.subscribe_as("b/7")->moderators.empty());
    CHECK(reason(bench.command(ada, set_moderator{who(ada), mia, true})) == "is_banned");
  }
  staffed_bench bench(w, 2);
  CHECK(bench.subscribe_as("b/7")->moderators.empty());
}

TEST_CASE("room moderation: moderators are appointed and dismissed for good", "[actors][chat]") {
  world w;
  {
    staffed_bench bench(w);
    CHECK(bench.shown("a/7").empty());
    CHECK(bench.subscribe_as("a/7")->moderators == std::vector{mia});
    REQUIRE(bench.command(ada, set_moderator{who(ada), bob, true}));
    const auto event = bench.shown("a/7").back();
    CHECK(event.kind == event_kind::role);
    CHECK(event.user == bob);
    CHECK(event.author_role == role::moderator);
    REQUIRE(bench.command(ada, set_moderator{who(ada), mia, false}));
    CHECK(bench.shown("a/7").back().author_role == role::user);
    CHECK(bench.stored().log.back().action == "dismiss");
    const auto seq = bench.stored().last_seq;
    CHECK(bench.command(ada, set_moderator{who(ada), mia, false}));
    CHECK(bench.stored().last_seq == seq);
    CHECK(reason(bench.command(ada, set_moderator{who(ada), ada, true})) == "is_owner");
    w.needs.settings.moderators = 1;
    CHECK(reason(bench.command(ada, set_moderator{who(ada), eve, true})) == "too_many_moderators");
  }
  staffed_bench bench(w, 2);
  const auto joined = bench.subscribe_as("a/7");
  CHECK(joined->moderators == std::vector{bob});
  CHECK(joined->events.back().kind == event_kind::role);
  CHECK(joined->events.back().author_role == role::user);
}

TEST_CASE("room moderation: the mode is everybody's, and stays", "[actors][chat]") {
  world w;
  {
    staffed_bench bench(w);
    const auto set = bench.command(mia, set_mode{who(mia), 30, false, {}});
    REQUIRE(set);
    CHECK(*set == mode{30, {}});
    CHECK(*bench.command(mia, set_mode{who(mia), {}, true, 600}) == mode{30, 600});
    CHECK(bench.shown("a/7").back().kind == event_kind::mode);
    CHECK(bench.shown("a/7").back().mode == mode{30, 600});
    const auto seq = bench.stored().last_seq;
    CHECK(*bench.command(mia, set_mode{who(mia), 30, false, {}}) == mode{30, 600});
    CHECK(bench.stored().last_seq == seq);
    for (const auto& wrong :
         {set_mode{who(mia), -1, false, {}}, set_mode{who(mia), 3601, false, {}},
          set_mode{who(mia), {}, true, -1}, set_mode{who(mia), {}, true, 7'776'001}}) {
      CHECK(reason(bench.command(mia, wrong)) == "invalid_mode");
    }
    CHECK(bench.stored().log.back().details ==
          R"({"slow_mode_s":30,"followers_only_min_age_s":600})");
  }
  staffed_bench bench(w, 2);
  CHECK(bench.ask(bench.name, read_mode{})->mode == mode{30, 600});
  CHECK(bench.subscribe_as("a/7")->mode == mode{30, 600});
  CHECK(bench.subscribe_as("a/7")->events.back().mode == mode{30, 600});
}

TEST_CASE("room moderation: the list of words refuses, masks and stays", "[actors][chat]") {
  world w;
  {
    staffed_bench bench(w);
    REQUIRE(bench.command(mia, set_words{who(mia),
                                         {{"spam", word_action::refuse},
                                          {"Darn", word_action::mask},
                                          {"darn", word_action::refuse}}}));
    CHECK(reason(bench.say(bob, "buy SPAM")) == "blocked_word");
    const auto masked = bench.say(bob, "well, darn it", "n");
    REQUIRE(masked);
    CHECK(masked->text == "well, **** it");
    CHECK(bench.say(bob, "well, darn it", "n")->seq == masked->seq);
    CHECK(bench.say(mia, "spam is what we refuse")->text == "spam is what we refuse");
    CHECK(reason(bench.command(mia, set_words{who(mia), {{"", word_action::hold}}})) ==
          "invalid_words");
    CHECK(reason(bench.command(mia,
                               set_words{who(mia), {{std::string(65, 'x'), word_action::hold}}})) ==
          "invalid_words");
    CHECK(reason(bench.command(
              mia, set_words{who(mia), std::vector<word_rule>(501, {"x", word_action::hold})})) ==
          "invalid_words");
  }
  staffed_bench bench(w, 2);
  const auto words = bench.command(mia, read_words{who(mia)});
  REQUIRE(words);
  REQUIRE(words->words.size() == 2);  // the double is gone
  CHECK(words->words[1].word == "Darn");
  CHECK(words->words[1].action == word_action::mask);
  CHECK(reason(bench.say(bob, "spam")) == "blocked_word");
}

TEST_CASE("room moderation: who deletes again what is their own is told that it is done",
          "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  const auto said = bench.say(bob, "mine");
  const delete_message erase{who(bob), said->message_id, ""};
  bench.hold_jobs(true);
  const auto first = bench.begin(bench.session_of(bob), bench.name, erase);
  const auto second = bench.begin(bench.session_of(bob), bench.name, erase);
  bench.run();
  CHECK_FALSE(second->has_value());  // not before it is stored
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(**first);
  REQUIRE(**second);
  CHECK(reason(bench.command(bob, erase)) == "ok");
  CHECK(bench.stored().last_seq == 3);  // appointed, said, deleted: once
  CHECK(reason(bench.command(eve, delete_message{who(eve), said->message_id, ""})) == "forbidden");
}

TEST_CASE("room moderation: a reply that waits for its quote obeys what was decided meanwhile",
          "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  const auto old = bench.say(eve, "old");
  for (int i = 0; i < 110; ++i) {
    REQUIRE(bench.say(ada, "x"));
  }
  REQUIRE(bench.say(bob, "known here"));
  REQUIRE(bench.say(joe, "known too"));
  bench.hold_jobs(true);
  const auto reply = bench.begin_say(bob, "spam", {}, old->message_id);
  bench.run();
  std::string expected = "banned";
  SECTION("a ban") {
    bench.begin(bench.session_of(ada), bench.name, ban_user{who(ada), bob, {}, ""});
  }
  SECTION("a mode") {
    expected = "followers_only";
    bench.begin(bench.session_of(ada), bench.name, set_mode{who(ada), {}, true, 0});
  }
  SECTION("words") {
    expected = "blocked_word";
    bench.begin(bench.session_of(ada), bench.name,
                set_words{who(ada), {{"spam", word_action::refuse}}});
  }
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(reply->has_value());
  CHECK(reason(**reply) == expected);
}

TEST_CASE("room moderation: nothing quotes what is about to be gone", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  const auto old = bench.say(bob, "bad");
  const bool from_store = GENERATE(false, true);
  for (int i = 0; from_store && i < 110; ++i) {
    REQUIRE(bench.say(ada, "x"));
  }
  REQUIRE(bench.say(joe, "known"));
  bench.hold_jobs(true);
  SECTION("deleted") {
    bench.begin(bench.session_of(ada), bench.name, delete_message{who(ada), old->message_id, ""});
  }
  SECTION("cleared") {
    bench.begin(bench.session_of(ada), bench.name, ban_user{who(ada), bob, {}, ""});
  }
  bench.run();
  const auto first = bench.begin_say(joe, "re", {}, old->message_id);
  const auto second = bench.begin_say(mia, "re", {}, old->message_id);
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(**first);
  REQUIRE(**second);
  CHECK(std::ranges::none_of(bench.shown("a/7"),
                             [](const event& e) { return e.reply_to.has_value(); }));
}

TEST_CASE("room moderation: readers are told what is stored", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  bench.hold_jobs(true);
  const auto mode =
      bench.begin(bench.session_of(ada), bench.name, set_mode{who(ada), 30, false, {}});
  const auto same =
      bench.begin(bench.session_of(mia), bench.name, set_mode{who(mia), 30, false, {}});
  const auto words = bench.begin(bench.session_of(ada), bench.name,
                                 set_words{who(ada), {{"spam", word_action::refuse}}});
  const auto fired =
      bench.begin(bench.session_of(ada), bench.name, ban_user{who(ada), mia, {}, ""});
  bench.run();
  const auto told = bench.begin(bench.name, subscribe{"b/7", {}});
  const auto listed = bench.begin(bench.session_of(root), bench.name, read_words{who(root)});
  const auto role_now = bench.begin(bench.name, read_role{who(mia)});
  const auto mode_now = bench.begin(bench.name, read_mode{});
  bench.run();
  CHECK_FALSE(same->has_value());
  CHECK((**told)->mode.slow_s == 0);
  CHECK((**told)->moderators == std::vector{mia});
  CHECK((**listed)->words.empty());
  CHECK((**role_now)->role == role::moderator);
  CHECK((**mode_now)->mode.slow_s == 0);
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(**mode);
  REQUIRE(**same);
  REQUIRE(**words);
  REQUIRE(**fired);
  CHECK(bench.subscribe_as("b/7")->mode.slow_s == 30);
  CHECK(bench.subscribe_as("b/7")->moderators.empty());
  CHECK(bench.command(root, read_words{who(root)})->words.size() == 1);
  CHECK(bench.ask(bench.name, read_role{who(mia)})->role == role::user);
}

TEST_CASE("room moderation: one moderator's commands stay in order", "[actors][chat]") {
  world w;
  staffed_bench bench(w);
  bench.hold_jobs(true);
  const auto& mine = bench.session_of(mia);
  const auto ban = bench.begin(mine, bench.name, ban_user{who(mia), bob, {}, ""});
  const auto says = bench.begin_say(mia, "he is out");
  const auto unban = bench.begin(mine, bench.name, unban_user{who(mia), bob});
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  REQUIRE(**ban);
  REQUIRE(**unban);
  const auto kinds = bench.kinds();
  REQUIRE(kinds.size() >= 4);
  CHECK(std::vector(kinds.end() - 4, kinds.end()) ==
        std::vector{event_kind::ban, event_kind::cleared, event_kind::message, event_kind::ban});
}

}  // namespace troupe::chat
