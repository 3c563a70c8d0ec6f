// SPDX-License-Identifier: GPL-3.0-or-later
// What moderators read of each other: who, what, when, and why.
#include "actors/chat/word_changes.hpp"
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;
using lines = std::vector<std::string>;

constexpr auto refuse = word_action::refuse;
constexpr auto mask = word_action::mask;
constexpr auto hold = word_action::hold;

struct logged_bench : room_bench {
  explicit logged_bench(world& w) : room_bench(w) {
    REQUIRE(command(ada, set_moderator{who(ada), mia, true, "helps a lot"}));
  }

  const std::vector<storage::moderation_entry>& log() { return stored().log; }

  void rule(std::vector<word_rule> words, const std::string& why = "") {
    REQUIRE(command(mia, set_words{who(mia), std::move(words), why}));
  }

  id held_message() {
    const auto said = say(bob, "hm");
    REQUIRE(said);
    return said->message_id;
  }
};

}  // namespace

TEST_CASE("room log: every command keeps its reason", "[actors][chat]") {
  world w;
  logged_bench bench(w);
  CHECK(bench.log().back().reason == "helps a lot");
  bench.rule({{"hm", hold}}, "a quiz");
  REQUIRE(bench.command(mia, set_mode{who(mia), 5, false, {}, "a raid"}));
  REQUIRE(bench.command(
      mia, decide_held{who(mia), bench.held_message(), true, "no answer to the quiz"}));
  bench.advance(6s);
  REQUIRE(bench.command(mia, decide_held{who(mia), bench.held_message(), false, "the answer"}));
  REQUIRE(bench.command(mia, ban_user{who(mia), bob, 60, "once more"}));
  REQUIRE(bench.command(mia, unban_user{who(mia), bob, "  said  sorry "}));
  REQUIRE(bench.command(ada, set_moderator{who(ada), mia, false, "on holiday"}));
  lines shown;
  for (const auto& e : bench.log()) {
    shown.push_back(e.action + " by " + e.by_name + ": " + e.reason);
  }
  CHECK(shown == lines{"appoint by ada: helps a lot", "words by mia: a quiz", "mode by mia: a raid",
                       "allow by mia: no answer to the quiz", "deny by mia: the answer",
                       "timeout by mia: once more", "unban by mia:   said  sorry ",
                       "dismiss by ada: on holiday"});
}

TEST_CASE("room log: a reason is 500 code points at most, and without it nothing happens",
          "[actors][chat]") {
  world w;
  logged_bench bench(w);
  bench.rule({{"hm", hold}});
  const auto held = bench.held_message();
  REQUIRE(bench.command(mia, ban_user{who(mia), joe, {}, ""}));
  const auto before = bench.log().size();
  const auto refused = [&](const std::string& why) {
    return lines{reason(bench.command(ada, set_moderator{who(ada), eve, true, why})),
                 reason(bench.command(mia, set_words{who(mia), {}, why})),
                 reason(bench.command(mia, set_mode{who(mia), 5, false, {}, why})),
                 reason(bench.command(mia, unban_user{who(mia), joe, why})),
                 reason(bench.command(mia, decide_held{who(mia), held, false, why})),
                 reason(bench.command(ada, set_moderator{who(ada), mia, false, why}))};
  };
  const auto wrong = GENERATE(std::string(501, 'x'), std::string("a\x07"), std::string("\xFF"));
  CHECK(refused(wrong) == lines(6, "invalid_message"));
  CHECK(bench.log().size() == before);
  CHECK(reason(bench.say(joe, "x")) == "banned");
  CHECK(refused(std::string(500, 'x')) == lines(6, "ok"));
  CHECK(bench.log().size() == before + 6);
}

TEST_CASE("room log: a change of the words says which, and what they do", "[actors][chat]") {
  world w;
  logged_bench bench(w);
  bench.rule({{"darn", mask}, {"spam", refuse}});
  CHECK(bench.log().back().details ==
        R"({"count":2,"added":[{"word":"darn","action":"mask"},{"word":"spam","action":"refuse"}],)"
        R"("removed":[],"changed":[]})");
  bench.rule({{"spam", hold}, {"heck", mask}});
  CHECK(bench.log().back().details ==
        R"({"count":2,"added":[{"word":"heck","action":"mask"}],)"
        R"("removed":[{"word":"darn","action":"mask"}],)"
        R"("changed":[{"word":"spam","from":"refuse","to":"hold"}]})");
  const auto entries = bench.log().size();
  bench.rule({{"spam", hold}, {"heck", mask}});
  CHECK(bench.log().size() == entries);  // nothing changed
  bench.rule({{"heck", mask}, {"spam", hold}});
  REQUIRE(bench.log().size() == entries + 1);  // the first that matches is the one that is named
  CHECK(bench.log().back().details == R"({"count":2,"added":[],"removed":[],"changed":[]})");
}

TEST_CASE("room log: a long change of the words is told in several entries", "[actors][chat]") {
  world w;
  logged_bench bench(w);
  std::vector<word_rule> words;
  std::string wide;
  for (int i = 0; i < 60; ++i) {
    wide += "禁";
  }
  for (int i = 0; i < 250; ++i) {
    words.push_back({std::to_string(1000 + i) + wide, refuse});
  }
  const auto before = bench.log().size();
  bench.rule(words, "a list that others share");
  const auto& log = bench.log();
  REQUIRE(log.size() == before + 3);
  for (auto i = before; i < log.size(); ++i) {
    CHECK(log[i].details.size() < 32'768);
    CHECK(log[i].reason == "a list that others share");
    CHECK(log[i].log_id > log[i - 1].log_id);
  }
}

TEST_CASE("word changes: none are lost when they are cut", "[actors][chat]") {
  std::vector<word_rule> before;
  std::vector<word_rule> after;
  for (int i = 0; i < 7; ++i) {
    before.push_back({"old" + std::to_string(i), mask});
    before.push_back({"both" + std::to_string(i), mask});
    after.push_back({"both" + std::to_string(i), hold});
    after.push_back({"new" + std::to_string(i), refuse});
  }
  const auto most = GENERATE(1U, 2U, 20U, 21U);
  std::string all;
  const auto entries = word_changes(before, after, most);
  CHECK(entries.size() == (21 + most - 1) / most);
  for (const auto& each : entries) {
    all += each;
  }
  for (int i = 0; i < 7; ++i) {
    const auto n = std::to_string(i);
    CHECK(all.contains(R"({"word":"old)" + n + R"(","action":"mask"})"));
    CHECK(all.contains(R"({"word":"new)" + n + R"(","action":"refuse"})"));
    CHECK(all.contains(R"({"word":"both)" + n + R"(","from":"mask","to":"hold"})"));
  }
  CHECK(word_changes(before, before, most).empty());
  CHECK(word_changes({}, {}, most).empty());
}

}  // namespace troupe::chat
