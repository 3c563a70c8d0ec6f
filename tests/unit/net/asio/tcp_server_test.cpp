// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/tcp_server.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "net/asio/connection_registry.hpp"
#include "tests/unit/net/asio/loopback.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::client;
using test::eventually;

namespace {

/// What a test wants its sessions to do; everything is optional.
struct script {
  std::function<void(net::tcp_connection&)> on_open;
  std::function<void(net::tcp_connection&, byte_view)> on_bytes;
  std::function<void(net::tcp_connection&)> on_drained;
  std::function<bool(net::tcp_connection&)> on_deadline;
  bool stays_on_stop = false;
  std::atomic<int> opened = 0;
  std::atomic<int> closed = 0;
  std::atomic<net::close_reason> reason = net::close_reason::by_us;
  std::weak_ptr<net::tcp_connection> last;
};

class scripted : public net::tcp_session {
 public:
  scripted(script& s, const std::shared_ptr<net::tcp_connection>& c) : script_(s), connection_(*c) {
    s.last = c;
    if (s.on_open) {
      s.on_open(*c);
    }
    ++s.opened;
  }

  void on_bytes(byte_view data) override {
    if (script_.on_bytes) {
      script_.on_bytes(connection_, data);
    }
  }

  void on_closed(net::close_reason reason) override {
    script_.reason = reason;
    ++script_.closed;
  }

  void on_drained() override {
    if (script_.on_drained) {
      script_.on_drained(connection_);
    }
  }

  bool on_deadline() override { return script_.on_deadline && script_.on_deadline(connection_); }

  bool on_stop() override { return script_.stays_on_stop; }

 private:
  script& script_;
  net::tcp_connection& connection_;
};

net::tcp_options local() {
  net::tcp_options o;
  o.name = "t";
  o.address = "127.0.0.1";
  return o;
}

struct fixture {
  explicit fixture(net::tcp_options o = local()) {
    auto started = net::tcp_server::listen(threads, std::move(o), m, [this](const auto& c) {
      return std::make_unique<scripted>(s, c);
    });
    REQUIRE(started.has_value());
    server = *std::move(started);
  }

  client connect(int receive_buffer = 0) {
    client c(server->port(), receive_buffer);
    REQUIRE(c.connected());
    return c;
  }

  client connect_and_open(int receive_buffer = 0) {
    const int before = s.opened;
    auto c = connect(receive_buffer);
    REQUIRE(eventually([&] { return s.opened > before; }));
    return c;
  }

  void expect_closed(net::close_reason reason) {
    CHECK(eventually([&] { return s.closed == 1; }));
    CHECK(s.reason == reason);
    CHECK(eventually([&] { return server->connections() == 0; }));
  }

  metrics m;
  script s;
  net::io_threads threads{2};
  std::unique_ptr<net::tcp_server> server;
};

shared_bytes block(std::size_t size, std::uint8_t fill = 'b') {
  return shared_bytes(bytes(size, fill));
}

}  // namespace

TEST_CASE("tcp_server: bytes go both ways and the peer is known", "[net][tcp_server]") {
  fixture f;
  f.s.on_bytes = [](auto& c, byte_view data) {
    c.send({shared_bytes(bytes(data.begin(), data.end())), block(1, '!')});
    CHECK(c.remote_address() == "127.0.0.1");
    CHECK(c.remote_port() != 0);
    CHECK(c.is_trusted());
    CHECK(c.thread().is_current());
  };
  auto c = f.connect();
  c.send("hello");
  CHECK(c.read_exactly(6) == "hello!");
  c.close();
  f.expect_closed(net::close_reason::by_peer);
}

TEST_CASE("tcp_server: serves IPv6 and IPv4 on one socket", "[net][tcp_server]") {
  auto o = local();
  o.address = "::";
  fixture f(o);
  std::promise<std::string> address;
  f.s.on_open = [&](auto& c) { address.set_value(c.remote_address()); };
  const auto c = f.connect();
  CHECK(address.get_future().get() == "127.0.0.1");
}

TEST_CASE("tcp_server: refuses beyond the total, for everybody", "[net][tcp_server]") {
  auto o = local();
  o.max_connections = 2;
  fixture f(o);
  auto first = f.connect_and_open();
  auto second = f.connect_and_open();
  auto third = f.connect();
  CHECK(third.read_to_end().empty());
  const auto& refused = f.m.make_counter("troupe_connections_refused_total",
                                         "Connections closed at the door, by the limit met",
                                         {{"server", "t"}, {"limit", "total"}});
  CHECK(refused.value() == 1);
  first.close();
  CHECK(eventually([&] { return f.server->connections() == 1; }));
  f.connect_and_open();
}

#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
#define TROUPE_UBSAN 1
#endif
#endif

#ifndef TROUPE_UBSAN  // it looks at objects by means of pipes, for which there is no room here
TEST_CASE("tcp_server: without descriptors it waits, and goes on when there are some",
          "[net][tcp_server]") {
  fixture f;
  const auto& refused = f.m.make_counter("troupe_connections_refused_total",
                                         "Connections closed at the door, by the limit met",
                                         {{"server", "t"}, {"limit", "descriptors"}});
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  auto one_more = usual;
  one_more.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &one_more) == 0);
  client c(f.server->port());  // it takes that one
  const bool was_refused = eventually([&] { return refused.value() >= 1; });
  ::setrlimit(RLIMIT_NOFILE, &usual);
  CHECK(c.connected());
  CHECK(was_refused);
  CHECK(eventually([&] { return f.s.opened == 1; }));
  CHECK(f.server->is_accepting());
}
#endif

TEST_CASE("connection_registry: limits per address spare the trusted", "[net][tcp_server]") {
  metrics m;
  auto o = local();
  o.max_per_address = 2;
  o.max_connections = 5;
  net::connection_registry registry(o, 1, m);
  const auto a = *net::ip_address::parse("192.0.2.1");
  const auto b = *net::ip_address::parse("192.0.2.2");
  CHECK(registry.admit(a, false) == net::refusal::none);
  CHECK(registry.admit(a, false) == net::refusal::none);
  CHECK(registry.admit(a, false) == net::refusal::address);
  CHECK(registry.admit(a, true) == net::refusal::none);
  CHECK(registry.admit(b, false) == net::refusal::none);
  registry.take_thread();
  registry.withdraw(a, 0);
  CHECK(registry.admit(b, true) == net::refusal::none);
  CHECK(registry.admit(b, true) == net::refusal::none);
  CHECK(registry.admit(b, true) == net::refusal::total);
}

TEST_CASE("tcp_server: connections spread evenly over the threads", "[net][tcp_server]") {
  fixture f;
  std::atomic<int> on_first = 0;
  f.s.on_open = [&](auto& c) { on_first += &c.thread() == &f.threads.at(0) ? 1 : 0; };
  std::vector<client> clients;
  clients.reserve(8);
  for (int i = 0; i < 8; ++i) {
    clients.push_back(f.connect_and_open());
  }
  CHECK(on_first == 4);
}

TEST_CASE("tcp_server: a slow reader's outbox is bounded", "[net][tcp_server]") {
  auto o = local();
  o.outbox_limit = 1024 * 1024;
  fixture f(o);
  f.s.on_open = [](auto& c) { c.send(block(900'000)); };
  f.s.on_drained = [](auto& c) { c.send(block(900'000)); };  // paced: never beyond the limit
  SECTION("pacing by on_drained stays within it") {
    auto c = f.connect(4096);
    CHECK(c.read_exactly(10'000'000).size() == 10'000'000);
    CHECK(f.s.closed == 0);
  }
  SECTION("sending on regardless closes") {
    auto c = f.connect_and_open(4096);
    const auto connection = f.s.last.lock();
    for (int i = 0; i < 20; ++i) {
      connection->post([&](net::tcp_session&) { connection->send(block(900'000)); });
    }
    f.expect_closed(net::close_reason::outbox_full);
  }
  SECTION("a session may have a limit of its own") {
    f.s.on_open = [](auto& c) {
      c.limit_outbox(500'000);
      c.send(block(900'000));
    };
    auto c = f.connect(4096);
    f.expect_closed(net::close_reason::outbox_full);
  }
}

TEST_CASE("tcp_server: many small buffers arrive in order", "[net][tcp_server]") {
  fixture f;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    expected += std::to_string(i) + ",";
  }
  f.s.on_open = [](auto& c) {
    for (int i = 0; i < 1000; ++i) {
      const auto text = std::to_string(i) + ",";
      c.send(shared_bytes(bytes(text.begin(), text.end())));
    }
    c.close();
  };
  auto c = f.connect();
  CHECK(c.read_to_end() == expected);
}

TEST_CASE("tcp_server: a paused connection holds its peer back", "[net][tcp_server]") {
  fixture f;
  std::atomic<std::size_t> received = 0;
  std::atomic<bool> hold = true;
  f.s.on_bytes = [&](auto& c, byte_view data) {
    received += data.size();
    if (hold) {
      c.pause_reading();
    }
  };
  auto c = f.connect();
  constexpr std::size_t limit = 256U * 1024 * 1024;
  const auto sent = c.send_until_full(limit);
  CHECK(sent < limit);
  CHECK(received <= 64 * 1024);
  const auto connection = f.s.last.lock();
  hold = false;
  connection->post([connection](net::tcp_session&) { connection->resume_reading(); });
  CHECK(eventually([&] { return received == sent; }));
}

TEST_CASE("tcp_server: a connection that rests reads when it is told to", "[net][tcp_server]") {
  std::string got;  // outlives the fixture, whose threads write it
  std::mutex mutex;
  fixture f;
  const auto has = [&](const std::string& expected) {
    return eventually([&] {
      const std::lock_guard lock(mutex);
      return got == expected;
    });
  };
  f.s.on_bytes = [&](auto& c, byte_view data) {
    const std::lock_guard lock(mutex);
    got += as_text(data);
    c.rest_reading();
  };
  auto c = f.connect();
  c.send("a");
  REQUIRE(has("a"));
  const auto connection = f.s.last.lock();
  const auto resume = [&] {
    // By value: the last one posted may run when this test is over.
    connection->post([connection](net::tcp_session&) { connection->resume_reading(); });
  };
  SECTION("what came meanwhile") {
    c.send("b");
    resume();
    CHECK(has("ab"));
  }
  SECTION("nothing came: it is woken by the next byte") {
    resume();
    connection->post([](net::tcp_session&) {});
    c.send("b");
    CHECK(has("ab"));
    c.send("c");
    resume();
    CHECK(has("abc"));
  }
  SECTION("the peer's end") {
    c.close();
    resume();
    f.expect_closed(net::close_reason::by_peer);
  }
  SECTION("much more than it is quiet about") {
    const std::string much(1'000'000, 'x');
    std::thread sender([&] { c.send(much); });
    CHECK(eventually([&] {
      resume();
      const std::lock_guard lock(mutex);
      return got.size() == 1 + much.size();
    }));
    sender.join();
  }
}

TEST_CASE("tcp_server: close delivers what is queued, though input is unread",
          "[net][tcp_server]") {
  fixture f;
  f.s.on_bytes = [](auto& c, byte_view) {
    c.send(block(500'000));
    c.close();
    c.send(block(1));  // after the close nothing is sent
  };
  auto c = f.connect();
  c.send(std::string(300'000, 'x'));
  CHECK(c.read_to_end().size() == 500'000);
  CHECK_FALSE(c.was_reset());
  c.close();
  f.expect_closed(net::close_reason::by_us);
}

TEST_CASE("tcp_server: deadlines, idle limits and write stalls close", "[net][tcp_server]") {
  auto o = local();
  o.write_stall = 30ms;
  fixture f(o);
  SECTION("an absolute deadline, whatever arrives") {
    f.s.on_open = [](auto& c) { c.set_deadline(30ms); };
    auto c = f.connect();
    while (c.send("x")) {
      std::this_thread::yield();
    }
    f.expect_closed(net::close_reason::deadline);
  }
  SECTION("a session may act on its deadline instead") {
    f.s.on_open = [](auto& c) { c.set_deadline(1ms); };
    f.s.on_deadline = [](auto& c) {
      c.send(block(3));
      c.close();
      return true;
    };
    CHECK(f.connect().read_to_end() == "bbb");
    f.expect_closed(net::close_reason::by_us);
  }
  SECTION("silence") {
    f.s.on_open = [](auto& c) { c.set_idle_limit(30ms); };
    auto c = f.connect();
    f.expect_closed(net::close_reason::idle);
  }
  SECTION("a peer that takes nothing") {
    f.s.on_open = [](auto& c) {
      for (int i = 0; i < 10; ++i) {
        c.send(block(100'000));
      }
    };
    f.s.on_drained = f.s.on_open;
    auto c = f.connect(4096);
    f.expect_closed(net::close_reason::write_stalled);
  }
  SECTION("a peer that takes a little at a time") {
    f.s.on_open = [](auto& c) { c.send(block(1'000'000)); };
    f.s.on_drained = f.s.on_open;
    auto c = f.connect(4096);
    // A few kilobytes for each look at whether it was closed: far below the least progress.
    CHECK(eventually([&] {
      c.read_some();
      std::this_thread::sleep_for(5ms);
      return f.s.closed == 1;
    }));
    f.expect_closed(net::close_reason::write_stalled);
  }
  SECTION("a peer that takes nothing of what a close left") {
    f.s.on_open = [](auto& c) { c.send(block(1'000'000)); };
    f.s.on_drained = f.s.on_open;
    f.s.on_bytes = [](auto& c, byte_view) { c.close(); };
    auto c = f.connect_and_open(4096);
    c.send("x");
    CHECK(eventually([&] { return f.s.closed == 1; }));
    CHECK(eventually([&] { return f.server->connections() == 0; }));
  }
}

TEST_CASE("tcp_server: a peer that vanishes is noticed", "[net][tcp_server]") {
  fixture f;
  auto c = f.connect_and_open();
  c.vanish();
  f.expect_closed(net::close_reason::by_peer);
}

TEST_CASE("tcp_server: posted jobs find their session, or are destroyed", "[net][tcp_server]") {
  fixture f;
  auto c = f.connect_and_open();
  const auto connection = f.s.last.lock();
  std::promise<bool> on_thread;
  connection->post(
      [&](net::tcp_session&) { on_thread.set_value(connection->thread().is_current()); });
  CHECK(on_thread.get_future().get());
  c.close();
  f.expect_closed(net::close_reason::by_peer);
  auto uncalled = std::make_shared<int>(1);
  std::weak_ptr<int> watch = uncalled;
  bool called = false;
  connection->post([&called, uncalled = std::move(uncalled)](net::tcp_session&) { called = true; });
  CHECK(eventually([&] { return watch.expired(); }));
  CHECK_FALSE(called);
  CHECK_FALSE(connection->is_open());
}

TEST_CASE("tcp_server: sending from a timer's call works", "[net][tcp_server]") {
  fixture f;
  auto c = f.connect_and_open();
  const auto connection = f.s.last.lock();
  const auto timer = connection->thread().call_after(1ms, [&] {
    connection->send(block(3));
    connection->close();
  });
  CHECK(c.read_to_end() == "bbb");
}

TEST_CASE("tcp_server: the stop ends sessions in their own way until the deadline",
          "[net][tcp_server]") {
  fixture f;
  auto c = f.connect_and_open();
  const auto port = f.server->port();
  SECTION("sessions that let go") {
    auto stopped = std::async(std::launch::async, [&] { f.server->stop(10s); });
    CHECK(c.at_end());
    c.close();
    stopped.get();
    CHECK(f.s.reason == net::close_reason::stopping);
  }
  SECTION("sessions that hold on") {
    f.s.stays_on_stop = true;
    f.server->stop(20ms);
    CHECK(f.s.reason == net::close_reason::stopping);
  }
  CHECK(f.s.closed == 1);
  CHECK(f.server->connections() == 0);
  CHECK_FALSE(client(port).connected());
}

TEST_CASE("tcp_server: says why it cannot listen", "[net][tcp_server]") {
  fixture f;
  auto o = local();
  const auto code = [&] {
    auto r = net::tcp_server::listen(f.threads, o, f.m, [](const auto&) { return nullptr; });
    return r ? errc::internal : r.error().code;
  };
  o.port = f.server->port();
  CHECK(code() == errc::unavailable);
  o.port = 0;
  o.address = "localhost";
  CHECK(code() == errc::invalid_argument);
}

TEST_CASE("tcp_server: a factory without a session closes", "[net][tcp_server]") {
  fixture f;
  auto r = net::tcp_server::listen(f.threads, local(), f.m, [](const auto&) { return nullptr; });
  REQUIRE(r);
  client c((*r)->port());
  CHECK(c.at_end());
  CHECK(eventually([&] { return (*r)->connections() == 0; }));
}
