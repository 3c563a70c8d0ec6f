// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/tracker.hpp"

#include <map>
#include <random>
#include <set>

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
        {channel, std::move(person), std::move(address), std::move(agent), natively, false});
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

TEST_CASE("tracker: one address cannot make up an audience", "[actors][presence]") {
  fixture f;
  const auto merged = [&f] {
    return f.figures.make_counter("troupe_presence_merged_total", "").value();
  };
  SECTION("with playback sessions") {
    for (int i = 0; i < 16; ++i) {
      f.play("192.0.2.1", "VLC", "session-" + std::to_string(i));
    }
    CHECK(f.reported() == 16);
    CHECK(merged() == 0);
    for (int i = 16; i < 1000; ++i) {
      f.play("192.0.2.1", "VLC", "session-" + std::to_string(i));
    }
    CHECK(f.reported() == 17);  // all the others are one device
    CHECK(merged() == 984);
    f.play("192.0.2.2", "VLC", "session-1000");
    CHECK(f.reported() == 18);  // somebody else is not concerned
  }
  SECTION("with agents, nor with the addresses of its network") {
    for (int i = 0; i < 1000; ++i) {
      f.play("2001:db8:1:2::" + std::to_string(i), "agent " + std::to_string(i));
    }
    CHECK(f.reported() == 65);
    f.play("2001:db8:1:3::1", "agent");
    CHECK(f.reported() == 66);
  }
  SECTION("with viewer ids and agents of chat sessions") {
    std::vector<troupe::presence::presence::ticket> in;
    for (int i = 0; i < 1000; ++i) {
      in.push_back(f.enter("v:" + std::to_string(i), "192.0.2.1", "Firefox"));
    }
    CHECK(f.reported() == 17);
    for (int i = 0; i < 1000; ++i) {
      in.push_back(f.enter("", "192.0.2.1", "agent " + std::to_string(i)));
    }
    CHECK(f.reported() == 65);
    f.enter("u:1", "192.0.2.1", "Firefox");
    f.enter("u:2", "192.0.2.1", "Firefox");
    CHECK(f.reported() == 67);  // accounts are told apart
    f.people.change(in[0], "u:3");
    f.people.change(in[1], "u:3");
    for (const auto each : in) {
      f.people.leave(each);
    }
    CHECK(f.reported() == 2);
    f.enter("v:1", "192.0.2.1", "Firefox");
    CHECK(f.reported() == 3);  // its places are free again
  }
  SECTION("but what the operator trusts may be many") {
    for (int i = 0; i < 100; ++i) {
      auto by = f.people.identify("127.0.0.1", "VLC", "session-" + std::to_string(i));
      by.is_trusted = true;
      f.people.played(stream, by);
      f.people.enter({.channel = channel,
                      .person = "v:" + std::to_string(i),
                      .address = "127.0.0.1",
                      .agent = "Firefox",
                      .plays_natively = false,
                      .is_trusted = true});
    }
    f.people.learn(f.people.unknown_streams().at(0), channel);
    CHECK(f.reported() == 200);
  }
}

TEST_CASE("tracker: a merged player counts as long as any of its requests come",
          "[actors][presence]") {
  fixture f({.ids_per_address = 0, .agents_per_address = 0});
  for (int i = 0; i < 5; ++i) {
    f.play("192.0.2.1", "agent " + std::to_string(i));
    f.time.advance(6s);
    CHECK(f.reported() == 1);
  }
  f.time.advance(4s);
  CHECK(f.reported() == 0);
}

TEST_CASE("tracker: counts as a count anew would", "[actors][presence]") {
  const auto seed = GENERATE(Catch::Generators::range(1, 20));
  std::mt19937 random(static_cast<unsigned>(seed));
  const auto some = [&random](const std::string& of, unsigned n) {
    return of + std::to_string(random() % n);
  };

  struct session {
    std::string person;
    std::string device;
    std::string at;
    bool is_native = false;
  };

  fixture f({.ids_per_address = 1000, .agents_per_address = 1000});
  std::map<troupe::presence::presence::ticket, session> sessions;
  std::map<std::string, std::tuple<std::string, std::string, steady_time>> players;
  const auto count = [&] {
    std::set<std::string> persons;
    std::set<std::string> devices;
    std::map<std::string, int> natives;
    for (const auto& [ticket, s] : sessions) {
      persons.insert(s.person);
      devices.insert(s.device);
      natives[s.at] += s.is_native ? 1 : 0;
    }
    auto people = static_cast<std::int64_t>(persons.size());
    for (const auto& [key, p] : players) {
      const auto& [device, at, seen] = p;
      if (!devices.contains(device) && --natives[at] < 0) {
        ++people;
      }
    }
    return people;
  };
  std::int64_t reported = 0;
  for (int step = 0; step < 600; ++step) {
    const auto at = some("192.0.2.", 4);
    const auto agent = some("agent ", 3);
    switch (random() % 5) {
      case 0: {
        const bool is_native = random() % 2 == 0;
        const auto person = some(random() % 2 == 0 ? "u:" : "v:", 6);
        sessions[f.enter(person, at, agent, is_native)] = {person, at + agent, at, is_native};
        break;
      }
      case 1:
        if (!sessions.empty()) {
          f.people.leave(sessions.begin()->first);
          sessions.erase(sessions.begin());
        }
        break;
      case 2:
        if (!sessions.empty()) {
          sessions.rbegin()->second.person = some("u:", 6);
          f.people.change(sessions.rbegin()->first, sessions.rbegin()->second.person);
        }
        break;
      case 3: {
        const auto playback = random() % 2 == 0 ? "" : at + agent + some(" session ", 3);
        f.play(at, agent, playback);
        players[playback.empty() ? at + agent : playback] = {at + agent, at, f.time.now()};
        break;
      }
      default:
        f.time.advance(1s);
        std::erase_if(players, [&](const auto& p) {
          return f.time.now() - std::get<steady_time>(p.second) >= 10s;
        });
    }
    reported = f.reported().value_or(reported);
    INFO("seed " << seed << " step " << step);
    REQUIRE(reported == count());
  }
}

TEST_CASE("tracker: a crowd that leaves at once is gone at the next report", "[actors][presence]") {
  fixture f;
  for (int i = 0; i < 5000; ++i) {
    f.play("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), "VLC");
    f.enter("u:" + std::to_string(i), "192.0.2.1", "Firefox");
  }
  CHECK(f.reported() == 10'000);
  f.time.advance(10s);
  CHECK(f.reported() == 5000);
}

TEST_CASE("tracker: reports every channel of many", "[actors][presence]") {
  fixture f;
  for (user_id each = 1; each <= 2500; ++each) {
    f.people.enter({.channel = each,
                    .person = "u:1",
                    .address = "a",
                    .agent = "b",
                    .plays_natively = false,
                    .is_trusted = false});
  }
  CHECK(f.people.collect().size() == 2500);
  CHECK(f.people.collect().empty());
}

TEST_CASE("tracker: a question for a channel that is never answered is asked again",
          "[actors][presence]") {
  fixture f;
  const auto by = f.people.identify("192.0.2.1", "VLC", "");
  f.people.played(stream, by);
  CHECK(f.people.unknown_streams().size() == 1);
  f.time.advance(9s);
  f.people.played(stream, by);
  CHECK(f.people.unknown_streams().empty());
  f.time.advance(1s);
  CHECK(f.people.unknown_streams() == std::vector<stream_id>{stream});
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
