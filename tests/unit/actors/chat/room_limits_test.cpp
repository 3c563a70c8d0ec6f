// SPDX-License-Identifier: GPL-3.0-or-later
// What a room refuses because too much waits in it: each bound has its code, and is counted apart.
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

struct limited_world : world {
  limited_world() {
    needs.settings.most_waiting = 6;
    needs.settings.most_staff_waiting = 2;
    needs.settings.most_behind_gate = 3;
    needs.settings.user_rate = 4;
    needs.settings.moderator_rate = 0;  // off
  }
};

struct limited_bench : room_bench {
  explicit limited_bench(world& w) : room_bench(w) {
    REQUIRE(say(ada, "warm"));
    hold_jobs(true);
  }

  double full(const std::string& limit) {
    return around.figures.make_counter("troupe_chat_room_full_total", "", {{"limit", limit}})
        .value();
  }

  /// How many of them were answered with that code by now.
  template <class R>
  std::ptrdiff_t answered(const std::vector<runtime::testing::pending<R>>& slots,
                          const std::string& code) {
    run();
    return std::ranges::count_if(
        slots, [&](const auto& s) { return s->has_value() && reason(**s) == code; });
  }
};

}  // namespace

TEST_CASE("room limits: messages that wait", "[actors][chat]") {
  limited_world w;
  limited_bench bench(w);
  std::vector<answer> slots;
  for (int i = 0; i < 20; ++i) {
    slots.push_back(bench.begin_say(ada, "x"));
  }
  CHECK(bench.answered(slots, "unavailable") == 14);
  CHECK(bench.full("messages") == 14);
  CHECK(bench.refused("unavailable") == 14);
  bench.hold_jobs(false);
  bench.run();
  CHECK(bench.answered(slots, "ok") == 6);
  CHECK(bench.say(ada, "places again"));
}

TEST_CASE("room limits: commands of moderators that wait", "[actors][chat]") {
  limited_world w;
  limited_bench bench(w);
  std::vector<runtime::testing::pending<mode>> slots;
  for (int i = 0; i < 5; ++i) {
    slots.push_back(bench.begin(bench.node().open_session(), bench.name,
                                set_mode{who(ada), i + 1, false, {}}, 5min));
  }
  CHECK(bench.answered(slots, "unavailable") == 3);
  CHECK(bench.full("commands") == 3);
  CHECK(bench.full("messages") == 0);
  bench.hold_jobs(false);
  CHECK(bench.answered(slots, "ok") == 2);
}

TEST_CASE("room limits: what waits behind one's own", "[actors][chat]") {
  limited_world w;
  w.needs.settings.most_waiting = 100;
  w.needs.settings.most_staff_waiting = 100;
  limited_bench bench(w);
  SECTION("messages, while the author's record is read") {
    std::vector<answer> slots;
    for (int i = 0; i < 12; ++i) {
      slots.push_back(bench.begin_say(bob, "x"));
      bench.run();
    }
    CHECK(bench.answered(slots, "rate_limited") == 7);  // one is looked up, four wait for it
    CHECK(bench.full("behind_earlier") == 7);
  }
  SECTION("commands, while their user's record is read") {
    std::vector<runtime::testing::pending<runtime::accepted>> slots;
    for (int i = 0; i < 9; ++i) {
      slots.push_back(
          bench.begin(bench.session_of(ada), bench.name, ban_user{who(ada), bob, {}, ""}, 5min));
      bench.run();
    }
    CHECK(bench.answered(slots, "rate_limited") == 5);
    CHECK(bench.full("behind_earlier") == 5);
  }
  CHECK(bench.full("messages") == 0);
  CHECK(bench.full("commands") == 0);
  bench.hold_jobs(false);
}

TEST_CASE("room limits: who repeats one message that is not stored yet", "[actors][chat]") {
  limited_world w;
  w.needs.settings.most_waiting = 100;
  limited_bench bench(w);
  std::vector<answer> slots;
  for (int i = 0; i < 20; ++i) {
    slots.push_back(bench.begin_say(ada, "x", "n"));
  }
  CHECK(bench.answered(slots, "unavailable") == 4);
  CHECK(bench.full("repeated") == 4);
  bench.hold_jobs(false);
  CHECK(bench.answered(slots, "ok") == 16);
  CHECK(bench.stored().events.size() == 2);  // it was said once
}

}  // namespace troupe::chat
