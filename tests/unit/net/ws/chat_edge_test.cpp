// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/net/ws/chat_fixture.hpp"

namespace troupe::ws {
namespace {

using namespace testing;
using strings = std::vector<std::string>;

std::string code_of(const peer& p) {
  REQUIRE(p.refused);
  const auto body = json_of(as_text(p.refused->body.at(0).view()));
  return fmt::format("{} {}", p.refused->status,
                     std::string_view(body.at("error").at("code").as_string()));
}

boost::json::value welcome_of(peer& p) {
  const auto all = p.messages();
  REQUIRE(!all.empty());
  REQUIRE(all.front().at("type") == "welcome");
  return all.front();
}

}  // namespace

TEST_CASE("chat_edge: knows its addresses", "[net][ws]") {
  CHECK(chat_edge::serves("/api/v1/channels/7/chat/ws"));
  CHECK(chat_edge::serves("/api/v1/streams/42/chat/ws"));
  for (const auto* path :
       {"/api/v1/channels/7/chat", "/api/v1/channels//chat/ws", "/api/v1/channels/x/chat/ws",
        "/api/v1/channels/7/8/chat/ws", "/api/v1/users/7/chat/ws", "/api/v1/channels/7/chat/ws/",
        "/", "/api/v1/channels/chat/ws", "/api/v1/streams/0/chat/ws"}) {
    CHECK_FALSE(chat_edge::serves(path));
  }
  chat_bench b;
  auto plain = chat_bench::request();
  plain.headers.clear();
  CHECK(b.edge->answer(plain).status == 426);
}

TEST_CASE("chat_edge: welcomes a reader", "[net][ws]") {
  chat_bench b;
  const std::string_view history = R"({"type":"message","seq":40},{"type":"message","seq":41})";
  const auto view = as_bytes(history);
  b.script.joined.history = shared_bytes(bytes(view.begin(), view.end()));
  b.script.joined.stream = chat::stream_notice{42, "live", "Building"};
  b.script.joined.viewers = 12;
  b.script.joined.mode.followers_only_min_age_s = 600;
  auto& p = b.connect();
  REQUIRE(p.session);
  CHECK(p.accepted ==
        net::upgrade_request::header_list{
            {"Upgrade", "websocket"}, {"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}});
  const auto w = welcome_of(p);
  CHECK(w.at("seq") == 41);
  CHECK(w.at("history").as_array().size() == 2);
  CHECK(w.at("user").is_null());
  CHECK(w.at("role").is_null());
  CHECK(w.at("channel").at("user_id") == channel);
  CHECK(w.at("channel").at("username") == "aya");
  CHECK(w.at("mode").at("slow_mode_s") == 0);
  CHECK(w.at("mode").at("followers_only_min_age_s") == 600);
  CHECK(w.at("stream").at("stream_id") == 42);
  CHECK(w.at("stream").at("status") == "live");
  CHECK(w.at("viewers") == 12);
  CHECK(w.at("session").as_string().size() == 32);
  CHECK(w.at("resume").as_string().size() > 64);
  CHECK(b.script.joins == std::vector<std::optional<std::int64_t>>{std::nullopt});
  CHECK(b.sockets.listeners(channel) == 1);
  CHECK(b.viewers() == 1);
  b.disconnect(p);
  CHECK(b.sockets.listeners(channel) == 0);
  CHECK(b.viewers() == 0);
}

TEST_CASE("chat_edge: tells right after the welcome what is missing", "[net][ws]") {
  chat_bench b;
  b.script.joined.missed = {10, 25};
  auto& p = b.connect({{"after", "9"}});
  const auto all = p.messages();
  REQUIRE(all.size() == 2);
  CHECK(all[1] == json_of(R"({"type":"missed","from":10,"to":25})"));
  CHECK(b.script.joins.back() == 9);
}

TEST_CASE("chat_edge: finds out who speaks", "[net][ws]") {
  chat_bench b;
  const auto who = [&](const chat_bench::pairs& query, const chat_bench::pairs& headers) {
    auto& p = b.connect(query, headers);
    const auto w = welcome_of(p);
    return w.at("user").is_null() ? id{0} : w.at("user").at("user_id").as_int64();
  };
  CHECK(who({}, {{"authorization", "Bearer user-8"}}) == 8);
  CHECK(who({}, {{"authorization", "bearer user-8"}}) == 8);
  CHECK(who({{"token", "user-9"}}, {}) == 9);
  CHECK(who({{"token", "user-9"}}, {{"authorization", "Bearer user-8"}}) == 8);
  const std::pair<std::string, std::string> cookie{"cookie", "troupe_session=refresh-1"};
  const std::pair<std::string, std::string> own{"origin", "https://live.example"};
  const std::pair<std::string, std::string> foreign{"origin", "https://elsewhere.example"};
  CHECK(who({}, {cookie, own}) == 7);
  CHECK(who({{"token", "user-9"}}, {cookie, own}) == 9);
  // A page of somebody else reads like anybody, and its browser's cookie counts for nothing.
  CHECK(who({}, {cookie, foreign}) == 0);
  CHECK(who({{"token", "user-9"}}, {cookie, foreign}) == 9);
  CHECK(who({}, {cookie}) == 0);
  CHECK(who({}, {{"cookie", "troupe_session=old"}, own}) == 0);

  CHECK(code_of(b.connect({{"token", "wrong"}})) == "401 invalid_token");
  CHECK(code_of(b.connect({{"token", ""}})) == "401 invalid_token");
  CHECK(code_of(b.connect({}, {{"authorization", "Bearer wrong"}})) == "401 invalid_token");
  CHECK(code_of(b.connect({}, {{"authorization", "Basic x"}, cookie, own})) == "401 invalid_token");
  b.accounts.has_ended_all = true;
  CHECK(code_of(b.connect({{"token", "user-9"}})) == "401 invalid_token");
}

TEST_CASE("chat_edge: knows a speaker's role", "[net][ws]") {
  chat_bench b;
  b.script.joined.moderators = {8};
  const auto role = [&](const std::string& token) {
    return std::string(welcome_of(b.connect({{"token", token}})).at("role").as_string());
  };
  CHECK(role("user-8") == "moderator");
  CHECK(role("user-977") == "owner");
  CHECK(role("user-9") == "user");
  CHECK(role("admin-9") == "moderator");
}

TEST_CASE("chat_edge: finds a stream's room", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect_by(chat_bench::request("/api/v1/streams/42/chat/ws"));
  CHECK(welcome_of(p).at("seq") == 41);
  CHECK(b.sockets.listeners(7) == 1);
  CHECK(code_of(b.connect_by(chat_bench::request("/api/v1/streams/43/chat/ws"))) ==
        "404 not_found");
}

TEST_CASE("chat_edge: refuses with a status, and keeps nothing", "[net][ws]") {
  chat_bench b;
  SECTION("no such channel") {
    b.script.join_error = make_error(errc::not_found, "no such channel");
    CHECK(code_of(b.connect()) == "404 not_found");
  }
  SECTION("a relay without its room") {
    b.script.join_error = make_error(errc::unavailable, "the room is away");
    CHECK(code_of(b.connect()) == "503 unavailable");
  }
  SECTION("a relay that is silent") {
    b.script.holds_joins = true;
    auto& p = b.connect();
    CHECK(b.sockets.listeners(channel) == 1);
    b.advance(11s);
    CHECK(code_of(p) == "504 deadline_exceeded");
    b.script.waiting_joins.clear();
  }
  SECTION("a query that means nothing") {
    for (const auto* after : {"x", "-1", "1.5", "", "9007199254740992"}) {
      CHECK(code_of(b.connect({{"after", after}})) == "400 invalid_argument");
    }
    for (const std::string& id :
         {std::string("short"), std::string(65, 'x'), std::string("0123456789abcde/")}) {
      CHECK(code_of(b.connect({{"viewer", id}})) == "400 invalid_argument");
    }
  }
  SECTION("no handshake") {
    auto r = chat_bench::request();
    std::erase_if(r.headers, [](const auto& h) { return h.first == "sec-websocket-version"; });
    CHECK(code_of(b.connect_by(r)) == "426 unsupported_version");
  }
  b.run();
  CHECK(b.sockets.listeners(channel) == 0);
  CHECK(b.viewers() == 0);
  double refused = 0;
  for (const auto* why : {"not_found", "unavailable", "query", "handshake"}) {
    refused += b.count("troupe_chat_sockets_refused_total", {{"reason", why}});
  }
  CHECK(refused == static_cast<double>(b.peers.size()));
  CHECK(b.count("troupe_chat_sockets_refused_total", {{"reason", "other"}}) == 0);
}

TEST_CASE("chat_edge: relays of rooms with sockets hear of them", "[net][ws]") {
  chat_bench b;
  b.advance(20s);
  CHECK(b.script.heard.empty());
  b.connect();
  for (int i = 0; i < 100; ++i) {
    b.advance(100ms);
  }
  CHECK(b.script.heard == std::vector<std::int64_t>{41, 41});  // its welcome's number
  b.script.joined.last_seq = 43;                               // of a relay that was made anew
  b.connect();
  b.sockets.publish(channel,
                    {{.seq = 42, .json = shared_bytes(bytes{'{', '}'}), .for_moderators = false}});
  for (int i = 0; i < 50; ++i) {
    b.advance(100ms);
  }
  CHECK(b.script.heard.back() == 42);
  for (auto& each : b.peers) {
    each.session.reset();
  }
  const auto heard = b.script.heard.size();
  b.advance(20s);
  CHECK(b.script.heard.size() == heard);
}

TEST_CASE("chat_edge: a peer that leaves while it waits leaves nothing", "[net][ws]") {
  chat_bench b;
  b.script.holds_joins = true;

  struct gone final : net::upgrade_request {
    void accept(header_list, make_session) override {}  // the connection is no more

    void refuse(http::response) override {}
  };

  b.edge->upgrade(chat_bench::request({{"token", "user-8"}}), std::make_unique<gone>());
  b.run();
  CHECK(b.viewers() == 1);
  b.script.waiting_joins.at(0).set(b.script.joined);
  b.run();
  CHECK(b.viewers() == 0);
  CHECK(b.sockets.listeners(channel) == 0);
  CHECK(b.people.now.empty());
}

TEST_CASE("chat_edge: sends everybody away, and lets nobody in any more", "[net][ws]") {
  chat_bench b;
  auto& first = b.connect();
  auto& second = b.connect({{"token", "user-8"}});
  b.script.holds_joins = true;
  auto& late = b.connect();  // waits for its room
  int told = 0;
  b.edge->send_away([&] { ++told; });
  b.run();
  CHECK(told == 1);
  for (auto* p : {&first, &second}) {
    CHECK(p->types() == strings{"welcome", "reconnect"});
    CHECK(p->closed == 1001);
  }
  b.script.waiting_joins.at(0).set(b.script.joined);
  b.run();
  CHECK(code_of(late) == "503 node_leaving");
  b.script.holds_joins = false;
  CHECK(code_of(b.connect()) == "503 node_leaving");
}

TEST_CASE("chat_edge: bounds the sockets of an account", "[net][ws]") {
  chat_bench b({.sockets_per_user = 2});
  auto& first = b.connect({{"token", "user-8"}});
  b.connect({{"token", "user-8"}});
  CHECK(code_of(b.connect({{"token", "user-8"}})) == "429 too_many_connections");
  b.connect({{"token", "user-9"}});  // others have their own
  auto& reader = b.connect();
  b.send(reader, R"({"type":"auth","token":"user-8"})");
  CHECK(reader.types() == strings{"welcome"});
  CHECK(reader.closed == 1008);
  CHECK(b.count("troupe_chat_sockets_refused_total", {{"reason", "account_limit"}}) == 1);
  CHECK(b.count("troupe_chat_sockets_closed_total", {{"reason", "account_limit"}}) == 1);
  b.disconnect(first);
  auto& again = b.connect({{"token", "user-8"}});
  CHECK(again.session);
  // Who becomes another user gives the place back.
  b.send(again, R"({"type":"auth","token":"user-9"})");
  CHECK(b.connect({{"token", "user-8"}}).session);
}

TEST_CASE("chat_edge: bounds the sockets of an address", "[net][ws]") {
  chat_bench b({.sockets_per_address = 2});
  auto& first = b.connect();
  b.connect({{"token", "user-8"}});
  CHECK(code_of(b.connect({{"token", "user-9"}})) == "429 too_many_connections");
  auto trusted = chat_bench::request();
  trusted.is_trusted = true;
  CHECK(b.connect_by(trusted).session);
  auto other = chat_bench::request();
  other.remote_address = "198.51.100.1";
  CHECK(b.connect_by(other).session);
  b.disconnect(first);
  CHECK(b.connect({{"token", "wrong"}}).refused);  // who is refused gives the place back
  CHECK(b.connect().session);
  CHECK(b.connect().refused);
  CHECK(b.count("troupe_chat_sockets_refused_total", {{"reason", "address_limit"}}) == 2);
  CHECK(b.count("troupe_chat_sockets_refused_total", {{"reason", "invalid_token"}}) == 1);
}

TEST_CASE("chat_edge: hands the same bytes of history to everybody", "[net][ws]") {
  chat_bench b;
  const std::string history = R"({"type":"message","seq":41,"message":"hi"})";
  b.script.joined.history = shared_bytes(bytes(history.begin(), history.end()));
  for (const auto* token : {"user-8", "user-9"}) {
    auto& p = b.connect({{"token", token}});
    const auto all = p.messages();
    REQUIRE(all.size() == 1);
    CHECK(all[0].at("history").as_array().at(0).at("seq") == 41);
    CHECK(all[0].at("user").at("username").is_string());
    CHECK(std::ranges::count(p.connection.handed, b.script.joined.history.data()) == 1);
    CHECK(p.connection.outbox == 1024 * 1024);
  }
}

TEST_CASE("chat_edge: bounds how often an address connects", "[net][ws]") {
  chat_bench b({.connects_per_minute_per_address = 3});
  for (int i = 0; i < 3; ++i) {
    CHECK(b.connect().session);
  }
  auto& fourth = b.connect();
  CHECK(code_of(fourth) == "429 rate_limited");
  CHECK(b.count("troupe_chat_sockets_refused_total", {{"reason", "connect_rate"}}) == 1);
  CHECK(b.count("troupe_http_rate_limited_total", {{"limit", "chat_connects"}}) == 1);
  CHECK(std::ranges::count(fourth.refused->headers, "Retry-After",
                           [](const auto& h) { return h.first; }) == 1);
  auto trusted = chat_bench::request();
  trusted.is_trusted = true;
  CHECK(b.connect_by(trusted).session);
  auto other = chat_bench::request();
  other.remote_address = "198.51.100.1";
  CHECK(b.connect_by(other).session);
}

TEST_CASE("chat_edge: counts people", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect({{"viewer", "0123456789abcdef"}, {"native", "1"}});
  REQUIRE(b.people.now.size() == 1);
  const auto& w = b.people.now.begin()->second;
  CHECK(w.channel == channel);
  CHECK(w.person == "v:0123456789abcdef");
  CHECK(w.address == "203.0.113.9");
  CHECK(w.agent == "a browser");
  CHECK(w.plays_natively);
  b.send(p, R"({"type":"auth","token":"user-8"})");
  CHECK(w.person == "u:8");
  b.connect({{"token", "user-9"}, {"viewer", "0123456789abcdef"}});
  CHECK(b.people.now.rbegin()->second.person == "u:9");
  b.connect();
  CHECK(b.people.now.rbegin()->second.person.empty());
  b.disconnect(p);
  CHECK(b.people.now.size() == 2);
}

TEST_CASE("chat_edge: loses nothing between the welcome and the feed", "[net][ws]") {
  chat_bench b;
  b.script.holds_joins = true;
  SECTION("in a room that has no sockets here yet") {
    auto& p = b.connect();
    b.publish(41);  // the history has it
    b.publish(42);
    b.run();
    b.script.waiting_joins.at(0).set(b.script.joined);
    b.publish(43);
    b.run();
    const auto all = p.messages();
    REQUIRE(all.size() == 2);
    CHECK(all[1].at("type") == "batch");
    CHECK(all[1].at("messages").as_array().size() == 2);
    CHECK(all[1].at("messages").at(0).at("seq") == 42);
  }
  SECTION("in one that has") {
    b.script.holds_joins = false;
    auto& first = b.connect();
    b.publish(42);
    b.run();
    b.script.holds_joins = true;
    auto& p = b.connect();
    b.publish(43);
    b.advance(100ms);  // first has it; it is kept for who is on their way
    CHECK(first.types() == strings{"welcome", "message", "message"});
    b.script.joined.last_seq = 42;
    b.script.waiting_joins.at(0).set(b.script.joined);
    b.run();
    const auto all = p.messages();
    REQUIRE(all.size() == 2);
    CHECK(all[1].at("seq") == 43);
  }
}

TEST_CASE("chat_edge: resumes a session for its user", "[net][ws]") {
  chat_bench b;
  auto& p = b.connect({{"token", "user-8"}});
  const auto w = welcome_of(p);
  b.publish(42);
  b.run();
  b.advance(5min);  // a fresh token comes
  std::string resume;
  for (const auto& m : p.messages()) {
    if (m.at("type") == "resume") {
      resume = m.at("resume").as_string();
    }
  }
  REQUIRE(!resume.empty());
  b.disconnect(p);
  b.accounts.expires_at = b.bench.time().wall() + 15min;
  const auto& session = w.at("session");
  SECTION("with what came after it") {
    CHECK(welcome_of(b.connect({{"resume", resume}, {"token", "user-8"}})).at("session") ==
          session);
    CHECK(b.script.joins.back() == 42);
  }
  SECTION("after wins") {
    CHECK(welcome_of(b.connect({{"resume", resume}, {"token", "user-8"}, {"after", "7"}}))
              .at("session") == session);
    CHECK(b.script.joins.back() == 7);
  }
  SECTION("it is no token: who shows it alone reads") {
    auto& again = b.connect({{"resume", resume}});
    const auto second = welcome_of(again);
    CHECK(second.at("user").is_null());
    CHECK(second.at("session") != session);
    CHECK(b.script.joins.back() == 42);
    b.send(again, R"({"type":"auth","token":"user-8"})");
    b.send(again, R"({"type":"message","message":"x","nonce":"n"})");
    CHECK(b.script.posts.back().session == session.as_string());
  }
  SECTION("not for another user") {
    CHECK(welcome_of(b.connect({{"resume", resume}, {"token", "user-9"}})).at("session") !=
          session);
  }
  SECTION("nor in another room, nor when it is forged or old") {
    auto elsewhere = chat_bench::request("/api/v1/channels/5/chat/ws");
    elsewhere.query = {{"resume", resume}, {"token", "user-8"}};
    CHECK(welcome_of(b.connect_by(elsewhere)).at("session") != session);
    CHECK(b.script.joins.back() == std::nullopt);
    CHECK(welcome_of(b.connect({{"resume", "A" + resume}, {"token", "user-8"}})).at("session") !=
          session);
    CHECK(b.script.joins.back() == std::nullopt);
    b.bench.time().advance(61min);
    b.accounts.expires_at = b.bench.time().wall() + 15min;
    CHECK(welcome_of(b.connect({{"resume", resume}, {"token", "user-8"}})).at("session") !=
          session);
    CHECK(b.script.joins.back() == std::nullopt);
  }
}

TEST_CASE("chat_edge: a welcome says whether its user may write", "[net][ws]") {
  chat_bench b;
  b.accounts.expires_at = b.bench.time().wall() + 15min;
  b.store.users[8] = "user8";
  const auto refusal_of = [&](const boost::json::value& frame) {
    return boost::json::serialize(frame.at("refusal"));
  };
  CHECK(refusal_of(welcome_of(b.connect())) == R"({"code":"unauthenticated","until":null})");
  const chat_bench::pairs token{{"token", "user-8"}};
  CHECK(refusal_of(welcome_of(b.connect(token))) == "null");
  auto& member = b.store.rooms[channel].members[8];
  member.user = 8;
  member.is_banned = true;
  member.banned_until = b.bench.time().wall() + 1h;
  member.ban_reason = "\"spam\"";
  CHECK(refusal_of(welcome_of(b.connect(token))) ==
        R"({"code":"banned","until":"2026-01-15T01:00:00.000Z","reason":"\"spam\""})");
  auto& late = b.connect();
  late.messages();
  b.send(late, R"({"type":"auth","token":"user-8"})");
  const auto all = late.messages();
  const auto auth = std::ranges::find(all, "auth", [](const auto& m) { return m.at("type"); });
  REQUIRE(auth != all.end());
  CHECK(auth->at("refusal").at("code") == "banned");
  // Not known is not said.
  b.store.is_away = true;
  CHECK_FALSE(welcome_of(b.connect(token)).as_object().contains("refusal"));
}

TEST_CASE("chat_edge: a verdict reaches its author's sockets and nobody else's", "[net][ws]") {
  chat_bench b;
  b.accounts.expires_at = b.bench.time().wall() + 15min;
  auto& one = b.connect({{"token", "user-8"}});
  auto& two = b.connect({{"token", "user-8"}});
  auto& other = b.connect({{"token", "user-9"}});
  auto& reader = b.connect();
  for (auto* p : {&one, &two, &other, &reader}) {
    p->messages();
  }
  b.publish_json(R"({"type":"error","nonce":"n","code":"held_denied"})", 0, false, 8);
  b.run();
  CHECK(one.types() == strings{"error"});
  CHECK(two.types() == strings{"error"});
  CHECK(other.types().empty());
  CHECK(reader.types().empty());
  // Nor is it kept for who was not there.
  CHECK(b.connect({{"token", "user-8"}}).types() == strings{"welcome"});
}

}  // namespace troupe::ws
