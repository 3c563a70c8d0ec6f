// SPDX-License-Identifier: GPL-3.0-or-later
// What chat removes by itself, over a store in memory.
#include "app/chat_wiring.hpp"

#include <catch2/catch.hpp>

#include "tests/support/memory_chat_store.hpp"

namespace troupe::app {
namespace {

using namespace std::chrono_literals;

struct no_audience final : chat::audience_sink {
  void on_audience(stream_id, std::int64_t) override {}

  void on_audience_end(stream_id) override {}
};

struct swept {
  storage::member_record& member(user_id user) {
    auto& m = store.rooms[1].members[user];
    m.user = user;
    return m;
  }

  void time_out(user_id user, wall_time until) {
    auto& m = member(user);
    m.is_banned = true;
    m.banned_until = until;
  }

  manual_clock time;
  metrics figures;
  test::memory_chat_store store;
  worker_pool pool{"store", 1, 10, figures};
  id_generator ids{time, 1};
  no_audience nobody;
  chat_parts parts{{store, pool, ids, nobody, time, figures}, "a", limits_config{}};
};

}  // namespace

TEST_CASE("chat sweep: time-outs that are over go, with all that is too old", "[app][chat]") {
  swept s;
  const auto now = s.time.wall() + 24h;
  s.time.advance(24h);
  // More than one transaction takes.
  for (user_id user = 1; user <= 1200; ++user) {
    s.time_out(user, now - 11min);
    s.store.rooms[1].nonces.push_back({.session = "s",
                                       .nonce = std::to_string(user),
                                       .digest = "",
                                       .text = "",
                                       .created_at = now - 11min});
  }
  s.time_out(2001, now - 9min);  // another node's clock may be behind
  s.time_out(2002, now + 1h);
  s.member(2003).is_banned = true;
  s.member(2004).is_moderator = true;
  s.time_out(2005, now - 1h);
  s.member(2005).is_moderator = true;
  SECTION("while the store answers") {
    s.parts.sweep();
    std::vector<user_id> left;
    for (const auto& [user, m] : s.store.rooms[1].members) {
      left.push_back(user);
    }
    CHECK(left == std::vector<user_id>{2001, 2002, 2003, 2004, 2005});
    CHECK(s.store.rooms[1].nonces.empty());
  }
  SECTION("not while it is away, and then the next time") {
    s.store.is_away = true;
    s.parts.sweep();
    CHECK(s.store.rooms[1].members.size() == 1205);
    s.store.is_away = false;
    s.parts.sweep();
    CHECK(s.store.rooms[1].members.size() == 5);
  }
  SECTION("not when the node ends") {
    s.parts.end_sweep();
    s.parts.sweep();
    CHECK(s.store.rooms[1].members.size() == 1205);
  }
}

}  // namespace troupe::app
