// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/link/grpc_link.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/unit/runtime/link/link_fixture.hpp"
#include "tests/unit/runtime/link/raw_socket.hpp"
#include "tests/unit/runtime/link/relay.hpp"

namespace troupe::runtime {
namespace {

constexpr std::array streams = {link_stream::control, link_stream::commands, link_stream::media};

/// Sends until it is taken: the bound of a queue is not what such a test is about. False when it is
/// not taken in time.
bool send_surely(test_node& from, const std::string& to, link_stream on, const envelope& what) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!from.way->send(to, on, what)) {
    if (std::chrono::steady_clock::now() > until) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Counts what comes, and whether each stream's numbers come in order from 0.
struct order_check {
  explicit order_check(test_node& n) : node(n) {
    n.on_received = [this](std::string_view, link_stream on, const envelope& e) {
      const std::lock_guard lock(node.mutex);
      auto& expected = next.at(static_cast<std::size_t>(on));
      wrong += e.number == expected ? 0 : 1;
      expected = e.number + 1;
      if (++total % 1'000 == 0) {
        node.changed.notify_all();
      }
    };
  }

  test_node& node;
  std::array<std::uint64_t, 3> next{};
  std::uint64_t total = 0;
  std::uint64_t wrong = 0;
};

}  // namespace

TEST_CASE("grpc_link: every field arrives, on its stream", "[runtime][link][net]") {
  test_node a("a");
  test_node b("b");
  connect(a, b);
  envelope sent;
  sent.kind = envelope_kind::command;
  sent.target = "room/977";
  sent.type = "room.post";
  sent.version = 3;
  sent.session = {4, 5};
  sent.number = 6;
  sent.floor = 7;
  sent.epoch = 8;
  sent.from_incarnation = 9;
  sent.to_incarnation = 10;
  sent.body = bytes(200'000, 0xAB);
  for (const auto on : streams) {
    REQUIRE(a.way->send("b", on, sent));
  }
  REQUIRE(b.wait_messages(3));
  std::array<int, 3> seen{};
  for (const auto& m : b.got) {
    ++seen.at(static_cast<std::size_t>(m.on));
    CHECK(m.from == "a");
    CHECK(m.what.kind == sent.kind);
    CHECK(m.what.target == sent.target);
    CHECK(m.what.type == sent.type);
    CHECK(m.what.version == sent.version);
    CHECK(m.what.session == sent.session);
    CHECK(m.what.number == sent.number);
    CHECK(m.what.floor == sent.floor);
    CHECK(m.what.epoch == sent.epoch);
    CHECK(m.what.from_incarnation == sent.from_incarnation);
    CHECK(m.what.to_incarnation == sent.to_incarnation);
    CHECK(m.what.body == sent.body);
  }
  CHECK(seen == std::array{1, 1, 1});
}

TEST_CASE("grpc_link: a kind of a later version is handed on, the stream lives",
          "[runtime][link][net]") {
  test_node a("a");
  test_node b("b");
  connect(a, b);
  auto strange = numbered(1);
  strange.kind = static_cast<envelope_kind>(77);
  strange.type = "later.thing";
  REQUIRE(a.way->send("b", link_stream::commands, strange));
  REQUIRE(a.way->send("b", link_stream::commands, numbered(2)));
  REQUIRE(b.wait_messages(2));
  CHECK(b.got.at(0).what.kind == static_cast<envelope_kind>(77));
  CHECK(b.got.at(0).what.type == "later.thing");
  CHECK(b.got.at(1).what.number == 2);
}

TEST_CASE("grpc_link: order, and no loss, of 100,000 both ways on three streams",
          "[runtime][link][net]") {
  constexpr std::uint64_t per_stream = 34'000;
  // A machine that is busy with other things must not look like a dead one here.
  const auto calm = [](grpc_link_options& o) { o.keepalive_answer = patience; };
  test_node a("a", calm);
  test_node b("b", calm);
  order_check at_a(a);
  order_check at_b(b);
  connect(a, b);
  std::atomic<bool> is_taken = true;
  const auto pour = [&](test_node& from, const std::string& to) {
    for (std::uint64_t n = 0; n < per_stream && is_taken; ++n) {
      for (const auto on : streams) {
        auto e = numbered(n);
        e.body.assign(n % 97 == 0 ? 5'000 : 100, 1);  // now and then one that is not copied
        if (!send_surely(from, to, on, e)) {
          is_taken = false;  // Catch's assertions are for one thread
        }
      }
    }
  };
  std::thread other([&] { pour(b, "a"); });
  pour(a, "b");
  other.join();
  CHECK(is_taken);
  CHECK(a.wait([&] { return at_a.total == 3 * per_stream; }));
  CHECK(b.wait([&] { return at_b.total == 3 * per_stream; }));
  CHECK(at_a.wrong == 0);
  CHECK(at_b.wrong == 0);
  CHECK(a.dropped("b", "control", "broken") == 0);
}

TEST_CASE("grpc_link: a reader that is stuck on media does not delay control",
          "[runtime][link][net]") {
  std::mutex gate;
  std::atomic<std::uint64_t> media = 0;
  std::atomic<std::uint64_t> pings = 0;
  test_node a("a");
  test_node b("b");
  std::unique_lock closed(gate);
  b.on_received = [&](std::string_view, link_stream on, const envelope&) {
    if (on == link_stream::media) {
      const std::lock_guard wait(gate);
      ++media;
    } else {
      ++pings;
    }
    const std::lock_guard lock(b.mutex);
    b.changed.notify_all();
  };
  connect(a, b);
  // Until the sender's queue is full: whatever is between the two holds all it can.
  std::uint64_t taken = 0;
  envelope part = numbered(0);
  part.body.assign(256 * 1024, 1);
  while (a.way->send("b", link_stream::media, part)) {
    ++taken;
  }
  CHECK(taken > 32);
  CHECK(a.dropped("b", "media", "full") == 1);
  for (std::uint64_t n = 1; n <= 100; ++n) {
    REQUIRE(a.way->send("b", link_stream::control, numbered(n)));
    CHECK(b.wait([&] { return pings == n; }));
  }
  CHECK(media == 0);
  closed.unlock();
  CHECK(b.wait([&] { return media == taken; }));
}

TEST_CASE("grpc_link: queues are bounded in messages and bytes", "[runtime][link][net]") {
  std::mutex gate;
  test_node a("a", [](grpc_link_options& o) {
    o.bounds.at(1) = {10, 1 << 20};
    o.bounds.at(2) = {1'000'000, 50'000};
  });
  test_node b("b");
  std::unique_lock closed(gate);
  b.on_received = [&](std::string_view, link_stream on, const envelope&) {
    if (on == link_stream::commands) {
      const std::lock_guard wait(gate);
    }
  };
  connect(a, b);
  envelope big = numbered(1);
  big.body.assign(60'000, 1);
  CHECK_FALSE(a.way->send("b", link_stream::media, big));  // more than may ever wait
  CHECK(a.dropped("b", "media", "full") == 1);
  big.body.assign(90'000, 1);
  std::uint64_t taken = 0;
  while (a.way->send("b", link_stream::commands, big)) {
    ++taken;
  }
  CHECK(taken >= 10);
  CHECK(taken < 1'000);
  CHECK(a.dropped("b", "commands", "full") == 1);
  CHECK(a.dropped("b", "control", "full") == 0);
  closed.unlock();
}

TEST_CASE("grpc_link: what cannot be sent is counted", "[runtime][link][net]") {
  test_node a("a");
  test_node b("b");
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
  CHECK(a.dropped("-", "-", "no_peer") == 1);
  a.way->set_peers({{"b", fmt::format("127.0.0.1:{}", closed_port())}});
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
  CHECK(a.dropped("b", "control", "not_up") == 1);
  connect(a, b);
  envelope big;
  big.body.resize(largest_envelope + 1);
  CHECK_FALSE(a.way->send("b", link_stream::media, big));
  CHECK(a.dropped("-", "-", "size") == 1);
  big.body.resize(largest_envelope);
  CHECK(a.way->send("b", link_stream::media, big));
  REQUIRE(b.wait_messages(1));
  CHECK(b.got.front().what.body.size() == largest_envelope);
}

TEST_CASE("grpc_link: a dead process is refused, its restart is found", "[runtime][link][net]") {
  test_node a("a");
  auto b = std::make_unique<test_node>("b");
  const auto port = b->way->port();
  connect(a, *b);
  b.reset();
  REQUIRE(a.wait_state("b", peer_state::refused));
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
  b = std::make_unique<test_node>("b", [&](grpc_link_options& o) { o.port = port; });
  REQUIRE(a.wait_state("b", peer_state::up));
  REQUIRE(a.way->send("b", link_stream::control, numbered(2)));
  REQUIRE(b->wait_messages(1));
  CHECK(b->got.front().what.number == 2);
  const std::lock_guard lock(a.mutex);
  CHECK(std::ranges::count(a.states["b"], peer_state::down) == 0);
  CHECK(std::ranges::count(a.states["b"], peer_state::up) == 2);
}

TEST_CASE("grpc_link: a silent host is down, not refused", "[runtime][link][net]") {
  test_node a("a",
              [](grpc_link_options& o) { o.connect_deadline = std::chrono::milliseconds(200); });
  raw_socket mute;
  const auto port = mute.listen();
  REQUIRE(port != 0);
  a.way->set_peers({{"b", fmt::format("127.0.0.1:{}", port)},
                    {"c", fmt::format("127.0.0.1:{}", closed_port())}});
  CHECK(a.wait_state("b", peer_state::down));
  CHECK(a.wait_state("c", peer_state::refused));
  const std::lock_guard lock(a.mutex);
  CHECK(std::ranges::count(a.states["b"], peer_state::refused) == 0);
  CHECK(std::ranges::count(a.states["c"], peer_state::down) == 0);
}

TEST_CASE("grpc_link: a host that falls silent is noticed, and found again",
          "[runtime][link][net]") {
  const auto quick = [](grpc_link_options& o) {
    o.connect_deadline = std::chrono::milliseconds(500);
    o.keepalive = std::chrono::milliseconds(200);
    o.keepalive_answer = std::chrono::milliseconds(500);
  };
  test_node a("a", quick);
  test_node b("b", quick);
  relay between(b.way->port());
  a.way->set_peers({{"b", fmt::format("127.0.0.1:{}", between.port())}});
  REQUIRE(a.wait_state("b", peer_state::up));
  between.fall_silent(true);
  REQUIRE(a.wait_state("b", peer_state::down));
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
  {
    const std::lock_guard lock(a.mutex);
    CHECK(std::ranges::count(a.states["b"], peer_state::refused) == 0);
  }
  between.fall_silent(false);
  REQUIRE(a.wait_state("b", peer_state::up));
  REQUIRE(a.way->send("b", link_stream::control, numbered(2)));
  CHECK(b.wait_messages(1));
}

TEST_CASE("grpc_link: whoever has another name is not the peer", "[runtime][link][net]") {
  test_node a("a");
  test_node b("b");
  test_node a_again("a");
  a.way->set_peers({{"c", b.address()}, {"d", a_again.address()}});
  CHECK(a.wait_state("c", peer_state::down));  // it says it is b
  CHECK(a.wait_state("d", peer_state::down));  // it will not talk to its own name
  CHECK(a_again.turned_away("name") >= 1);
  CHECK_FALSE(a.way->send("c", link_stream::control, numbered(1)));
}

TEST_CASE("grpc_link: a new connection of a peer takes the place of the old",
          "[runtime][link][net]") {
  test_node b("b");
  test_node first("a");
  first.way->set_peers({b.as_peer()});
  REQUIRE(first.wait_state("b", peer_state::up));
  test_node second("a");
  second.way->set_peers({b.as_peer()});
  REQUIRE(second.wait_state("b", peer_state::up));
  // The first is cut; it comes back and cuts the second, and so on: one of them is heard at a time.
  REQUIRE(first.wait_heard("b", peer_state::connecting));
  first.way->stop();
  REQUIRE(second.wait_state("b", peer_state::up));
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!second.way->send("b", link_stream::control, numbered(7))) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    REQUIRE(second.wait_state("b", peer_state::up));
  }
  REQUIRE(b.wait_messages(1));
  CHECK(b.got.front().from == "a");
}

TEST_CASE("grpc_link: garbage on the port harms nobody", "[runtime][link][net]") {
  test_node a("a");
  test_node b("b");
  connect(a, b);
  for (const std::string_view garbage :
       {std::string_view("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string_view("\x16\x03\x01\0\0", 5),
        std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                         33),
        std::string_view()}) {
    raw_socket stranger;
    REQUIRE(stranger.connect(b.way->port()));
    stranger.send(garbage);
    CHECK(stranger.wait_closed());
  }
  REQUIRE(a.way->send("b", link_stream::control, numbered(1)));
  CHECK(b.wait_messages(1));
}

TEST_CASE("grpc_link: peers come and go", "[runtime][link][net]") {
  test_node a("a");
  test_node b("b");
  test_node c("c");
  a.way->set_peers({b.as_peer(), a.as_peer()});
  REQUIRE(a.wait_state("b", peer_state::up));
  a.way->set_peers({b.as_peer(), c.as_peer()});
  REQUIRE(a.wait_state("c", peer_state::up));
  CHECK(a.states_heard("b") == 1);  // whoever stays is not dialled anew
  CHECK(a.states_heard("a") == 0);
  a.way->set_peers({c.as_peer()});
  CHECK_FALSE(a.way->send("b", link_stream::control, numbered(1)));
  CHECK(a.way->send("c", link_stream::control, numbered(2)));
  CHECK(c.wait_messages(1));
  // Another address is another process.
  test_node c_moved("c");
  a.way->set_peers({c_moved.as_peer()});
  REQUIRE(a.wait_heard("c", peer_state::up, 1));
  REQUIRE(a.way->send("c", link_stream::control, numbered(3)));
  CHECK(c_moved.wait_messages(1));
}

TEST_CASE("grpc_link: no handler runs after stop", "[runtime][link][net]") {
  test_node a("a");
  auto b = std::make_unique<test_node>("b");
  std::atomic<bool> is_stopped = false;
  std::atomic<int> late = 0;
  std::atomic<int> heard = 0;
  b->on_received = [&](std::string_view, link_stream, const envelope&) {
    late += is_stopped ? 1 : 0;
    ++heard;
    const std::lock_guard lock(b->mutex);
    b->changed.notify_all();
  };
  connect(a, *b);
  std::atomic<bool> enough = false;
  std::thread sender([&] {
    while (!enough) {
      a.way->send("b", link_stream::commands, numbered(1));
    }
  });
  CHECK(b->wait([&] { return heard > 1'000; }));
  b->way->stop();
  is_stopped = true;
  REQUIRE(a.wait_heard("b", peer_state::refused));
  enough = true;
  sender.join();
  CHECK(late == 0);
  b->way->stop();  // again is fine
  CHECK_FALSE(b->way->send("a", link_stream::control, numbered(1)));
}

TEST_CASE("grpc_link: one port, one node", "[runtime][link][net]") {
  test_node a("a");
  metrics figures;
  grpc_link_options o;
  o.node = "b";
  o.port = a.way->port();
  const auto second = make_grpc_link(o, figures);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::unavailable);
}

}  // namespace troupe::runtime
