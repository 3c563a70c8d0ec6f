// SPDX-License-Identifier: GPL-3.0-or-later
#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <boost/json.hpp>

#include "net/ws/feed.hpp"

namespace troupe::ws {
namespace {

framed event_of(std::int64_t seq, std::string_view filler = "") {
  const auto json = fmt::format(R"({{"type":"message","seq":{},"message":"{}"}})", seq, filler);
  const auto view = as_bytes(json);
  return make_framed({seq, shared_bytes(bytes(view.begin(), view.end())), false});
}

framed notice_of(std::string_view json, bool for_moderators = false) {
  const auto view = as_bytes(json);
  return make_framed({0, shared_bytes(bytes(view.begin(), view.end())), for_moderators});
}

/// A socket that takes bytes while it is open; what it got, in words.
class fake_socket final : public subscriber {
 public:
  bool open = true;
  int writes = 0;
  std::vector<std::string> frames;  // "42", "43-45", "missed 10-25", or a notice's JSON
  std::vector<std::string> json;
  std::vector<std::string> told;          // said to its user alone
  std::vector<const std::uint8_t*> data;  // where their bytes are
  /// Takes this many writes, then stands still.
  int room = -1;

  bool is_ready() const override { return open && room != 0; }

  void write(std::span<const shared_bytes> buffers) override {
    ++writes;
    room -= room > 0 ? 1 : 0;
    for (const auto& b : buffers) {
      data.push_back(b.data());
      json.emplace_back(framed{.frame = b}.json());
      frames.push_back(words_of(json.back()));
    }
  }

  void tell(const shared_bytes& frame) override {
    told.emplace_back(framed{.frame = frame}.json());
  }

  static std::string words_of(std::string_view json) {
    const auto parsed = boost::json::parse(json);
    const auto& o = parsed.as_object();
    const auto seq = [](const boost::json::value& v) { return v.at("seq").as_int64(); };
    if (o.at("type") == "batch") {
      const auto& list = o.at("messages").as_array();
      for (std::size_t i = 1; i < list.size(); ++i) {
        if (seq(list[i]) != seq(list[i - 1]) + 1) {
          FAIL("a batch with a hole: " << json);
        }
      }
      if (list.size() < 2) {
        FAIL("a batch of one: " << json);
      }
      return fmt::format("{}-{}", seq(list.front()), seq(list.back()));
    }
    if (o.at("type") == "missed") {
      return fmt::format("missed {}-{}", o.at("from").as_int64(), o.at("to").as_int64());
    }
    return o.contains("seq") ? std::to_string(seq(parsed)) : std::string(json);
  }
};

void full_pass(feed& f, std::size_t slice = 1000) {
  while (f.pass(slice)) {
  }
}

using words = std::vector<std::string>;

}  // namespace

TEST_CASE("feed: hands one event as its own frame, the same bytes to all", "[net][ws]") {
  feed f;
  fake_socket a;
  fake_socket b;
  f.add(a, {.next = 8});
  f.add(b, {.next = 8});
  const auto event = event_of(8);
  f.push(event);
  full_pass(f);
  CHECK(a.frames == words{"8"});
  CHECK(b.frames == words{"8"});
  CHECK(a.data[0] == event.frame.data());
  CHECK(b.data[0] == event.frame.data());
}

TEST_CASE("feed: hands several as one batch, encoded once", "[net][ws]") {
  feed f;
  fake_socket a;
  fake_socket b;
  fake_socket late;
  f.add(a, {.next = 8});
  f.add(b, {.next = 8});
  f.add(late, {.next = 9});
  for (int seq = 8; seq <= 10; ++seq) {
    f.push(event_of(seq));
  }
  full_pass(f);
  CHECK(a.frames == words{"8-10"});
  CHECK(a.data == b.data);
  CHECK(late.frames == words{"9-10"});
  CHECK(a.writes == 1);
}

TEST_CASE("feed: is right whether it is behind a welcome or ahead of it", "[net][ws]") {
  feed f;
  f.keep_everything(true);
  fake_socket s;
  SECTION("behind: what the history has already is passed over") {
    f.add(s, {.next = 11});
    f.push(event_of(9));
    f.push(event_of(10));
    full_pass(f);
    CHECK(s.frames.empty());
    f.push(event_of(11));
    full_pass(f);
    CHECK(s.frames == words{"11"});
  }
  SECTION("ahead: what came meanwhile follows") {
    for (int seq = 9; seq <= 13; ++seq) {
      f.push(event_of(seq));
    }
    full_pass(f);
    f.add(s, {.next = 11});
    CHECK(f.serve(s));
    CHECK(s.frames == words{"11-13"});
  }
  SECTION("nothing came to a new feed before its first event") {
    f.add(s, {.next = 11});
    f.push(event_of(13));
    full_pass(f);
    CHECK(s.frames == words{"missed 11-12", "13"});
  }
}

TEST_CASE("feed: tells a slow socket what it missed, and goes on", "[net][ws]") {
  feed f({.ring_events = 4});
  fake_socket slow;
  fake_socket quick;
  f.add(slow, {.next = 1});
  f.add(quick, {.next = 1});
  slow.open = false;
  for (int seq = 1; seq <= 10; ++seq) {
    f.push(event_of(seq));
    full_pass(f);
  }
  CHECK(f.ring_size() == 4);
  slow.open = true;
  CHECK(f.serve(slow));
  CHECK(slow.frames == words{"missed 1-6", "7-10"});
  CHECK(slow.writes == 1);
  CHECK(quick.frames.size() == 10);
  CHECK(f.counts().missed == 6);
  full_pass(f);
  CHECK(f.ring_size() == 0);  // a quiet room holds nothing
}

TEST_CASE("feed: bounds its ring in bytes, and a batch too", "[net][ws]") {
  const std::string text(1000, 'x');
  feed f({.ring_events = 512, .ring_bytes = 10'000, .batch_events = 3, .batch_bytes = 64 * 1024});
  fake_socket s;
  f.add(s, {.next = 1});
  s.open = false;
  for (int seq = 1; seq <= 20; ++seq) {
    f.push(event_of(seq, text));
  }
  CHECK(f.ring_size() == 9);
  s.open = true;
  CHECK(f.serve(s));
  CHECK(s.frames == words{"missed 1-11", "12-14", "15-17", "18-20"});

  feed g({.ring_events = 512, .ring_bytes = 1 << 20, .batch_events = 128, .batch_bytes = 4000});
  fake_socket t;
  g.add(t, {.next = 1});
  for (int seq = 1; seq <= 7; ++seq) {
    g.push(event_of(seq, text));
  }
  t.room = 1;
  CHECK_FALSE(g.serve(t));
  CHECK(t.frames == words{"1-3", "4-6"});  // a write ends once it is big enough
  t.room = -1;
  CHECK(g.serve(t));
  CHECK(t.frames.back() == "7");
}

TEST_CASE("feed: tells of numbers that never came", "[net][ws]") {
  feed f;
  fake_socket a;
  fake_socket inside;
  f.add(a, {.next = 1});
  f.add(inside, {.next = 4});
  f.push(event_of(1));
  f.push(event_of(2));
  f.push(event_of(6));
  f.push(event_of(6));  // told twice
  f.push(event_of(5));  // and late
  f.push(event_of(7));
  full_pass(f);
  CHECK(a.frames == words{"1-2", "missed 3-5", "6-7"});
  CHECK(inside.frames == words{"missed 4-5", "6-7"});
}

TEST_CASE("feed: sends of notices the newest of each kind", "[net][ws]") {
  feed f;
  fake_socket s;
  f.push(notice_of(R"({"type":"viewers","count":1})"));
  f.add(s, {.next = 1, .notices = f.notices_so_far()});
  full_pass(f);
  CHECK(s.frames.empty());  // the welcome had it
  s.open = false;
  for (int i = 2; i < 50; ++i) {
    f.push(notice_of(fmt::format(R"({{"type":"viewers","count":{}}})", i)));
    full_pass(f);
  }
  f.push(notice_of(R"({"type":"stream","status":"live"})"));
  f.push(event_of(1));
  s.open = true;
  full_pass(f);
  CHECK(s.frames ==
        words{"1", R"({"type":"viewers","count":49})", R"({"type":"stream","status":"live"})"});
  for (int i = 0; i < 100; ++i) {
    f.push(notice_of(fmt::format(R"({{"type":"new{}"}})", i)));
  }
  s.frames.clear();
  full_pass(f);
  CHECK(s.frames.size() == 8);
}

TEST_CASE("feed: shows moderators' notices to moderators, as roles change", "[net][ws]") {
  const auto role = [](std::int64_t seq, user_id user, std::string_view now) {
    const auto json = fmt::format(
        R"({{"type":"role","seq":{},"user_id":{},"username":"x","role":"{}"}})", seq, user, now);
    const auto view = as_bytes(json);
    return make_framed({seq, shared_bytes(bytes(view.begin(), view.end())), false});
  };
  const auto held = notice_of(R"({"type":"held","count":3})", true);
  const auto got = [&](const fake_socket& s) {
    return std::ranges::count(s.frames, std::string(held.json()));
  };
  feed f;
  f.keep_everything(true);
  fake_socket owner;
  fake_socket user;
  fake_socket visitor;
  f.add(owner, {.next = 1, .user = 5, .moderates = true});
  f.add(user, {.next = 1, .user = 6});
  f.add(visitor, {.next = 1});
  f.push(held);
  full_pass(f);
  CHECK(got(owner) == 1);
  CHECK(got(user) == 0);
  CHECK(got(visitor) == 0);
  f.push(role(1, 6, "moderator"));
  f.push(held);
  full_pass(f);
  CHECK(got(user) == 1);
  f.push(role(2, 6, "user"));
  f.push(held);
  full_pass(f);
  CHECK(got(user) == 1);
  // Its welcome is older than the event: what it knew then does not hold.
  fake_socket again;
  f.add(again, {.next = 2, .user = 6, .moderates = true, .notices = f.notices_so_far()});
  f.push(held);
  full_pass(f);
  CHECK(got(again) == 0);
  // Asked for before the event, answered after it.
  f.set_user(again, 6, true, 1);
  f.push(held);
  full_pass(f);
  CHECK(got(again) == 0);
  f.set_user(again, 6, true, 2);
  f.push(held);
  full_pass(f);
  CHECK(got(again) == 1);
}

TEST_CASE("feed: knows from who joins how many messages are held", "[net][ws]") {
  feed f;
  const auto held = [](int count) { return fmt::format(R"({{"type":"held","count":{}}})", count); };
  fake_socket reader;
  fake_socket owner;
  f.add(reader, {.next = 1, .held = 2});
  f.add(owner, {.next = 1, .user = 7, .moderates = true, .held = 2});
  full_pass(f);
  CHECK(reader.frames.empty());
  CHECK(owner.frames == words{held(2)});
  const auto before = f.notices_so_far();
  f.push(notice_of(held(3), true));
  fake_socket late;  // asked to join before that notice
  f.add(late, {.next = 1, .user = 8, .moderates = true, .notices = before, .held = 2});
  full_pass(f);
  CHECK(owner.frames == words{held(2), held(3)});
  CHECK(late.frames == words{held(3)});
  f.set_user(reader, 9, true, 0);
  CHECK(f.serve(reader));
  CHECK(reader.frames == words{held(3)});
  f.set_user(reader, 9, true, 0);  // renewed: nothing new
  CHECK(f.serve(reader));
  CHECK(reader.frames.size() == 1);
}

TEST_CASE("feed: takes what is deleted or cleared from who is behind", "[net][ws]") {
  feed f;
  fake_socket slow;
  slow.open = false;
  f.add(slow, {.next = 1});
  const auto say = [&f](std::int64_t seq, id message_id, user_id author, id quoted = 0) {
    auto json = fmt::format(R"({{"type":"message","seq":{},"message":"secret {}")", seq, author);
    json += quoted == 0 ? "}" : R"(,"reply_to":{"message_id":9,"message":"secret 5"}})";
    auto what = notice_of(json);
    what.seq = seq;
    what.message_id = message_id;
    what.author = author;
    what.quoted_id = quoted;
    what.quoted_author = quoted == 0 ? 0 : 5;
    f.push(what);
  };
  const auto remove = [&f](std::int64_t seq, std::string_view json) {
    auto what = notice_of(json);
    what.seq = seq;
    f.push(what);
  };
  say(1, 101, 5);
  say(2, 102, 6);
  say(3, 103, 6);
  say(4, 104, 7, 101);
  SECTION("one message") {
    remove(5, R"({"type":"deleted","seq":5,"message_id":102})");
    slow.open = true;
    full_pass(f);
    REQUIRE(slow.json.size() == 1);
    CHECK(slow.frames == words{"1-5"});
    CHECK(slow.json[0].find(R"({"type":"deleted","seq":2,"message_id":102})") != std::string::npos);
    CHECK(slow.json[0].find(R"("seq":3,"message":"secret 6")") != std::string::npos);
    CHECK(slow.json[0].find(R"("seq":1,"message":"secret 5")") != std::string::npos);
    CHECK(slow.json[0].find(R"("message_id":9,"message":"secret 5")") != std::string::npos);
  }
  SECTION("all of somebody, also where it is quoted") {
    remove(5, R"({"type":"cleared","seq":5,"user_id":5})");
    slow.open = true;
    full_pass(f);
    REQUIRE(slow.json.size() == 1);
    CHECK(slow.frames == words{"1-5"});
    CHECK(slow.json[0].find("secret 5") == std::string::npos);
    CHECK(slow.json[0].find(R"("message":"secret 7","reply_to":{"message_id":9,"message":""}})") !=
          std::string::npos);
    CHECK(slow.json[0].find("secret 6") != std::string::npos);
  }
}

TEST_CASE("feed: tells of dropped events without a later one", "[net][ws]") {
  feed f;
  fake_socket a;
  fake_socket b;
  f.add(a, {.next = 3});
  f.add(b, {.next = 6});
  f.lose(5, 7);  // the first it hears of
  CHECK(f.has_news());
  full_pass(f);
  CHECK(a.frames == words{"missed 3-4", "missed 5-7"});
  CHECK(b.frames == words{"missed 6-7"});
  f.lose(6, 7);
  f.push(event_of(8));
  f.lose(9, 9);
  full_pass(f);
  CHECK(b.frames == words{"missed 6-7", "8", "missed 9-9"});
}

TEST_CASE("feed: takes a pass in slices while members come and go", "[net][ws]") {
  feed f;
  std::vector<std::unique_ptr<fake_socket>> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(std::make_unique<fake_socket>());
    f.add(*sockets.back(), {.next = 1});
  }
  f.push(event_of(1));
  CHECK(f.pass(5));
  CHECK(sockets[4]->frames.size() == 1);
  CHECK(sockets[5]->frames.empty());
  f.remove(*sockets[0]);
  f.remove(*sockets[19]);
  fake_socket fresh;
  f.add(fresh, {.next = 1});
  while (f.pass(5)) {
  }
  CHECK(f.members() == 19);
  for (std::size_t i = 1; i < 19; ++i) {
    CHECK(sockets[i]->frames == words{"1"});
  }
  CHECK(fresh.frames == words{"1"});
  CHECK(sockets[19]->frames.empty());
  f.remove(*sockets[3]);
  f.push(event_of(2));
  full_pass(f);
  CHECK(sockets[18]->frames == words{"1", "2"});
  CHECK(sockets[3]->frames == words{"1"});
}

namespace {

/// Each number from the welcome on came once, or was told as missed, in order.
void check_complete(const std::vector<std::string>& frames, std::int64_t welcome,
                    std::int64_t published) {
  auto next = welcome + 1;
  for (auto text : frames) {
    if (text.starts_with("missed ")) {
      text = text.substr(7);
    }
    const auto dash = text.find('-');
    const auto from = std::stoll(text);
    if (from != next) {
      FAIL("got " << from << " and wanted " << next);
    }
    next = (dash == text.npos ? from : std::stoll(text.substr(dash + 1))) + 1;
    if (next <= from) {
      FAIL("a range ends before it begins: " << text);
    }
  }
  if (next != published + 1) {
    FAIL("the last number sent is " << next - 1 << " of " << published);
  }
}

/// One run with events, losses, joins, leaves and slow readers at random. What must hold of every
/// socket at the end: each number from its welcome on came once, or was told as missed, in order.
void run_random(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  feed f({.ring_events = 1 + random() % 20,
          .ring_bytes = 4000,
          .batch_events = 1 + random() % 9,
          .batch_bytes = 200 + random() % 800});

  struct member {
    fake_socket socket;
    std::int64_t welcome = 0;
  };

  std::vector<std::unique_ptr<member>> members;
  std::vector<std::pair<std::int64_t, int>> arriving;  // welcome, steps until it is there
  std::int64_t room = 1 + static_cast<std::int64_t>(random() % 50);  // the relay's number
  std::int64_t published = room;
  for (int step = 0; step < 400; ++step) {
    if (chance(2)) {
      ++room;
    }
    while (published < room && !chance(3)) {
      ++published;
      if (!chance(15)) {  // else lost on the way
        f.push(event_of(published));
      }
    }
    if (chance(8)) {
      arriving.emplace_back(room, random() % 10);
    }
    f.keep_everything(!arriving.empty());
    for (auto& [welcome, steps] : arriving) {
      if (steps-- == 0) {
        members.push_back(std::make_unique<member>());
        members.back()->welcome = welcome;
        f.add(members.back()->socket, {.next = welcome + 1});
        f.serve(members.back()->socket);
      }
    }
    std::erase_if(arriving, [](const auto& a) { return a.second < 0; });
    for (auto& m : members) {
      if (chance(6)) {
        m->socket.open = !m->socket.open;
        f.serve(m->socket);
      }
    }
    if (!members.empty() && chance(25)) {
      f.remove(members.back()->socket);
      members.pop_back();
    }
    f.pass(1 + random() % 5);
  }
  while (published < room) {
    f.push(event_of(++published));
  }
  for (auto& m : members) {
    m->socket.open = true;
  }
  full_pass(f);
  f.push(event_of(++published));
  full_pass(f);
  for (const auto& m : members) {
    check_complete(m->socket.frames, m->welcome, published);
  }
}

}  // namespace

TEST_CASE("feed: loses and doubles nothing in any order of things", "[net][ws]") {
  for (std::uint32_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    run_random(seed);
  }
}

TEST_CASE("feed: what is for one user is told to their sockets of this moment", "[net][ws][feed]") {
  feed f;
  fake_socket one;
  fake_socket two;
  fake_socket other;
  fake_socket reader;
  two.open = false;  // an answer waits for nobody's turn
  f.add(one, {.user = 8});
  f.add(two, {.user = 8});
  f.add(other, {.user = 9, .moderates = true});
  f.add(reader, {});
  const std::string_view json = R"({"type":"error","nonce":"n","code":"held_denied"})";
  const auto view = as_bytes(json);
  f.push(make_framed(
      {.seq = 0, .json = shared_bytes(bytes(view.begin(), view.end())), .for_user = 8}));
  CHECK_FALSE(f.has_news());
  full_pass(f);
  CHECK(one.told == std::vector<std::string>{std::string(json)});
  CHECK(two.told == one.told);
  CHECK(other.told.empty());
  CHECK(reader.told.empty());
  CHECK(one.frames.empty());
  // Nobody hears of it later: neither who logs in nor who joins.
  fake_socket late;
  f.add(late, {.user = 8});
  f.set_user(reader, 8, false, 0);
  full_pass(f);
  CHECK(late.told.empty());
  CHECK(late.frames.empty());
  CHECK(reader.told.empty());
  f.remove(one);
  f.remove(two);
  f.remove(other);
  f.remove(late);
  f.remove(reader);
}

}  // namespace troupe::ws
