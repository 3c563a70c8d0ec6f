// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/tracker.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::presence;
using namespace std::chrono_literals;

namespace {

constexpr user_id channel = 7;
constexpr stream_id stream = 70;

class fixture {
 public:
  explicit fixture(const tracker_settings& s = {}) : people(s, time, figures, 42) {}

  troupe::presence::presence::ticket enter(std::string person, std::string address,
                                           std::string agent, bool natively = false) {
    return people.enter(
        {channel, std::move(person), std::move(address), std::move(agent), natively});
  }

  void play(std::string_view address, std::string_view agent, std::string_view session = "") {
    people.played(stream, people.identify(address, agent, session));
    for (const auto id : people.unknown_streams()) {
      people.learn(id, channel);
    }
  }

  /// What was reported last for the channel; nothing: no report.
  std::optional<std::int64_t> reported() {
    std::optional<std::int64_t> out;
    for (const auto& c : people.collect()) {
      CHECK(c.channel == channel);
      out = c.people;
    }
    return out;
  }

  manual_clock time;
  metrics figures;
  tracker people;
};

}  // namespace

TEST_CASE("tracker: counts people, not chat sessions", "[actors][presence]") {
  fixture f;
  const auto first = f.enter("u:1", "192.0.2.1", "Firefox");
  CHECK(f.reported() == 1);
  const auto second = f.enter("u:1", "192.0.2.9", "Chrome");
  CHECK_FALSE(f.reported());  // the same person on another device: nothing to tell
  const auto other = f.enter("v:abc", "192.0.2.1", "Firefox");
  CHECK(f.reported() == 2);
  f.people.leave(first);
  CHECK_FALSE(f.reported());
  f.people.leave(second);
  CHECK(f.reported() == 1);
  f.people.change(other, "u:1");
  CHECK_FALSE(f.reported());
  f.people.leave(other);
  CHECK(f.reported() == 0);
  CHECK_FALSE(f.reported());
}

TEST_CASE("tracker: a person without a name is an address and an agent", "[actors][presence]") {
  fixture f;
  f.enter("", "192.0.2.1", "Firefox");
  f.enter("", "192.0.2.1", "Firefox");
  CHECK(f.reported() == 1);
  f.enter("", "192.0.2.2", "Firefox");
  CHECK(f.reported() == 2);
}

TEST_CASE("tracker: players count for ten seconds after their last request", "[actors][presence]") {
  fixture f;
  f.play("192.0.2.1", "VLC");
  CHECK(f.reported() == 1);
  f.time.advance(6s);
  f.play("192.0.2.1", "VLC");
  f.time.advance(9s);
  CHECK(f.reported() == 1);  // again after five seconds, unchanged
  f.time.advance(1s);
  CHECK(f.reported() == 0);
}

TEST_CASE("tracker: a page's own player is not another person", "[actors][presence]") {
  fixture f;
  SECTION("through the page's own requests") {
    f.enter("u:1", "192.0.2.1", "Firefox");
    f.play("192.0.2.1", "Firefox");
    CHECK(f.reported() == 1);
    f.play("192.0.2.1", "VLC");
    CHECK(f.reported() == 2);
  }
  SECTION("through the browser's own player, one for each page") {
    const auto page = f.enter("u:1", "192.0.2.1", "Safari", true);
    f.play("192.0.2.1", "AppleCoreMedia", "session-1");
    CHECK(f.reported() == 1);
    f.play("192.0.2.1", "AppleCoreMedia", "session-2");
    CHECK(f.reported() == 2);
    f.people.leave(page);
    CHECK_FALSE(f.reported());  // two players are left: two people still
  }
}

TEST_CASE("tracker: playback sessions tell players of one address apart", "[actors][presence]") {
  fixture f;
  f.play("192.0.2.1", "AppleCoreMedia", "a");
  f.play("192.0.2.1", "AppleCoreMedia", "b");
  f.play("192.0.2.1", "AppleCoreMedia", "a");
  CHECK(f.reported() == 2);
}

TEST_CASE("tracker: what is full counts nobody more, and says so", "[actors][presence]") {
  fixture f({.watchers = 2, .players = 2});
  f.enter("u:1", "a", "b");
  f.enter("u:2", "a", "b");
  CHECK(f.enter("u:3", "a", "b") == troupe::presence::presence::ticket::none);
  f.play("192.0.2.1", "VLC");
  f.play("192.0.2.2", "VLC");
  f.play("192.0.2.3", "VLC");
  CHECK(f.reported() == 4);
  CHECK(f.figures.text().find("troupe_presence_uncounted_total 2") != std::string::npos);
  f.people.leave(troupe::presence::presence::ticket::none);
  CHECK(f.reported() == std::nullopt);
}

TEST_CASE("tracker: players of a stream that is none are forgotten", "[actors][presence]") {
  fixture f;
  f.people.played(99, f.people.identify("192.0.2.1", "VLC", ""));
  CHECK(f.people.unknown_streams() == std::vector<stream_id>{99});
  CHECK(f.people.unknown_streams().empty());
  f.people.forget(99);
  CHECK_FALSE(f.reported());
  f.people.learn(99, channel);
  CHECK_FALSE(f.reported());
}

TEST_CASE("tracker: nothing is kept of those who left", "[actors][presence]") {
  fixture f;
  for (int round = 0; round < 1000; ++round) {
    const auto t = f.enter("v:" + std::to_string(round), "192.0.2.1", "Firefox");
    f.play("198.51.100." + std::to_string(round % 250), "VLC");
    f.people.leave(t);
    f.time.advance(11s);
    std::ignore = f.reported();
  }
  CHECK(f.figures.text().find("troupe_presence_watchers 0") != std::string::npos);
  CHECK(f.figures.text().find("troupe_presence_players 0") != std::string::npos);
}
