// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/services.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "runtime/testing/entity_bench.hpp"
#include "tests/unit/net/asio/loopback.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::client;
using test::eventually;

namespace {

/// Says what it hears.
class echo final : public net::tcp_session {
 public:
  explicit echo(net::tcp_connection& c) : connection_(c) {}

  void on_bytes(byte_view data) override {
    connection_.send(shared_bytes(bytes(data.begin(), data.end())));
  }

  void on_closed(net::close_reason) override {}

 private:
  net::tcp_connection& connection_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// The socket of this process that listens on the port, or nothing.
std::optional<int> listening_on(std::uint16_t port) {
  for (int fd = 3; fd < 1024; ++fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
      continue;
    }
    sockaddr_in address{};
    size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        address.sin_family == AF_INET && ntohs(address.sin_port) == port) {
      return fd;
    }
  }
  return std::nullopt;
}

/// Entities and edges share the one I/O thread: the bench is made for one.
struct rig {
  rig() {
    net::tcp_options options;
    options.name = "t";
    options.address = "127.0.0.1";
    auto listening = net::tcp_server::listen(
        threads, options, counters,
        [](const std::shared_ptr<net::tcp_connection>& c) { return std::make_unique<echo>(*c); });
    REQUIRE(listening);
    server = std::move(*listening);
    on_thread([&] { bench = std::make_unique<runtime::testing::entity_bench>(); });
    supervise(app::edges({app::listener("rtmp", *server)}));
  }

  ~rig() {
    on_thread([&] {
      bench->node().stop(1s, [](const result<void>&) {});
      bench->advance(1s);
      bench.reset();
    });
    server->stop(1s);
  }

  rig(const rig&) = delete;
  rig& operator=(const rig&) = delete;

  void on_thread(const std::function<void()>& what) {
    std::promise<void> done;
    threads.at(0).post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  void supervise(const runtime::supervisor_spec& spec) {
    bool is_there = false;
    on_thread([&] { is_there = bench->node().supervise(spec).has_value(); });
    REQUIRE(is_there);
  }

  runtime::tree_node tree() {
    runtime::tree_node root;
    on_thread([&] { root = bench->node().tree(); });
    return root;
  }

  runtime::tree_node edges() { return tree().children.at(0); }

  /// Until the supervisors have done what they wait to do.
  bool goes_on_until(const std::function<bool()>& condition, duration step = 100ms) {
    return eventually([&] {
      on_thread([&] { bench->advance(step); });
      return condition();
    });
  }

  bool answers() {
    client c(server->port());
    return c.connected() && c.send("a") && c.read_some() == "a";
  }

  void lose_the_port() {
    const auto fd = listening_on(server->port());
    REQUIRE(fd);
    ::shutdown(*fd, SHUT_RDWR);
    REQUIRE(eventually([&] { return !server->is_accepting(); }));
  }

  metrics counters;
  net::io_threads threads{1};
  std::unique_ptr<net::tcp_server> server;
  std::unique_ptr<runtime::testing::entity_bench> bench;
};

}  // namespace

TEST_CASE("services: a port that is lost is opened again, and its connections stay (R7)",
          "[app][services]") {
  rig r;
  client before(r.server->port());
  REQUIRE(before.send("x"));
  REQUIRE(before.read_some() == "x");
  for (std::uint64_t i = 1; i <= 3; ++i) {
    r.lose_the_port();
    REQUIRE(r.goes_on_until([&] { return r.server->is_accepting(); }));
    CHECK(r.answers());
    CHECK(r.edges().children.at(0).name == "rtmp");
    CHECK(r.edges().children.at(0).state == "running");
    CHECK(r.edges().children.at(0).restarts == i);
  }
  REQUIRE(before.send("y"));
  CHECK(before.read_some() == "y");
}

TEST_CASE("services: a port that stays taken ends its tree, and nothing else (R7)",
          "[app][services]") {
  std::atomic<int> ticks = 0;
  rig r;
  r.supervise(app::upkeep({app::periodic("tick", r.threads.at(0), 1ms,
                                         [&ticks](const app::failure_callback&) { ++ticks; })}));
  r.lose_the_port();
  const int taker = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(taker, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const auto address = loopback(r.server->port());
  REQUIRE(::bind(taker, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(taker, 1) == 0);
  CHECK(r.goes_on_until([&] { return r.edges().state == "failed"; }, 10s));
  CHECK(r.edges().children.at(0).state == "stopped");
  CHECK_FALSE(r.server->is_accepting());
  CHECK(r.tree().state == "running");
  CHECK(r.tree().children.at(1).state == "running");
  const int so_far = ticks;
  CHECK(eventually([&] { return ticks > so_far; }));
  ::close(taker);
}

TEST_CASE("services: work that throws goes on, after a pause (R7)", "[app][services]") {
  enum class mood : std::uint8_t { throws, fails_elsewhere, works };
  std::atomic<mood> now = mood::throws;
  std::atomic<int> done = 0;
  rig r;
  r.supervise(app::upkeep(
      {app::periodic("work", r.threads.at(0), 1ms, [&](const app::failure_callback& failed) {
        if (now == mood::throws) {
          throw std::runtime_error("at once");
        }
        if (now == mood::fails_elsewhere) {
          failed(std::runtime_error("from elsewhere"));
          return;
        }
        ++done;
      })}));
  const auto work = [&] { return r.tree().children.at(1).children.at(0); };
  for (const auto next : {mood::fails_elsewhere, mood::works}) {
    const auto before = work().restarts;
    CHECK(r.goes_on_until([&] { return work().restarts > before; }));
    now = next;
  }
  CHECK(r.goes_on_until([&] { return work().state == "running" && done > 3; }));
}
