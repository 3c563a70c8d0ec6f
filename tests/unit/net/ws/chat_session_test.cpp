// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/chat_session.hpp"

#include "tests/unit/net/ws/chat_fixture.hpp"

namespace troupe::ws {
namespace {

using namespace testing;
using strings = std::vector<std::string>;

std::string message(std::string_view nonce, std::string_view text = "Hello") {
  return fmt::format(R"({{"type":"message","message":"{}","nonce":"{}"}})", text, nonce);
}

/// One who may speak, past the welcome.
peer& speaker(chat_bench& b, const std::string& token = "user-8") {
  auto& p = b.connect({{"token", token}});
  const bool is_owner = token == "user-977";
  REQUIRE(p.types() == (is_owner ? strings{"welcome", "held"} : strings{"welcome"}));
  return p;
}

boost::json::value only(peer& p) {
  const auto all = p.messages();
  REQUIRE(all.size() == 1);
  return all.front();
}

}  // namespace

TEST_CASE("chat_session: says things, and is told what became of them", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  SECTION("said") {
    b.send(p, R"({"type":"message","message":"Hello","nonce":"c1","reply_to":17})");
    CHECK(only(p) == json_of(R"({"type":"ack","nonce":"c1","message_id":1000,"seq":42})"));
    REQUIRE(b.script.posts.size() == 1);
    const auto& post = b.script.posts[0];
    CHECK(post.from.user == 8);
    CHECK(post.text == "Hello");
    CHECK(post.nonce == "c1");
    CHECK(post.reply_to == 17);
    CHECK(post.session.size() == 32);
  }
  SECTION("held") {
    b.script.posted.is_held = true;
    b.send(p, message("c1"));
    CHECK(only(p) == json_of(R"({"type":"ack","nonce":"c1","status":"held"})"));
  }
  SECTION("refused by the room") {
    b.script.post_error = error{errc::rate_limited, "slow_mode", "too \"fast\"", 1200ms};
    b.send(p, message("c1"));
    CHECK(only(p) == json_of(R"({"type":"error","nonce":"c1","code":"slow_mode",)"
                             R"("message":"too \"fast\"","retry_after_ms":1200})"));
  }
  SECTION("unavailable") {
    b.script.post_error = make_error(errc::unavailable, "the store was away for 60 s");
    b.send(p, message("c1"));
    CHECK(only(p) == json_of(R"({"type":"error","nonce":"c1","code":"unavailable",)"
                             R"("message":"the store was away for 60 s"})"));
  }
  SECTION("lost between here and the room") {
    b.script.post_error = make_error(errc::conflict, "session_lost", "internal words");
    b.send(p, message("c1"));
    const auto e = only(p);
    CHECK(e.at("code") == "unavailable");
    CHECK(e.at("message").as_string().find("internal") == std::string_view::npos);
  }
  SECTION("in the answers' own order") {
    b.script.holds_posts = true;
    b.send(p, message("c1"));
    b.send(p, message("c2"));
    b.script.waiting_posts.at(1).set(b.script.posted);
    b.run();
    CHECK(only(p).at("nonce") == "c2");
    b.script.waiting_posts.at(0).set(b.script.posted);
    b.run();
    CHECK(only(p).at("nonce") == "c1");
  }
}

TEST_CASE("chat_session: says pending after a second", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  b.script.holds_posts = true;
  b.send(p, message("c1"));
  b.advance(900ms);
  CHECK(p.types().empty());
  b.advance(300ms);
  CHECK(only(p) == json_of(R"({"type":"pending","nonce":"c1"})"));
  b.advance(5s);
  CHECK(p.types().empty());
  b.script.waiting_posts.at(0).set(b.script.posted);
  b.run();
  CHECK(only(p).at("type") == "ack");
  CHECK(b.count("troupe_chat_pending_total") == 1);
}

TEST_CASE("chat_session: gives up a message after its time", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  b.script.holds_posts = true;
  b.send(p, message("c1"));
  b.advance(10s);
  p.messages();
  for (int i = 0; i < 6; ++i) {
    b.advance(10s);
    b.send(p, "", 0x8A);
  }
  const auto all = p.messages();
  const auto& last = all.back();
  CHECK(last.at("type") == "error");
  CHECK(last.at("code") == "unavailable");
  b.script.waiting_posts.clear();
}

TEST_CASE("chat_session: has at most 64 messages in flight", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  b.script.holds_posts = true;
  for (int i = 0; i < 64; ++i) {
    b.send(p, message(std::to_string(i)));
  }
  CHECK(b.script.posts.size() == 64);
  CHECK(p.messages().empty());
  b.send(p, message("too many"));
  const auto e = only(p);
  CHECK(e.at("code") == "unavailable");
  CHECK(e.at("nonce") == "too many");
  CHECK(b.count("troupe_chat_in_flight_refused_total") == 1);
  CHECK(b.script.posts.size() == 64);
  // Even now it can leave.
  b.disconnect(p);
  for (auto& w : b.script.waiting_posts) {
    w.set(b.script.posted);
  }
  b.run();
  CHECK(b.viewers() == 0);
}

TEST_CASE("chat_session: lets a reader read only", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  p.messages();
  b.send(p, message("c1"));
  const auto e = only(p);
  CHECK(e.at("code") == "unauthenticated");
  CHECK(e.at("nonce") == "c1");
  CHECK(b.script.posts.empty());
}

TEST_CASE("chat_session: takes an auth frame", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  p.messages();
  b.send(p, R"({"type":"auth","token":"wrong"})");
  const auto e = only(p);
  CHECK(e.at("code") == "invalid_token");
  CHECK_FALSE(e.as_object().contains("nonce"));
  b.script.role = chat::role::moderator;
  // What follows at once is said by the new user already.
  p.session->on_bytes(masked(0x81, R"({"type":"auth","token":"user-8"})"));
  b.send(p, message("c1"));
  const auto all = p.messages();
  REQUIRE(all.size() == 4);
  CHECK(all[0].at("type") == "auth");
  CHECK(all[0].at("user").at("user_id") == 8);
  CHECK(all[0].at("user").at("username") == "aya");
  CHECK(all[0].at("user").at("role") == "moderator");
  CHECK(all[0].at("expires_at").as_string() == to_iso8601(b.accounts.expires_at));
  CHECK(all[1].at("type") == "resume");
  CHECK(all[2].at("type") == "ack");
  CHECK(all[3].at("type") == "held");
  CHECK(b.script.posts.at(0).from.user == 8);
  // The same user again: the same session, and no other token.
  b.send(p, R"({"type":"auth","token":"user-8"})");
  CHECK(p.types() == strings{"auth"});
  // Moderators' notices come now.
  b.publish_json(R"({"type":"held","count":1})", 0, true);
  b.run();
  CHECK(p.types() == strings{"held"});
}

TEST_CASE("chat_session: is read only once the token has expired", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  auto& moderator = speaker(b, "user-977");
  for (int i = 0; i < 14; ++i) {
    b.advance(1min);
    b.send(p, "", 0x8A);
    b.send(moderator, "", 0x8A);
  }
  b.send(p, message("c1"));
  p.messages();
  b.advance(62s);
  const auto all = p.types();
  CHECK(std::ranges::count(all, "token_expired") == 1);
  CHECK(std::ranges::count(moderator.types(), "token_expired") == 1);
  b.publish_json(R"({"type":"held","count":1})", 0, true);
  b.send(p, message("c2"));
  CHECK(only(p).at("code") == "unauthenticated");
  CHECK(moderator.types().empty());
  b.accounts.expires_at = b.bench.time().wall() + 15min;
  b.send(p, R"({"type":"auth","token":"user-8"})");
  CHECK(p.types() == strings{"auth"});
  b.send(p, message("c3"));
  CHECK(only(p).at("type") == "ack");
}

TEST_CASE("chat_session: is read only after a log-out everywhere", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  b.accounts.has_ended_all = true;
  b.advance(1100ms);
  CHECK(p.types() == strings{"token_expired"});
  b.send(p, message("c1"));
  CHECK(only(p).at("code") == "unauthenticated");
  b.send(p, R"({"type":"auth","token":"user-8"})");
  CHECK(only(p).at("code") == "invalid_token");
}

TEST_CASE("chat_session: a log-in that waits is not undone by the one before", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  b.script.holds_roles = true;
  b.send(p, R"({"type":"auth","token":"user-9"})");
  b.accounts.has_ended_all = true;  // user 8 logs out everywhere
  b.advance(2s);
  b.accounts.has_ended_all = false;
  CHECK(p.types().empty());
  REQUIRE(b.script.waiting_roles.size() == 1);
  b.script.waiting_roles[0].set(chat::role_answer{});
  b.run();
  CHECK(p.types() == strings{"auth", "resume"});
  b.send(p, message("c1"));
  CHECK(only(p).at("type") == "ack");
  CHECK(b.script.posts.back().from.user == 9);
  b.accounts.has_ended_all = true;  // now it counts
  b.advance(1100ms);
  CHECK(p.types() == strings{"token_expired"});
}

TEST_CASE("chat_session: the last of several log-ins counts", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  CHECK(p.types() == strings{"welcome"});
  b.script.holds_roles = true;
  b.send(p, R"({"type":"auth","token":"user-8"})");
  b.send(p, R"({"type":"auth","token":"user-9"})");
  REQUIRE(b.script.waiting_roles.size() == 2);
  b.script.waiting_roles[1].set(chat::role_answer{});
  b.run();
  b.script.waiting_roles[0].set(chat::role_answer{chat::role::moderator});
  b.run();
  CHECK(p.types() == strings{"auth", "resume"});
  b.publish_json(R"({"type":"held","count":1})", 0, true);
  b.run();
  CHECK(p.types().empty());
  b.send(p, message("c1"));
  CHECK(b.script.posts.back().from.user == 9);
}

TEST_CASE("chat_session: tells moderators how many messages are held", "[net][ws]") {
  chat_bench b;
  b.script.joined.held = 3;
  auto& owner = b.connect({{"token", "user-977"}});
  const auto got = owner.messages();
  REQUIRE(got.size() == 2);
  CHECK(got[0].at("type") == "welcome");
  CHECK(got[1].at("type") == "held");
  CHECK(got[1].at("count") == 3);
  auto& p = speaker(b);  // no moderator yet
  b.publish_role(42, 8, "moderator");
  b.run();
  const auto promoted = p.messages();
  REQUIRE(promoted.size() == 2);
  CHECK(promoted[0].at("type") == "role");
  CHECK(promoted[1].at("count") == 3);
  CHECK(owner.types() == strings{"role"});
  b.publish_role(43, 8, "user");
  b.publish_json(R"({"type":"held","count":4})", 0, true);
  b.advance(100ms);
  CHECK(p.types() == strings{"role"});
  b.script.joined.last_seq = 43;
  auto& reader = b.connect();
  b.script.role = chat::role::moderator;
  b.send(reader, R"({"type":"auth","token":"user-9"})");
  const auto all = reader.messages();
  REQUIRE(all.size() == 4);
  CHECK(all[1].at("type") == "auth");
  CHECK(all[3].at("type") == "held");
  CHECK(all[3].at("count") == 3);  // what the relay said to who joined last
}

TEST_CASE("chat_session: is told what an I/O thread had no place for", "[net][ws]") {
  edge_settings s;
  s.hubs.inbox_limit = 2;
  chat_bench b(s);
  auto& p = speaker(b);
  for (std::int64_t seq = 42; seq <= 46; ++seq) {
    b.publish(seq);
  }
  b.publish_json(R"({"type":"viewers","count":1})");
  b.publish_json(R"({"type":"stream","status":"live"})");
  b.publish_json(R"({"type":"viewers","count":2})");
  b.run();
  const auto all = p.messages();
  REQUIRE(all.size() == 4);
  CHECK(all[0].at("type") == "batch");
  CHECK(all[1].at("type") == "missed");
  CHECK(all[1].at("from") == 44);
  CHECK(all[1].at("to") == 46);
  CHECK(all[2].at("status") == "live");
  CHECK(all[3].at("count") == 2);
  CHECK(b.count("troupe_chat_dropped_broadcasts_total") == 6);
  b.publish(47);
  b.advance(100ms);
  CHECK(only(p).at("seq") == 47);
}

TEST_CASE("chat_session: heeds what a dropped event says", "[net][ws]") {
  edge_settings s;
  s.hubs.inbox_limit = 2;
  chat_bench b(s);
  auto& p = speaker(b);
  auto& moderator = speaker(b, "user-977");
  const std::string said = R"({"type":"message","seq":42,"message_id":900,"message":"secret"})";
  b.sockets.publish(channel, {{.seq = 42,
                               .json = shared_bytes(bytes(said.begin(), said.end())),
                               .message_id = 900,
                               .author = 5}});
  b.publish(43);
  b.publish_json(R"({"type":"deleted","seq":44,"message_id":900})", 44);
  b.publish_role(45, channel, "user");
  b.publish_json(R"({"type":"held","count":7})", 0, true);
  b.run();
  CHECK(moderator.types() == strings{"batch", "missed"});
  const auto all = p.messages();
  REQUIRE(all.size() == 2);
  CHECK(all[0].at("messages").as_array().at(0).at("type") == "deleted");
  CHECK(all[1].at("to") == 45);
}

TEST_CASE("chat_session: answers what is no command, ten times", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"", "malformed"},
      {"[]", "malformed"},
      {"{", "malformed"},
      {R"({"type":"message","message":"x","nonce":"n","more":[[[[1]]]]})", "malformed"},
      {R"({"message":"x"})", "malformed"},
      {R"({"type":7})", "malformed"},
      {R"({"type":"message","nonce":"n"})", "malformed"},
      {R"({"type":"auth"})", "malformed"},
      {R"({"type":"dance"})", "unknown_type"}};
  for (const auto& [frame, code] : wrong) {
    b.send(p, frame);
    CHECK(only(p).at("code").as_string() == code);
  }
  b.send(p, message(""));
  CHECK(only(p).at("code") == "invalid_nonce");  // a wrong nonce is a command
  const auto bad = [&b](const char* code) {
    return b.count("troupe_chat_bad_frames_total", {{"code", code}});
  };
  CHECK(bad("malformed") == 7);
  CHECK(bad("too_deep") == 1);
  CHECK(bad("unknown_type") == 1);
  CHECK(bad("invalid_nonce") == 1);
  CHECK(p.closed == 0);
  SECTION("the tenth within 10 s closes") {
    b.send(p, "x");
    CHECK(p.types() == strings{"error"});
    CHECK(p.closed == 1008);
    CHECK_FALSE(p.connection.is_open());
    CHECK(b.count("troupe_chat_sockets_closed_total", {{"reason", "bad_frames"}}) == 1);
  }
  SECTION("later it does not") {
    b.advance(11s);
    b.send(p, "x");
    CHECK(p.types() == strings{"error"});
    CHECK(p.closed == 0);
  }
  CHECK(b.script.posts.empty());
}

TEST_CASE("chat_session: closes with the code of what was wrong", "[net][ws]") {
  chat_bench b;
  const auto code = [&](const bytes& data) {
    auto& p = speaker(b);
    p.session->on_bytes(data);
    b.run();
    p.messages();
    CHECK_FALSE(p.connection.is_open());
    return p.closed;
  };
  CHECK(code(masked(0x82, "x")) == 1003);
  CHECK(code(masked(0x81, "\xff")) == 1007);
  CHECK(code(masked(0x81, std::string(largest_client_frame + 1, ' '))) == 1009);
  CHECK(code(masked(0xC1, "x")) == 1002);
  CHECK(code({0x81, 0x01, 'x'}) == 1002);
  CHECK(code(masked(0x88,
                    "\x03\xe8"
                    "bye")) == 1000);
  CHECK(code(masked(0x88, "")) == 1000);
  CHECK(code(masked(0x88, "\x0f\xa1")) == 4001);
  const auto closed = [&b](const char* why) {
    return b.count("troupe_chat_sockets_closed_total", {{"reason", why}});
  };
  CHECK(closed("not_text") == 2);
  CHECK(closed("too_big") == 1);
  CHECK(closed("protocol") == 2);
  auto& whole = speaker(b);
  b.send(whole, std::string(largest_client_frame, ' '));
  CHECK(only(whole).at("code") == "malformed");
}

TEST_CASE("chat_session: answers pings of both kinds", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  b.send(p, "there?", 0x89);
  const auto all = p.frames();
  REQUIRE(all.size() == 1);
  CHECK(all[0].kind == opcode::pong);
  CHECK(all[0].payload == "there?");
  b.send(p, R"({"type":"ping"})");
  CHECK(p.types() == strings{"pong"});
  b.send(p, R"({"type":"pong"})");
  CHECK(p.types().empty());
}

TEST_CASE("chat_session: closes who sends too many frames", "[net][ws]") {
  chat_bench b;
  auto& p = speaker(b);
  for (int i = 0; i < 300; ++i) {
    b.send(p, "", 0x8A);
  }
  CHECK(p.connection.is_open());
  SECTION("in a short time") {
    b.send(p, "", 0x8A);
    p.messages();
    CHECK(p.closed == 1008);
    CHECK(b.count("troupe_chat_sockets_closed_total", {{"reason", "many_frames"}}) == 1);
  }
  SECTION("not over a longer one") {
    b.advance(11s);
    b.send(p, "", 0x8A);
    CHECK(p.connection.is_open());
  }
  SECTION("fragments are frames") {
    b.advance(11s);
    b.send(p, "a", 0x01);
    for (int i = 0; i < 300; ++i) {
      p.session->on_bytes(masked(0x00, ""));
    }
    b.run();
    p.messages();
    CHECK(p.closed == 1008);
  }
}

TEST_CASE("chat_session: pings every 30 s, and closes who is silent for 5 minutes", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  p.frames();
  const auto silent_from = b.bench.time().now();
  int pings = 0;
  int words = 0;
  while (p.connection.is_open()) {
    b.advance(1s);
    REQUIRE(b.bench.time().now() - silent_from < 6min);
    for (const auto& f : p.frames()) {
      pings += f.kind == opcode::ping ? 1 : 0;
      words += f.payload == R"({"type":"ping"})" ? 1 : 0;
      if (f.kind == opcode::close) {
        CHECK(f.payload.substr(0, 2) == "\x03\xf0");  // 1008
      }
    }
  }
  CHECK(b.bench.time().now() - silent_from >= 5min);
  CHECK(pings >= 9);
  CHECK(pings <= 10);
  CHECK(words == pings);
  CHECK(b.count("troupe_chat_sockets_closed_total", {{"reason", "silent"}}) == 1);
}

TEST_CASE("chat_session: stays with who answers pings, and renews the resume token", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  p.frames();
  std::vector<steady_time> renewed{b.bench.time().now()};
  for (int i = 0; i < 90; ++i) {
    b.advance(10s);
    for (const auto& m : p.messages()) {
      if (m.at("type") == "resume") {
        CHECK(b.bench.time().now() - renewed.back() <= 5min);
        renewed.push_back(b.bench.time().now());
      }
    }
    b.send(p, "", 0x8A);
  }
  CHECK(p.connection.is_open());
  CHECK(renewed.size() >= 3);
}

TEST_CASE("chat_session: tells who does not read what it missed, and closes it after 30 s",
          "[net][ws]") {
  chat_bench b;
  auto& slow = b.connect();
  auto& quick = b.connect();
  slow.messages();
  quick.messages();
  slow.connection.is_stuck = true;
  std::int64_t seq = 41;
  const auto talk = [&](int count) {
    for (int i = 0; i < count; ++i) {
      b.publish(++seq);
      b.advance(20ms);
    }
  };
  SECTION("it missed something") {
    talk(600);
    CHECK(slow.connection.queued_bytes() < 200);  // no queue of its own
    slow.connection.is_stuck = false;
    b.run();
    const auto all = slow.messages();
    REQUIRE(all.size() > 2);
    CHECK(all[0].at("seq") == 42);
    CHECK(all[1] == json_of(R"({"type":"missed","from":43,"to":129})"));
    CHECK(all[2].at("messages").at(0).at("seq") == 130);
    CHECK(all.back().at("messages").as_array().back().at("seq") == seq);
    CHECK(b.count("troupe_chat_missed_events_total") == 0);  // counted with the next pass
    talk(1);
    CHECK(b.count("troupe_chat_missed_events_total") == 87);
    CHECK(b.count("troupe_chat_deliveries_total") == 601 + 601 - 87);
  }
  SECTION("it stays so") {
    talk(1);
    b.advance(29s);
    CHECK(slow.connection.is_open());
    b.advance(3s);
    CHECK_FALSE(slow.connection.is_open());
    CHECK(b.count("troupe_chat_sockets_closed_total", {{"reason", "stalled"}}) == 1);
    CHECK(quick.connection.is_open());
    slow.connection.is_stuck = false;
    b.run();
    slow.messages();
    CHECK(slow.closed == 1013);
  }
}

TEST_CASE("chat_session: an outbox that is full ends its socket, and is counted", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  CHECK(p.connection.outbox == 1024 * 1024);  // beyond it the connection closes, as below
  p.session->on_closed(net::close_reason::outbox_full);
  p.session.reset();
  b.run();
  CHECK(b.count("troupe_chat_sockets_closed_total", {{"reason", "unread"}}) == 1);
  CHECK(b.viewers() == 0);
}

TEST_CASE("chat_session: reads no more from who does not read", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  p.connection.is_stuck = true;
  int sent = 0;
  while (!p.connection.is_paused && sent < 300) {
    b.send(p, std::string(125, 'x'), 0x89);
    ++sent;
  }
  CHECK(p.connection.is_paused);
  CHECK(p.connection.queued_bytes() < 17 * 1024);
  p.connection.is_stuck = false;
  b.run();
  CHECK_FALSE(p.connection.is_paused);
}

TEST_CASE("chat_session: batches at most 20 ms late, and not at all after a pause", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect();
  p.messages();
  b.publish(42);
  b.run();
  CHECK(p.types() == strings{"message"});
  b.publish(43);
  b.publish(44);
  b.run();
  CHECK(p.types().empty());
  b.advance(20ms);
  CHECK(p.types() == strings{"batch"});
  b.advance(20ms);
  b.publish(45);
  b.run();
  CHECK(p.types() == strings{"message"});
  // Several published at once come at once, in one write.
  b.advance(20ms);
  const auto writes = p.connection.writes;
  b.publish(46);
  b.publish(47);
  b.publish_json(R"({"type":"viewers","count":3})");
  b.run();
  CHECK(p.types() == strings{"batch", "viewers"});
  CHECK(p.connection.writes == writes + 1);
}

TEST_CASE("chat_session: tells its peer to come back when the node leaves", "[net][ws]") {
  chat_bench b;
  std::vector<std::int64_t> delays;
  for (int i = 0; i < 50; ++i) {
    auto& p = b.connect();
    p.messages();
    CHECK(p.session->on_stop());
    b.run();
    const auto m = only(p);
    CHECK(m.at("type") == "reconnect");
    CHECK(m.at("resume").as_string().size() > 64);
    CHECK(p.closed == 1001);
    CHECK_FALSE(p.connection.is_open());
    delays.push_back(m.at("after_ms").as_int64());
  }
  std::ranges::sort(delays);
  CHECK(delays.front() >= 0);
  CHECK(delays.front() < 500);
  CHECK(delays.back() > 4500);
  CHECK(delays.back() <= 5000);
  for (std::size_t i = 1; i < delays.size(); ++i) {
    CHECK(delays[i] - delays[i - 1] < 500);  // no herd
  }
}

TEST_CASE("chat_session: forty thousand come and go, and leave nothing", "[net][ws][.slow]") {
  chat_bench b({.connects_per_minute_per_address = 0});
  for (int i = 0; i < 40'000; ++i) {
    auto& p = b.connect({{"token", "user-" + std::to_string(1 + i % 1000)}});
    b.send(p, message("c"));
    b.disconnect(p);
    b.peers.pop_back();
  }
  CHECK(b.viewers() == 0);
  CHECK(b.sockets.listeners(channel) == 0);
  CHECK(b.edge->sockets() == 0);
}

}  // namespace troupe::ws
