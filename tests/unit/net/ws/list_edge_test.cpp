// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/list_edge.hpp"

#include "tests/unit/net/ws/list_fixture.hpp"

using namespace troupe;
using namespace troupe::ws;
using namespace troupe::ws::testing;

namespace {

using lines = std::vector<std::string>;
using query = std::vector<std::pair<std::string, std::string>>;

std::string code_of(const peer& p) {
  REQUIRE(p.refused);
  return json_of(as_text(p.refused->body.at(0).view())).at("error").at("code").as_string().c_str();
}

}  // namespace

TEST_CASE("list socket: its address is its own", "[net][ws][list]") {
  CHECK(list_edge::serves("/api/v1/streams/ws"));
  for (const auto* path : {"/api/v1/streams", "/api/v1/streams/", "/api/v1/streams/ws/",
                           "/api/v1/streams/42/ws", "/api/v1/streams/7/chat/ws"}) {
    INFO(path);
    CHECK_FALSE(list_edge::serves(path));
  }
}

TEST_CASE("list socket: what is no handshake is refused", "[net][ws][list]") {
  list_bench b;
  auto r = handshake_for("/api/v1/streams/ws");
  r.headers.clear();
  CHECK(b.edge->answer(r).status == 426);
  r.method = "POST";
  CHECK(b.edge->answer(r).status == 405);
  auto bad = handshake_for("/api/v1/streams/ws");
  bad.headers.back() = {"sec-websocket-key", "short"};
  std::erase_if(bad.headers, [](const auto& h) { return h.second == "dGhlIHNhbXBsZSBub25jZQ=="; });
  CHECK(b.connect_by(bad).refused->status == 400);
  CHECK(b.count("troupe_list_sockets_refused_total", {{"reason", "handshake"}}) == 1);
}

TEST_CASE("list socket: what is asked for is checked", "[net][ws][list]") {
  list_bench b;
  for (const auto& wrong :
       {query{{"game_id", "x"}}, query{{"game_id", "0"}}, query{{"limit", "0"}},
        query{{"limit", "1001"}}, query{{"limit", "10x"}}, query{{"limit", ""}}}) {
    CHECK(b.connect(wrong).refused->status == 400);
  }
  b.store.add(3);
  auto& p = b.connect({{"limit", "26"}, {"game_id", "7"}});
  const auto frame = p.messages().at(0);
  CHECK(frame.at("limit").as_int64() == 50);
  CHECK(frame.at("game_id").as_int64() == 7);
  CHECK(frame.at("items").as_array().empty());
  CHECK(b.connect().messages().at(0).at("game_id").is_null());
}

TEST_CASE("list socket: it answers ping, and nothing else is a command", "[net][ws][list]") {
  list_bench b;
  auto& p = b.connect();
  p.messages();
  b.say(p, R"({"type":"ping"})");
  CHECK(p.types() == lines{"pong"});
  b.say(p, R"({"type":"pong"})");
  CHECK(p.types().empty());
  b.say(p, R"({"type":"message","message":"hi","nonce":"n"})");
  CHECK(p.messages().at(0).at("code") == "unknown_type");
  for (int i = 0; i < 9; ++i) {
    b.say(p, "nonsense");
  }
  CHECK(p.types() == lines(9, "error"));
  CHECK(p.closed == 1008);
  CHECK(b.count("troupe_list_bad_frames_total", {{"code", "unknown_type"}}) == 1);
  CHECK(b.count("troupe_list_bad_frames_total", {{"code", "malformed"}}) == 9);
  CHECK(b.count("troupe_list_sockets_closed_total", {{"reason", "bad_frames"}}) == 1);
}

TEST_CASE("list socket: pings keep it, silence ends it", "[net][ws][list]") {
  list_bench b;
  auto& p = b.connect();
  p.messages();
  int pings = 0;
  for (int i = 0; i < 29; ++i) {
    b.advance(10s);
    CHECK(p.session->on_deadline());
    b.run();
    const auto types = p.types();
    pings += static_cast<int>(std::ranges::count(types, "ping"));
  }
  CHECK(pings == 10);
  CHECK(p.closed == 0);
  b.advance(10s);
  CHECK(p.session->on_deadline());
  b.run();
  p.messages();
  CHECK(p.closed == 1008);
  CHECK(b.count("troupe_list_sockets_closed_total", {{"reason", "silent"}}) == 1);
}

TEST_CASE("list socket: one that does not read for 30 s is closed", "[net][ws][list]") {
  list_bench b;
  auto& p = b.connect();
  p.connection.is_stuck = true;
  b.store.add(1);
  b.advance(500ms);
  REQUIRE(p.connection.queued_bytes() > 0);
  for (int i = 0; i < 4; ++i) {
    CHECK(p.session->on_deadline());
    b.advance(10s);
  }
  CHECK_FALSE(p.connection.is_open_now);
  CHECK(b.count("troupe_list_sockets_closed_total", {{"reason", "stalled"}}) == 1);
}

TEST_CASE("list socket: a node that leaves says when to come back", "[net][ws][list]") {
  list_bench b;
  auto& p = b.connect();
  p.messages();
  CHECK(p.session->on_stop());
  b.run();
  const auto frames = p.messages();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].at("type") == "reconnect");
  CHECK(frames[0].at("after_ms").as_int64() <= 5000);
  CHECK(p.closed == 1001);
}

TEST_CASE("list socket: so many of an address, so many of all", "[net][ws][list]") {
  list_settings s;
  s.sockets_total = 3;
  s.sockets_per_address = 2;
  list_bench b(s);
  b.connect();
  auto& second = b.connect();
  CHECK(code_of(b.connect()) == "too_many_connections");
  CHECK(b.peers.back().refused->status == 429);
  b.connect({}, "203.0.113.10");
  auto& beyond = b.connect({}, "203.0.113.11");
  CHECK(code_of(beyond) == "too_many_subscribers");
  CHECK(beyond.refused->status == 503);
  CHECK(b.gauge("troupe_list_sockets") == 3);
  b.disconnect(second);
  CHECK_FALSE(b.connect().refused);
  auto trusted = handshake_for("/api/v1/streams/ws");
  trusted.is_trusted = true;
  CHECK(code_of(b.connect_by(trusted)) == "too_many_subscribers");
  b.disconnect(b.peers.front());
  CHECK_FALSE(b.connect_by(trusted).refused);
  CHECK(b.count("troupe_list_sockets_refused_total", {{"reason", "address_limit"}}) == 1);
  CHECK(b.count("troupe_list_sockets_refused_total", {{"reason", "total"}}) == 2);
  CHECK(b.count("troupe_list_sockets_accepted_total") == 5);
}

TEST_CASE("list socket: so many different lists, and that of all games always", "[net][ws][list]") {
  list_settings s;
  s.lists = 3;
  s.sockets_per_address = 0;
  list_bench b(s);
  const auto of_game = [&b](int game, const std::string& limit = "25") -> peer& {
    b.thread = game % 2;
    return b.connect({{"game_id", std::to_string(game)}, {"limit", limit}});
  };
  auto& first = of_game(1);
  of_game(2);
  of_game(2, "50");  // another length is another list
  CHECK_FALSE(of_game(1).refused);
  auto& beyond = of_game(3);
  CHECK(code_of(beyond) == "too_many_lists");
  CHECK(beyond.refused->status == 503);
  CHECK(b.count("troupe_list_sockets_refused_total", {{"reason", "lists"}}) == 1);
  for (const auto* limit : {"25", "50", "1000"}) {
    CHECK_FALSE(b.connect({{"limit", limit}}).refused);
  }
  CHECK(b.gauge("troupe_list_lists") == 6);
  b.disconnect(first);
  CHECK(of_game(3).refused);  // somebody still follows it
  b.disconnect(b.peers[3]);
  CHECK_FALSE(of_game(3).refused);
  CHECK(of_game(1).refused);
  CHECK(b.gauge("troupe_list_lists") == 6);
}

TEST_CASE("list socket: an address connects only so often", "[net][ws][list]") {
  list_settings s;
  s.connects_per_minute_per_address = 4;
  list_bench b(s);
  for (int i = 0; i < 4; ++i) {
    b.disconnect(b.connect());
  }
  CHECK(code_of(b.connect()) == "rate_limited");
  CHECK(b.count("troupe_list_sockets_refused_total", {{"reason", "connect_rate"}}) == 1);
  CHECK(b.count("troupe_http_rate_limited_total", {{"limit", "list_connects"}}) == 1);
  b.advance(15s);
  CHECK_FALSE(b.connect().refused);
}
