// SPDX-License-Identifier: GPL-3.0-or-later
// What relays are told, and how many watch.
#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

std::vector<std::int64_t> numbers(const std::vector<event>& events) {
  std::vector<std::int64_t> out;
  for (const auto& e : events) {
    out.push_back(e.seq);
  }
  return out;
}

std::vector<std::int64_t> viewers_told(world& w, const std::string& relay) {
  std::vector<std::int64_t> out;
  for (const auto& n : w.news[relay]) {
    if (n.viewers) {
      out.push_back(*n.viewers);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("room subscribers: get what they lack, or the whole ring", "[actors][chat]") {
  world w;
  room_bench bench(w);
  const auto empty = bench.subscribe_as("a/7", 0);
  REQUIRE(empty);
  CHECK(empty->events.empty());
  CHECK(empty->last_seq == 0);
  CHECK(empty->owner == ada);
  CHECK(empty->owner_name == "ada");
  for (int i = 0; i < 150; ++i) {
    REQUIRE(bench.say(ada, std::to_string(i + 1)));
  }
  CHECK(bench.subscribe_as("a/7")->events.size() == 100);
  CHECK(bench.subscribe_as("a/7")->events.front().seq == 51);
  CHECK(bench.subscribe_as("a/7")->last_seq == 150);
  CHECK(numbers(bench.subscribe_as("a/7", 148)->events) == std::vector<std::int64_t>{149, 150});
  CHECK(bench.subscribe_as("a/7", 150)->events.empty());
  CHECK(bench.subscribe_as("a/7", 50)->events.size() == 100);
  CHECK(bench.subscribe_as("a/7", 49)->events.size() == 100);   // older than the ring
  CHECK(bench.subscribe_as("a/7", 151)->events.size() == 100);  // from nowhere
}

TEST_CASE("room subscribers: the ring comes back with the next activation", "[actors][chat]") {
  world w;
  std::vector<event> before;
  {
    room_bench bench(w);
    const auto first = bench.say(bob, "one", "n");
    REQUIRE(bench.say(eve, "two", {}, first->message_id));
    const auto gone = bench.say(bob, "three");
    REQUIRE(bench.command(ada, delete_message{who(ada), gone->message_id, ""}));
    REQUIRE(bench.command(ada, set_mode{who(ada), 5, true, 6}));
    REQUIRE(bench.command(ada, set_moderator{who(ada), mia, true}));
    REQUIRE(bench.command(ada, ban_user{who(ada), joe, 60, ""}));
    before = bench.subscribe_as("a/7")->events;
  }
  room_bench bench(w, 2);
  const auto after = bench.subscribe_as("a/7");
  REQUIRE(after->events.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    CAPTURE(i);
    CHECK(runtime::encode(after->events[i]) == runtime::encode(before[i]));
  }
  CHECK(after->moderators == std::vector{mia});
}

TEST_CASE("room subscribers: what is gone is gone from quotes too", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  const auto bad = bench.say(bob, "bad");
  const auto worse = bench.say(bob, "worse");
  const auto fine = bench.say(eve, "fine");
  REQUIRE(bench.say(eve, "re bad", {}, bad->message_id));
  REQUIRE(bench.say(eve, "re worse", {}, worse->message_id));
  REQUIRE(bench.say(joe, "re fine", {}, fine->message_id));
  const auto quotes = [&](const std::vector<event>& events) {
    std::vector<std::string> out;
    for (const auto& e : events) {
      if (e.reply_to && !e.reply_to->text.empty()) {
        out.push_back(e.reply_to->text);
      }
    }
    return out;
  };
  using texts = std::vector<std::string>;
  CHECK(quotes(bench.subscribe_as("b/7")->events) == texts{"bad", "worse", "fine"});
  SECTION("deleted") {
    REQUIRE(bench.command(ada, delete_message{who(ada), bad->message_id, ""}));
    CHECK(quotes(bench.subscribe_as("b/7")->events) == texts{"worse", "fine"});
  }
  SECTION("cleared") {
    REQUIRE(bench.command(ada, ban_user{who(ada), bob, {}, ""}));
    CHECK(quotes(bench.subscribe_as("b/7")->events) == texts{"fine"});
  }
  SECTION("in the news that say so") {
    w.news.clear();
    bench.hold_jobs(true);
    bench.begin_say(ada, "on its way");
    bench.run();
    const auto reply = bench.begin_say(joe, "again", {}, bad->message_id);
    const auto gone = bench.begin(bench.session_of(ada), bench.name,
                                  delete_message{who(ada), bad->message_id, ""});
    const auto late = bench.begin_say(joe, "too late", {}, bad->message_id);
    bench.run();
    while (bench.run_job()) {
      bench.run();
    }
    REQUIRE(**reply);
    REQUIRE(**gone);
    REQUIRE(**late);
    CHECK(bench.shown("a/7").size() == 4);
    CHECK(quotes(bench.shown("a/7")).empty());
    CHECK(quotes(bench.subscribe_as("b/7")->events) == texts{"worse", "fine"});
  }
}

TEST_CASE("room subscribers: one message a commit and relay", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.subscribe_as("b/7"));
  bench.hold_jobs(true);
  for (int i = 0; i < 20; ++i) {
    bench.begin_say(ada, "x");
  }
  bench.run();
  bench.hold_jobs(false);
  bench.run();
  CHECK(w.news["a/7"].size() == 2);  // the first alone, what gathered meanwhile
  CHECK(w.news["b/7"].size() == 2);
  CHECK(bench.shown("b/7").size() == 20);
  CHECK(w.news["a/7"][0].epoch == 1);
}

TEST_CASE("room subscribers: are forgotten after 10 s of silence", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  bench.advance(8s);
  REQUIRE(bench.subscribe_as("b/7"));
  REQUIRE(bench.say(ada, "to both"));
  bench.advance(4s);
  REQUIRE(bench.say(ada, "to b"));
  CHECK(bench.shown("a/7").size() == 1);
  CHECK(bench.shown("b/7").size() == 2);
  bench.tell_room(unsubscribe{"b/7"});
  REQUIRE(bench.say(ada, "to nobody"));
  CHECK(bench.shown("b/7").size() == 2);
}

TEST_CASE("room subscribers: are bounded, and have names", "[actors][chat]") {
  world w;
  w.needs.settings.relays = 2;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  REQUIRE(bench.subscribe_as("b/7"));
  CHECK(reason(bench.subscribe_as("c/7")) == "too_many_relays");
  CHECK(bench.subscribe_as("a/7"));
  CHECK(w.counters.relays_refused.value() == 1);
  CHECK(reason(bench.subscribe_as("")) == "invalid_relay");
  CHECK(reason(bench.subscribe_as("a\n")) == "invalid_relay");
}

TEST_CASE("room audience: adds the nodes up, at most once a second", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  bench.tell_room(audience_report{"a", 3});
  CHECK(viewers_told(w, "a/7") == std::vector<std::int64_t>{3});
  bench.tell_room(audience_report{"b", 4});
  bench.tell_room(audience_report{"b", 5});
  CHECK(viewers_told(w, "a/7").size() == 1);
  bench.advance(1s);
  CHECK(viewers_told(w, "a/7") == std::vector<std::int64_t>{3, 8});
  CHECK(bench.subscribe_as("a/7")->viewers == 8);
  bench.advance(3s);
  bench.tell_room(audience_report{"a", 3});
  bench.tell_room(audience_report{"b", 5});
  CHECK(viewers_told(w, "a/7").size() == 2);  // nothing has changed
  bench.advance(5s);
  REQUIRE(bench.subscribe_as("a/7"));
  bench.tell_room(audience_report{"a", 3});
  bench.advance(8s);  // nothing of b for 13 s
  CHECK(viewers_told(w, "a/7") == std::vector<std::int64_t>{3, 8, 3});
  REQUIRE(bench.subscribe_as("a/7"));
  bench.tell_room(audience_report{"a", 0});
  bench.advance(1s);
  CHECK(viewers_told(w, "a/7").back() == 0);
}

TEST_CASE("room audience: is bounded in nodes and in their words", "[actors][chat]") {
  world w;
  w.needs.settings.nodes = 2;
  room_bench bench(w);
  bench.tell_room(audience_report{"a", -5});
  bench.tell_room(audience_report{"a", largest_id});
  bench.tell_room(audience_report{"b", largest_id});
  bench.tell_room(audience_report{"c", 1});
  bench.advance(1s);
  CHECK(bench.subscribe_as("a/7")->viewers == largest_id);
  CHECK(w.counters.relays_refused.value() == 1);
}

TEST_CASE("room audience: a stream keeps its title when it goes live", "[actors][chat]") {
  world w;
  room_bench bench(w);
  REQUIRE(bench.subscribe_as("a/7"));
  bench.tell_room(stream_changed{{50, "waiting", "My title"}});
  bench.tell_room(stream_changed{{50, "live", ""}});
  CHECK(w.news["a/7"].back().stream->title == "My title");
  CHECK(w.news["a/7"].back().stream->status == "live");
  bench.tell_room(stream_changed{{50, "live", "Another"}});
  CHECK(bench.subscribe_as("b/7")->stream->title == "Another");
  bench.tell_room(stream_changed{{51, "live", ""}});  // not of another stream
  CHECK(bench.subscribe_as("b/7")->stream->title.empty());
}

TEST_CASE("room audience: figures are kept while the stream is live", "[actors][chat]") {
  world w;
  {
    room_bench bench(w);
    REQUIRE(bench.subscribe_as("a/7"));
    bench.tell_room(audience_report{"a", 3});
    CHECK(w.sink.seen.empty());
    bench.tell_room(stream_changed{{50, "waiting", "t"}});
    bench.tell_room(stream_changed{{50, "live", "t"}});
    CHECK(w.sink.seen == std::vector<std::pair<stream_id, std::int64_t>>{{50, 3}});
    CHECK(w.news["a/7"].back().stream->status == "live");
    CHECK(bench.subscribe_as("b/7")->stream->stream == 50);
    CHECK(bench.say(bob, "during"));
    CHECK(bench.stored().events.back().stream == 50);
    bench.tell_room(stream_changed{{50, "reconnecting", "t"}});
    bench.advance(1s);
    bench.tell_room(audience_report{"a", 5});
    CHECK(w.sink.seen.back() == std::pair<stream_id, std::int64_t>{50, 5});
    bench.tell_room(stream_changed{{50, "ended", "t"}});
    CHECK(w.sink.seen.back() == std::pair<stream_id, std::int64_t>{50, -1});
    CHECK(bench.say(bob, "after"));
    CHECK_FALSE(bench.stored().events.back().stream);
    bench.tell_room(stream_changed{{51, "live", "t"}});
    bench.tell_room(stream_changed{{50, "ended", "t"}});  // late
    CHECK(bench.subscribe_as("b/7")->stream->stream == 51);
    bench.tell_room(stream_changed{{52, "live", "t"}});
    CHECK(w.sink.seen.back() == std::pair<stream_id, std::int64_t>{52, 5});
    CHECK(w.sink.seen[w.sink.seen.size() - 2] == std::pair<stream_id, std::int64_t>{51, -1});
  }
  CHECK(w.sink.seen.back() == std::pair<stream_id, std::int64_t>{52, -1});
  w.store.stream = 52;
  w.store.stream_status = 1;
  room_bench bench(w, 2);
  CHECK(bench.subscribe_as("b/7")->stream->status == "live");
}

}  // namespace troupe::chat
