// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

#include "actors/viewer/viewer_session.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "runtime/testing/round_trip.hpp"
#include "tests/support/memory_chat_store.hpp"

namespace troupe::viewer {
namespace {

using namespace std::chrono_literals;

/// What the fakes below have seen, and how they answer.
struct world {
  std::vector<chat::post> posts;
  std::vector<std::optional<std::int64_t>> joins;
  std::vector<runtime::promise<chat::posted>> waiting;
  bool holds_posts = false;
  bool has_no_channel = false;
  chat::role role = chat::role::user;
  chat::mode mode{};
};

class fake_relay {
 public:
  static constexpr std::string_view kind = "relay";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<chat::join>;

  struct state {};

  state data;

  explicit fake_relay(world& w) : w_(w) {}

  result<chat::joined> on(runtime::context&, const chat::join& m) {
    w_.joins.push_back(m.after);
    if (w_.has_no_channel) {
      return fail(errc::not_found, "no such channel");
    }
    chat::joined j;
    j.last_seq = 41;
    j.owner = 5;
    j.moderators = {6};
    j.mode = w_.mode;
    return j;
  }

 private:
  world& w_;
};

template <class Inspector>
auto inspect(Inspector& f, fake_relay::state&) {
  return f();
}

class fake_room {
 public:
  static constexpr std::string_view kind = "room";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<chat::post, chat::read_role>;

  struct state {};

  state data;

  explicit fake_room(world& w) : w_(w) {}

  runtime::later<chat::posted> on(runtime::context& ctx, const chat::post& m) {
    w_.posts.push_back(m);
    auto p = ctx.defer<chat::posted>();
    auto answer = p.answer();
    if (w_.holds_posts) {
      w_.waiting.push_back(std::move(p));
    } else {
      p.set(chat::posted{false, 100, 42, m.text, 0});
    }
    return answer;
  }

  result<chat::role_answer> on(runtime::context&, const chat::read_role&) {
    return chat::role_answer{w_.role, w_.mode};
  }

 private:
  world& w_;
};

template <class Inspector>
auto inspect(Inspector& f, fake_room::state&) {
  return f();
}

struct viewer_bench : runtime::testing::entity_bench {
  world seen;
  test::memory_chat_store store;
  dependencies needs{"a", store};
  runtime::entity_name name = name_of("a", 7, 812);

  viewer_bench() {
    node().add_kind<viewer_session>(
        [this](const runtime::entity_name&) { return std::make_unique<viewer_session>(needs); },
        kind_options());
    node().add_kind<fake_relay>(
        [this](const runtime::entity_name&) { return std::make_unique<fake_relay>(seen); });
    node().add_kind<fake_room>(
        [this](const runtime::entity_name&) { return std::make_unique<fake_room>(seen); });
    store.users[4] = "user4";
  }

  storage::member_record& member(user_id id) {
    auto& m = store.rooms[977].members[id];
    m.user = id;
    return m;
  }

  person user(user_id id, bool is_administrator = false) {
    return {{id, "user" + std::to_string(id), is_administrator},
            to_unix_ms(time().wall()) + 15 * 60 * 1000};
  }

  result<opened> open_as(const person& who, std::optional<resumed> from = {}) {
    return ask(name, open{977, "fresh", who, 30, std::move(from)});
  }
};

}  // namespace

TEST_CASE("viewer_session: joins its room's relay, and knows its role", "[actors][viewer]") {
  viewer_bench bench;
  CHECK(to_string(bench.name) == "viewer/a.7/812");
  SECTION("read only") {
    const auto o = bench.open_as({});
    REQUIRE(o);
    CHECK(o->joined.last_seq == 41);
    CHECK_FALSE(o->role);
    CHECK(o->session == "fresh");
    CHECK(bench.seen.joins == std::vector<std::optional<std::int64_t>>{30});
    CHECK(bench.ask(bench.name, say{"hi", "n1", 0}).error().reason == "unauthenticated");
    CHECK(bench.seen.posts.empty());
  }
  SECTION("roles") {
    const auto role_of = [](const person& who) {
      viewer_bench own;
      return own.open_as(who)->role;
    };
    CHECK(role_of(bench.user(4)) == chat::role::user);
    CHECK(role_of(bench.user(5)) == chat::role::owner);
    CHECK(role_of(bench.user(6)) == chat::role::moderator);
    CHECK(role_of(bench.user(4, true)) == chat::role::moderator);
  }
  SECTION("opened once") {
    REQUIRE(bench.open_as({}));
    CHECK(bench.open_as({}).error().code == errc::conflict);
  }
}

TEST_CASE("viewer_session: the welcome says whether one may write", "[actors][viewer]") {
  viewer_bench bench;
  const auto now = bench.time().wall();
  const auto refusal_of = [&](const person& who) -> std::optional<chat::refusal> {
    const auto o = bench.open_as(who);
    REQUIRE(o);
    REQUIRE(o->permission);
    return o->permission->refusal;
  };
  SECTION("whoever is nobody may not") {
    CHECK(refusal_of({})->code == "unauthenticated");
    CHECK(bench.store.member_reads == 0);
  }
  SECTION("a user may") {
    CHECK_FALSE(refusal_of(bench.user(4)));
  }
  SECTION("banned for good") {
    bench.member(4).is_banned = true;
    bench.member(4).ban_reason = "spam";
    const auto why = refusal_of(bench.user(4));
    REQUIRE(why);
    CHECK(why->code == "banned");
    CHECK_FALSE(why->until_ms);
    CHECK(why->reason == "spam");
  }
  SECTION("timed out, and that may be over") {
    bench.member(4).is_banned = true;
    bench.member(4).banned_until = now + 1s;
    CHECK(refusal_of(bench.user(4))->until_ms == to_unix_ms(now + 1s));
    viewer_bench later;
    later.member(4).is_banned = true;
    later.member(4).banned_until = now;
    CHECK_FALSE(later.open_as(later.user(4))->permission->refusal);
  }
  SECTION("followers only") {
    bench.seen.mode.followers_only_min_age_s = 60;
    SECTION("who does not follow") {
      const auto why = refusal_of(bench.user(4));
      REQUIRE(why);
      CHECK(why->code == "followers_only");
      CHECK_FALSE(why->until_ms);
    }
    SECTION("not for long enough") {
      bench.store.follows[{977, 4}] = now - 20s;
      CHECK(refusal_of(bench.user(4))->until_ms == to_unix_ms(now + 40s));
    }
    SECTION("long enough") {
      bench.store.follows[{977, 4}] = now - 60s;
      CHECK_FALSE(refusal_of(bench.user(4)));
    }
    SECTION("a ban comes first") {
      bench.member(4).is_banned = true;
      CHECK(refusal_of(bench.user(4))->code == "banned");
    }
    SECTION("moderators may, and the store is not asked") {
      CHECK_FALSE(refusal_of(bench.user(6)));
      CHECK(bench.store.member_reads == 0);
    }
  }
}

TEST_CASE("viewer_session: who logs in later learns it too", "[actors][viewer]") {
  viewer_bench bench;
  bench.member(4).is_banned = true;
  REQUIRE(bench.open_as({}));
  const auto user = bench.ask(bench.name, authenticate{bench.user(4), "other"});
  REQUIRE(user);
  REQUIRE(user->permission);
  CHECK(user->permission->refusal->code == "banned");
  bench.member(4).is_banned = false;
  bench.seen.mode.followers_only_min_age_s = 0;
  CHECK(bench.ask(bench.name, authenticate{bench.user(4), "other"})->permission->refusal->code ==
        "followers_only");
  bench.seen.role = chat::role::moderator;
  CHECK_FALSE(bench.ask(bench.name, authenticate{bench.user(4), "other"})->permission->refusal);
}

TEST_CASE("viewer_session: a store that is away keeps nobody out", "[actors][viewer]") {
  viewer_bench bench;
  SECTION("it fails") {
    bench.store.is_away = true;
    const auto o = bench.open_as(bench.user(4));
    REQUIRE(o);
    CHECK(o->role == chat::role::user);
    CHECK_FALSE(o->permission);
  }
  SECTION("too many ask it") {
    bench.fill_pool(true);
    const auto o = bench.open_as(bench.user(4));
    REQUIRE(o);
    CHECK_FALSE(o->permission);
  }
  SECTION("it says nothing for a second") {
    bench.hold_jobs(true);
    const auto slot =
        bench.begin(bench.default_session(), bench.name, open{977, "fresh", bench.user(4), 30, {}});
    bench.run();
    CHECK_FALSE(slot->has_value());
    bench.advance(1s);
    REQUIRE(slot->has_value());
    REQUIRE(**slot);
    CHECK_FALSE((**slot)->permission);
    bench.hold_jobs(false);  // its answer comes to nobody
    bench.run();
    CHECK(bench.ask(bench.name, say{"hi", "n1", 0}));
  }
}

TEST_CASE("viewer_session: is gone when there is no such channel", "[actors][viewer]") {
  viewer_bench bench;
  bench.seen.has_no_channel = true;
  CHECK(bench.open_as({}).error().code == errc::not_found);
  CHECK_FALSE(bench.node().where(bench.name));
}

TEST_CASE("viewer_session: says things as who speaks, in its session", "[actors][viewer]") {
  viewer_bench bench;
  REQUIRE(bench.open_as(bench.user(4)));
  const auto said = bench.ask(bench.name, say{"hi", "n1", 17});
  REQUIRE(said);
  CHECK(said->seq == 42);
  REQUIRE(bench.seen.posts.size() == 1);
  CHECK(bench.seen.posts[0].from.user == 4);
  CHECK(bench.seen.posts[0].session == "fresh");
  CHECK(bench.seen.posts[0].nonce == "n1");
  CHECK(bench.seen.posts[0].reply_to == 17);
}

TEST_CASE("viewer_session: is read only once the token has expired", "[actors][viewer]") {
  viewer_bench bench;
  REQUIRE(bench.open_as(bench.user(4)));
  bench.time().advance(15min - 1s);
  CHECK(bench.ask(bench.name, say{"hi", "n1", 0}));
  bench.time().advance(1s);
  CHECK(bench.ask(bench.name, say{"hi", "n2", 0}).error().reason == "unauthenticated");
  bench.seen.role = chat::role::moderator;
  const auto again = bench.ask(bench.name, authenticate{bench.user(4), "other"});
  REQUIRE(again);
  CHECK(again->role == chat::role::moderator);
  CHECK(again->session == "fresh");  // the same user: the same nonces
  CHECK(bench.ask(bench.name, say{"hi", "n2", 0}));
}

TEST_CASE("viewer_session: continues a session only for its user", "[actors][viewer]") {
  viewer_bench bench;
  const resumed from{"before", 4};
  const auto session_of = [&] { return bench.seen.posts.back().session; };
  SECTION("who shows who they are at once") {
    CHECK(bench.open_as(bench.user(4), from)->session == "before");
  }
  SECTION("who does it later") {
    CHECK(bench.open_as({}, from)->session == "fresh");
    CHECK(bench.ask(bench.name, authenticate{bench.user(4), "other"})->session == "before");
    CHECK(bench.ask(bench.name, say{"hi", "n1", 0}));
    CHECK(session_of() == "before");
  }
  SECTION("not for somebody else") {
    CHECK(bench.open_as(bench.user(9), from)->session == "fresh");
    CHECK(bench.ask(bench.name, authenticate{bench.user(4), "other"})->session == "other");
  }
  SECTION("another user has nonces of their own") {
    CHECK(bench.open_as(bench.user(4))->session == "fresh");
    CHECK(bench.ask(bench.name, authenticate{bench.user(9), "other"})->session == "other");
    CHECK(bench.ask(bench.name, say{"hi", "n1", 0}));
    CHECK(session_of() == "other");
    CHECK(bench.seen.posts.back().from.user == 9);
  }
  SECTION("read only both times") {
    CHECK(bench.open_as({}, resumed{"before", 0})->session == "before");
  }
}

TEST_CASE("viewer_session: bounds what waits", "[actors][viewer]") {
  viewer_bench bench;
  REQUIRE(bench.open_as(bench.user(4)));
  bench.seen.holds_posts = true;
  // Of two senders, because the lane of one has the same bound.
  const auto other = bench.node().open_session();
  std::vector<runtime::testing::pending<chat::posted>> said;
  for (std::size_t i = 0; i < most_in_flight + 1; ++i) {
    const auto& from = i % 2 == 0 ? other : bench.default_session();
    said.push_back(bench.begin(from, bench.name, say{"hi", std::to_string(i), 0}, 70s));
    bench.run();
  }
  CHECK(bench.seen.posts.size() == most_in_flight);
  REQUIRE(said.back()->has_value());
  CHECK((*said.back())->error().code == errc::unavailable);
  bench.seen.waiting[0].set(chat::posted{});
  bench.run();
  CHECK((*said[0])->has_value());
  bench.begin(other, bench.name, say{"hi", "more", 0}, 70s);
  bench.run();
  CHECK(bench.seen.posts.size() == most_in_flight + 1);
}

TEST_CASE("viewer_session: ends when its socket is gone, not before what was said",
          "[actors][viewer]") {
  viewer_bench bench;
  REQUIRE(bench.open_as(bench.user(4)));
  bench.advance(24h);
  CHECK(bench.node().where(bench.name));  // silence does not end it
  REQUIRE(bench.ask(bench.name, authenticate{bench.user(4), "other"}));
  bench.seen.holds_posts = true;
  const auto said = bench.begin(bench.default_session(), bench.name, say{"hi", "n1", 0}, 70s);
  bench.run();
  bench.node().tell(bench.default_session(), bench.name, leave{});
  bench.run();
  CHECK(bench.node().where(bench.name));
  bench.seen.waiting[0].set(chat::posted{});
  bench.run();
  CHECK((*said)->has_value());
  CHECK_FALSE(bench.node().where(bench.name));
  CHECK(bench.ask(bench.name, say{"hi", "n2", 0}).error().reason == "viewer_lost");
  CHECK(bench.ask(bench.name, authenticate{bench.user(4), "x"}).error().reason == "viewer_lost");
}

TEST_CASE("viewer_session: everything it is made of can travel", "[actors][viewer]") {
  runtime::message_registry registry;
  registry.add(viewer_session::messages{});
  using runtime::testing::round_trip;
  using runtime::testing::round_trip_by_name;
  const person who{{4, "user4", true}, 99};
  CHECK(round_trip_by_name(registry, open{1, "s", who, 3, resumed{"t", 4}}));
  CHECK(round_trip_by_name(registry, say{"hi", "n", 7}));
  CHECK(round_trip_by_name(registry, authenticate{who, "s"}));
  CHECK(round_trip_by_name(registry, leave{}));
  CHECK(round_trip_by_name(registry, lookup_due{7}));
  const chat::permission banned{chat::refusal{"banned", 99, "spam"}};
  CHECK(round_trip(opened{{}, "s", chat::role::owner, banned}));
  CHECK(round_trip(authenticated{chat::role::moderator, "s", chat::permission{}}));
  CHECK(round_trip(viewer_session::state{1, "s", 2, who, resumed{"t", 4}}));
}

}  // namespace troupe::viewer
