// SPDX-License-Identifier: GPL-3.0-or-later
// R3 and R4 at their root: the sender's half (lane) and the entity's half (sender_table), first
// each rule, then both over a link that loses, repeats and reorders.
#include <catch2/catch.hpp>

#include <random>

#include "runtime/detail/lane.hpp"
#include "runtime/detail/sender_table.hpp"
#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::detail;
using namespace troupe::runtime::sample;

namespace {

const session_id me{1, 1};
const wall_time noon = from_unix_ms(1'800'000'000'000);
const auto& adds = type_of<add>();

erased_answer value(std::int64_t v) {
  return std::make_shared<const total>(total{v, 0});
}

verdict admit(sender_table& t, std::uint64_t number, std::uint64_t floor, bool again = false,
              wall_time now = noon, session_id who = me) {
  return t.admit({{who, number}, floor, again}, adds, now).verdict;
}

command_ptr an_add(std::int64_t by = 1) {
  return std::make_shared<typed_command<add>>(add{by});
}

/// Commands that are never answered hold their lane, as it holds them.
struct abandoning {
  explicit abandoning(std::shared_ptr<lane> l) : what(std::move(l)) {}

  ~abandoning() { what->abandon(make_error(errc::unavailable, "the test is over")); }

  abandoning(const abandoning&) = delete;
  abandoning& operator=(const abandoning&) = delete;

  std::shared_ptr<lane> what;
};

const lane::deliver delivered = [](const command_ptr&) { return result<void>{}; };

}  // namespace

TEST_CASE("sender_table: applies the next number only", "[runtime][exactly_once]") {
  sender_table t(10);
  CHECK(admit(t, 1, 1) == verdict::apply);
  CHECK(admit(t, 2, 1) == verdict::apply);
  CHECK(admit(t, 4, 1) == verdict::expected);
  CHECK(t.admit({{me, 4}, 1, false}, adds, noon).expected == 3);
  CHECK(admit(t, 3, 1) == verdict::apply);
  CHECK(admit(t, 3, 1) == verdict::repeated);
  CHECK(admit(t, 1, 1) == verdict::repeated);
}

TEST_CASE("sender_table: forgets senders of this node that are gone", "[runtime][exactly_once]") {
  sender_table t(20'000);
  std::vector<std::shared_ptr<lane>> stay;
  for (std::uint64_t i = 1; i <= 10'000; ++i) {
    const session_id who{9, i};
    REQUIRE(t.admit({{who, 1}, 1, false}, adds, noon).verdict == verdict::apply);
    const auto via = std::make_shared<lane>(who, a_kept, 1);
    t.note_local(who, via);
    if (i % 1000 == 0) {
      stay.push_back(via);
    }
  }
  CHECK(t.size() < 200);
  for (const auto& via : stay) {
    CHECK(t.admit({{via->session(), 1}, 1, false}, adds, noon).verdict == verdict::repeated);
  }
  // Whose node is another may still come back.
  for (std::uint64_t i = 1; i <= 500; ++i) {
    REQUIRE(t.admit({{{8, i}, 1}, 1, false}, adds, noon).verdict == verdict::apply);
  }
  CHECK(t.admit({{{8, 1}, 1}, 1, false}, adds, noon).verdict == verdict::repeated);
}

TEST_CASE("sender_table: a closed number is skipped and never applied", "[runtime][exactly_once]") {
  sender_table t(10);
  CHECK(admit(t, 1, 1) == verdict::apply);
  CHECK(admit(t, 5, 5) == verdict::apply);  // 2 to 4 were given up
  CHECK(admit(t, 3, 5) == verdict::repeated);
  CHECK_FALSE(t.admit({{me, 3}, 5, true}, adds, noon).answer);
  CHECK(admit(t, 7, 8) == verdict::closed);
}

TEST_CASE("sender_table: a repeated command gets its first answer", "[runtime][exactly_once]") {
  sender_table t(10);
  REQUIRE(admit(t, 1, 1) == verdict::apply);
  t.record({me, 1}, adds, value(7));
  const auto again = t.admit({{me, 1}, 1, true}, adds, noon);
  REQUIRE(again.answer);
  CHECK(restore<total>(*again.answer)->value == 7);

  SECTION("also an error, also after a reload") {
    REQUIRE(admit(t, 2, 1) == verdict::apply);
    t.record({me, 2}, adds, fail(errc::conflict, "no", "no"));
    sender_table loaded(10);
    REQUIRE(loaded.load(t.save(noon)));
    CHECK(restore<total>(*loaded.admit({{me, 1}, 1, true}, adds, noon).answer)->value == 7);
    CHECK(loaded.admit({{me, 2}, 1, true}, adds, noon).answer->error().reason == "no");
    CHECK(admit(loaded, 3, 1) == verdict::apply);
  }
  SECTION("unless the number was another message") {
    const auto other = t.admit({{me, 1}, 1, true}, type_of<sample::read>(), noon);
    CHECK(other.answer->error().reason == "number_reused");
  }
  SECTION("the last 64 are kept") {
    for (std::uint64_t n = 2; n <= 65; ++n) {
      REQUIRE(admit(t, n, 1) == verdict::apply);
      t.record({me, n}, adds, value(static_cast<std::int64_t>(n)));
    }
    CHECK_FALSE(t.admit({{me, 1}, 1, true}, adds, noon).answer);
    CHECK(t.admit({{me, 2}, 1, true}, adds, noon).answer);
  }
}

TEST_CASE("sender_table: an unknown sender is believed only when nothing can be repeated",
          "[runtime][exactly_once]") {
  sender_table t(2);
  CHECK(admit(t, 9, 9) == verdict::apply);
  CHECK(admit(t, 9, 9, true, noon, {1, 2}) == verdict::session_lost);
  CHECK(admit(t, 9, 8, false, noon, {1, 2}) == verdict::session_lost);
  CHECK(t.size() == 1);

  SECTION("silence of 10 minutes makes unknown") {
    const auto stored = t.save(noon + std::chrono::minutes(10));
    REQUIRE(t.load(stored));
    CHECK(t.size() == 1);
    REQUIRE(t.load(t.save(noon + std::chrono::minutes(11))));
    CHECK(t.size() == 0);
    CHECK(admit(t, 9, 9, true) == verdict::session_lost);
  }
  SECTION("so does being one too many, the longest silent first") {
    CHECK(admit(t, 1, 1, false, noon, {1, 2}) == verdict::apply);
    CHECK(admit(t, 10, 10) == verdict::apply);
    CHECK(admit(t, 1, 1, false, noon, {1, 3}) == verdict::apply);
    CHECK(t.size() == 2);
    CHECK(admit(t, 1, 1, true, noon, {1, 2}) == verdict::session_lost);
  }
}

TEST_CASE("sender_table: stored bytes of another kind are refused", "[runtime][exactly_once]") {
  sender_table t(2);
  CHECK_FALSE(t.load(bytes{1, 0, 0}));
  CHECK_FALSE(t.load(bytes{2, 0, 0, 0, 0}));  // a layout of a later version
  CHECK(t.load(bytes{}));
}

TEST_CASE("lane: at most 64 in flight, refused beyond, numbers stay dense",
          "[runtime][exactly_once]") {
  const auto l = std::make_shared<lane>(me, a_kept, 1);
  const abandoning at_end(l);
  const steady_time later{std::chrono::hours(2)};
  std::vector<command_ptr> sent;
  for (int i = 0; i < 64; ++i) {
    sent.push_back(an_add());
    REQUIRE(l->submit(sent.back(), later, {}, delivered).how == lane::submitted::sent);
  }
  const auto refused = l->submit(an_add(), later, {}, delivered);
  CHECK(refused.how == lane::submitted::refused);
  CHECK(refused.why.reason == "too_many_in_flight");
  CHECK(l->floor() == 1);
  l->answer(1, value(1));
  l->answer(1, value(1));
  CHECK(l->floor() == 2);
  const auto next = an_add();
  CHECK(l->submit(next, later, {}, delivered).how == lane::submitted::sent);
  CHECK(next->number == 65);
}

TEST_CASE("lane: what could not be delivered takes no number", "[runtime][exactly_once]") {
  const auto l = std::make_shared<lane>(me, a_kept, 1);
  const abandoning at_end(l);
  const steady_time later{std::chrono::hours(2)};
  const auto full = [](const command_ptr&) -> result<void> {
    return fail(errc::unavailable, "mailbox_full", "full");
  };
  CHECK(l->submit(an_add(), later, {}, full).how == lane::submitted::refused);
  const auto next = an_add();
  CHECK(l->submit(next, later, {}, delivered).how == lane::submitted::sent);
  CHECK(next->number == 1);
}

TEST_CASE("lane: a deadline closes the number", "[runtime][exactly_once]") {
  const auto l = std::make_shared<lane>(me, a_kept, 1);
  const abandoning at_end(l);
  const steady_time start{std::chrono::hours(1)};
  std::vector<errc> got;
  const auto note = [&got](erased_answer a) { got.push_back(a.error().code); };
  CHECK(l->submit(an_add(), start + 2s, note, delivered).must_arm);
  CHECK(l->submit(an_add(), start + 1s, note, delivered).must_arm);
  CHECK_FALSE(l->submit(an_add(), start + 3s, note, delivered).must_arm);
  CHECK(l->expire(start + 1s) == start + 2s);
  CHECK(got == std::vector{errc::deadline_exceeded});
  CHECK(l->floor() == 1);
  CHECK(l->expire(start + 2s) == start + 3s);
  CHECK(l->floor() == 3);
  l->answer(1, value(1));  // too late: nobody waits
  CHECK(l->expire(start + 3s) == std::nullopt);
  CHECK(got.size() == 3);
}

TEST_CASE("session: an idle lane is dropped and made again above its numbers",
          "[runtime][exactly_once]") {
  session_state s(me, false);
  const steady_time later{std::chrono::hours(2)};
  const auto first = s.lane_to(a_kept);
  const abandoning first_at_end(first);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(first->submit(an_add(), later, {}, delivered).how == lane::submitted::sent);
    first->answer(static_cast<std::uint64_t>(i) + 1, value(0));
  }
  for (std::size_t i = 0; i < most_lanes; ++i) {
    (void)s.lane_to({"kept", "other" + std::to_string(i)});
  }
  CHECK(first->submit(an_add(), later, {}, delivered).how == lane::submitted::closed);
  const auto again = s.lane_to(a_kept);
  const abandoning again_at_end(again);
  const auto c = an_add();
  REQUIRE(again->submit(c, later, {}, delivered).how == lane::submitted::sent);
  CHECK(c->number == 6);
}

namespace {

/// A link with every fault between a lane and a table.
struct lossy_link {
  explicit lossy_link(std::uint32_t seed) : random(seed) {}

  bool chance(int percent) { return static_cast<int>(random() % 100) < percent; }

  void send(const command_ptr& c, bool again) {
    const int copies = chance(20) ? 0 : chance(15) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      wire.push_back({c, l->floor(), again});
    }
    if (wire.size() > 1 && chance(25)) {
      std::swap(wire.back(), wire[random() % wire.size()]);
    }
  }

  void receive() {
    if (wire.empty()) {
      return;
    }
    const auto p = wire.front();
    wire.erase(wire.begin());
    auto a = table.admit({{me, p.what->number}, p.floor, p.again}, adds, noon);
    const auto by = static_cast<const add*>(p.what->body())->by;
    switch (a.verdict) {
      case verdict::apply:
        applied.push_back(by);
        table.record({me, p.what->number}, adds, value(by));
        reply(p.what->number, value(by));
        break;
      case verdict::repeated:
        if (a.answer) {
          reply(p.what->number, *a.answer);
        }
        break;
      case verdict::expected:
        for (const auto& c : l->open_from(a.expected)) {
          send(c, false);
        }
        break;
      case verdict::session_lost:
        l->session_lost(p.what->number, make_error(errc::conflict, "session_lost", "unknown"));
        break;
      case verdict::closed:
        break;
    }
    if (chance(2)) {  // moves: another node goes on with what was stored
      sender_table elsewhere(10);
      moved_well = elsewhere.load(table.save(noon)) && moved_well;
      table = std::move(elsewhere);
    }
  }

  void reply(std::uint64_t number, erased_answer a) {
    if (!chance(20)) {
      l->answer(number, std::move(a));
    }
  }

  struct packet {
    command_ptr what;
    std::uint64_t floor;
    bool again;
  };

  std::mt19937 random;
  std::shared_ptr<lane> l = std::make_shared<lane>(me, a_kept, 1);
  sender_table table{10};
  std::vector<packet> wire;
  std::vector<std::int64_t> applied;
  bool moved_well = true;
};

}  // namespace

TEST_CASE("exactly once: in order and never twice over a link with every fault (R3, R4)",
          "[runtime][exactly_once]") {
  const auto seed = GENERATE(range(1U, 16U));
  CAPTURE(seed);
  lossy_link link(seed);
  std::map<std::int64_t, std::int64_t> answered;
  std::map<std::int64_t, std::int64_t> lost;
  const abandoning at_end(link.l);
  std::int64_t next = 0;
  for (int round = 0; round < 1500; ++round) {
    if (next < 200 && link.chance(30)) {
      const auto by = ++next;
      const auto c = an_add(by);
      (void)link.l->submit(
          c, steady_time{std::chrono::hours(9)},
          [&, by](erased_answer a) {
            (a ? answered : lost)[by] = a ? restore<total>(a)->value : 0;
          },
          [&](const command_ptr& what) -> result<void> {
            link.send(what, false);
            return {};
          });
    }
    if (link.chance(2) && link.wire.size() < 80) {  // the sender's patience: everything open again
      for (const auto& c : link.l->open_from(0)) {
        link.send(c, true);
      }
    }
    link.receive();
  }
  // Calm at the end: what is open goes through.
  for (int round = 0; round < 2000 && !link.l->open_from(0).empty(); ++round) {
    if (link.wire.empty()) {
      for (const auto& c : link.l->open_from(0)) {
        link.wire.push_back({c, link.l->floor(), true});
      }
    }
    link.receive();
  }
  CHECK(std::ranges::is_sorted(link.applied));
  CHECK(std::ranges::adjacent_find(link.applied) == link.applied.end());
  for (const auto& [sent, got] : answered) {
    CHECK(sent == got);
    CHECK(std::ranges::binary_search(link.applied, sent));
  }
  CHECK(link.applied.size() > 50);
  CHECK(link.moved_well);
}
