// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/http_server.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <mutex>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "net/http/reply.hpp"
#include "tests/unit/net/asio/loopback.hpp"

using namespace troupe;
using namespace std::chrono_literals;
using test::client;
using test::eventually;

namespace {

http::response text(int status, const std::string& body) {
  return http::text_response(status, "text/plain", body);
}

/// Answers that a test gives when it wants to, from its own thread.
class held_answers {
 public:
  void hold(http::responder r) {
    const std::lock_guard lock(mutex_);
    held_.push_back(std::move(r));
  }

  http::responder take() {
    REQUIRE(eventually([this] { return size() > 0; }));
    const std::lock_guard lock(mutex_);
    auto first = std::move(held_.front());
    held_.pop_front();
    return first;
  }

  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }

 private:
  std::mutex mutex_;
  std::deque<http::responder> held_;
};

struct fixture {
  explicit fixture(net::http_options o = {}, net::upgrade_handler upgrade = {}) {
    o.tcp.name = "http";
    o.tcp.address = "127.0.0.1";
    auto started = net::http_server::listen(
        threads, o, m,
        [this](const http::request& r, http::responder a) { answer(r, std::move(a)); },
        std::move(upgrade));
    REQUIRE(started.has_value());
    server = *std::move(started);
  }

  void answer(const http::request& r, http::responder respond) {
    if (r.path == "/held") {
      held.hold(std::move(respond));
    } else if (r.path == "/dropped") {
      return;
    } else if (r.path == "/throws") {
      throw std::runtime_error("a bug");
    } else if (r.path == "/large") {
      respond({200, {}, std::vector(16, shared_bytes(bytes(1024 * 1024, 'L')))});
    } else if (r.path == "/whoami") {
      respond(text(200, r.remote_address + (r.is_trusted ? " trusted" : "")));
    } else {
      respond(text(200, r.method + " " + r.path + " " + r.body));
    }
  }

  client connect(int receive_buffer = 0) { return client(server->port(), receive_buffer); }

  client::response ask(std::string_view request) {
    auto c = connect();
    REQUIRE(c.send(request));
    return c.read_response();
  }

  double closed_by(const std::string& reason) {
    return m
        .make_counter("troupe_connections_closed_total", "Connections that ended, by reason",
                      {{"server", "http"}, {"reason", reason}})
        .value();
  }

  metrics m;
  held_answers held;  // outlives the threads: answers may be dropped late
  net::io_threads threads{2};
  std::unique_ptr<net::http_server> server;
};

std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("http_server: answers several requests on one connection", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  for (const auto* path : {"/a", "/b"}) {
    c.send(get(path));
    const auto r = c.read_response();
    CHECK(r.status == 200);
    CHECK(r.body == std::string("GET ") + path + " ");
    CHECK(r.head.contains("\r\nDate: "));
    CHECK(r.head.contains("\r\nContent-Type: text/plain\r\n"));
    CHECK_FALSE(r.head.contains("Connection:"));
  }
  CHECK(f.server->connections() == 1);
}

TEST_CASE("http_server: takes bodies with a length and in chunks", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  c.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello");
  CHECK(c.read_response().body == "POST /p hello");
  c.send(
      "POST /p HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n"
      "Host: evil\r\n\r\n");
  CHECK(c.read_response().body == "POST /p hello");
}

TEST_CASE("http_server: answers HEAD without a body and keeps the length", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  c.send("HEAD /a HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(c.read_response(false).head.contains("Content-Length: 8\r\n"));
  c.send(get("/b"));
  CHECK(c.read_response().body == "GET /b ");
}

TEST_CASE("http_server: closes after HTTP/1.0 and Connection: close", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  c.send(GENERATE(as<std::string>{}, "GET / HTTP/1.0\r\n\r\n", get("/", "Connection: close\r\n")));
  CHECK(c.read_response().head.contains("Connection: close\r\n"));
  CHECK(c.at_end());
  c.close();
  CHECK(eventually([&] { return f.server->connections() == 0; }));
}

TEST_CASE("http_server: keeps an HTTP/1.0 connection that asks for it", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  for (int i = 0; i < 2; ++i) {
    c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(c.read_response().head.contains("Connection: keep-alive\r\n"));
  }
}

TEST_CASE("http_server: answers pipelined requests in order", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  c.send(get("/held") + get("/second") + get("/held") + get("/fourth"));
  auto first = f.held.take();
  CHECK(f.held.size() == 0);  // one at a time
  first(text(200, "first"));
  CHECK(c.read_response().body == "first");
  CHECK(c.read_response().body == "GET /second ");
  f.held.take()(text(200, "third"));
  CHECK(c.read_response().body == "third");
  CHECK(c.read_response().body == "GET /fourth ");
}

TEST_CASE("http_server: survives a client that pipelines without reading", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  constexpr int count = 5000;
  std::thread sender([&] {
    std::string all;
    for (int i = 0; i < count; ++i) {
      all += get("/" + std::to_string(i));
    }
    c.send(all);
  });
  int in_order = 0;
  for (int i = 0; i < count; ++i) {
    in_order += c.read_response().body == "GET /" + std::to_string(i) + " " ? 1 : 0;
  }
  sender.join();
  CHECK(in_order == count);
}

TEST_CASE("http_server: pipelined large answers all arrive", "[net][http_server]") {
  fixture f;
  auto c = f.connect(16 * 1024);
  c.send(get("/large") + get("/large") + get("/a"));
  CHECK(c.read_response().body.size() == 16U * 1024 * 1024);
  CHECK(c.read_response().body.size() == 16U * 1024 * 1024);
  CHECK(c.read_response().body == "GET /a ");
}

TEST_CASE("http_server: a half-closed client still gets its answers", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  c.send(get("/held") + get("/b") + get("/c") + "GET /incomplete");
  c.finish_sending();
  f.held.take()(text(200, "first"));
  CHECK(c.read_response().body == "first");
  CHECK(c.read_response().body == "GET /b ");
  CHECK(c.read_response().body == "GET /c ");
  CHECK(c.at_end());
}

TEST_CASE("http_server: malformed requests get a status, a reason and the door",
          "[net][http_server]") {
  fixture f;

  struct example {
    std::string request;
    int status;
    std::string code;
  };

  const auto e = GENERATE(values<example>({
      {"nonsense\r\n\r\n", 400, "invalid_request"},
      {"\x16\x03\x01\x02\r\n\r\n", 400, "invalid_request"},
      {"GET / HTTP/1.1\r\n\r\n", 400, "invalid_request"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "invalid_request"},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400, "invalid_request"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "invalid_request"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupported_version"},
      {get("/a/../b"), 400, "invalid_target"},
      {get("/%00"), 400, "invalid_target"},
      {get("/a%2fb"), 400, "invalid_target"},
      {get("/a?b=%zz"), 400, "invalid_target"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid_target"},
      {get("/", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, "invalid_request"},
      {get("/", "Content-Length: 5\r\nContent-Length: 6\r\n"), 400, "invalid_request"},
      {get("/", "Content-Length: -1\r\n"), 400, "invalid_request"},
      {get("/", "Transfer-Encoding: gzip, chunked\r\n"), 501, "unsupported"},
      {get("/", "Transfer-Encoding: chunked\r\n") + "zz\r\n", 400, "invalid_request"},
      {get("/", "Expect: miracles\r\n"), 417, "expectation_failed"},
      {get("/", "Content-Length: 65537\r\n"), 413, "too_large"},
      {get("/", "Transfer-Encoding: chunked\r\n") + "10001\r\n", 413, "too_large"},
      {get("/", "X: " + std::string(17'000, 'x') + "\r\n"), 431, "headers_too_large"},
      {"GET /" + std::string(17'000, 'x'), 431, "headers_too_large"},
  }));
  INFO(e.request.substr(0, 100));
  auto c = f.connect();
  c.send(e.request);
  const auto r = c.read_response();
  CHECK(r.status == e.status);
  CHECK(r.body.contains("\"code\":\"" + e.code + "\""));
  CHECK(r.head.contains("Connection: close"));
  CHECK(c.at_end());
}

TEST_CASE("http_server: too many headers are refused", "[net][http_server]") {
  fixture f;
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "X-" + std::to_string(i) + ": v\r\n";
  }
  CHECK(f.ask(get("/", many)).status == 431);
}

TEST_CASE("http_server: one connection too many is told so, in the API's words",
          "[net][http_server]") {
  net::http_options o;
  o.tcp.max_connections = 1;
  fixture f(o);
  client first(f.server->port());
  REQUIRE(first.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  REQUIRE(first.read_response().status == 200);
  client second(f.server->port());
  // What it asks for is never read; the answer can be, all the same.
  second.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
  const auto answer = second.read_response();
  CHECK(answer.status == 503);
  CHECK(answer.head.find("\r\nRetry-After: 5\r\n") != answer.head.npos);
  CHECK(answer.head.find("\r\nConnection: close\r\n") != answer.head.npos);
  CHECK(answer.head.find("\r\nDate:") == answer.head.npos);
  CHECK(answer.body == R"({"error":{"code":"overloaded","message":)"
                       R"("too many connections, try again later"}})");
  CHECK(second.at_end());
  CHECK(f.server->connections() == 1);
}

TEST_CASE("http_server: refused connections hold no more than their few descriptors",
          "[net][http_server]") {
  net::http_options o;
  o.tcp.max_connections = 1;
  fixture f(o);
  client first(f.server->port());
  REQUIRE(first.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"));
  REQUIRE(first.read_response().status == 200);
  const auto open = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open();
  std::vector<client> refused;
  refused.reserve(200);
  for (int i = 0; i < 200; ++i) {
    refused.emplace_back(f.server->port());
    REQUIRE(refused.back().read_response().status == 503);
  }
  CHECK(open() - before <= 200 + 64);
  CHECK(eventually([&] { return open() - before <= 200; }));  // a second later they are closed
}

TEST_CASE("http_server: a refused upload can still read why", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  const std::string body(1024 * 1024, 'b');
  c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1048576\r\n\r\n" + body);
  CHECK(c.read_response().status == 413);
  CHECK(c.at_end());
  CHECK_FALSE(c.was_reset());
}

TEST_CASE("http_server: a route may have another body limit", "[net][http_server]") {
  net::http_options o;
  o.body_limit_for = [](std::string_view method, std::string_view path) -> std::size_t {
    return method == "POST" && path == "/big" ? 100'000 : 3;
  };
  fixture f(o);
  const std::string body(100'000, 'b');
  const std::string head = " HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n";
  CHECK(f.ask("POST /big" + head + body).body.size() == body.size() + 10);
  CHECK(f.ask("POST /small" + head).status == 413);
}

TEST_CASE("http_server: tells a waiting client to continue, once", "[net][http_server]") {
  fixture f;
  auto c = f.connect();
  c.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  CHECK(c.read_response().status == 100);
  c.send("he");
  c.send("llo");
  CHECK(c.read_response().body == "POST /p hello");
  c.send("POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: 1048576\r\nExpect: 100-continue\r\n\r\n");
  CHECK(c.read_response().status == 413);
}

TEST_CASE("http_server: slow heads, slow bodies and idle connections meet their deadline",
          "[net][http_server]") {
  net::http_options o;
  o.head_limit = 1024 * 1024 * 1024;  // the deadline comes first
  o.head_deadline = 50ms;
  o.body_deadline = 50ms;
  fixture f(o);
  auto c = f.connect();
  SECTION("a head that dribbles") {
    std::atomic<bool> stop = false;
    c.send("GET / HTTP/1.1\r\n");
    std::thread dribble([&] {
      while (!stop && c.send("X")) {
        std::this_thread::yield();
      }
    });
    CHECK(c.read_response().status == 408);
    stop = true;
    dribble.join();
  }
  SECTION("a body that stops") {
    c.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhe");
    CHECK(c.read_response().status == 408);
    CHECK(c.at_end());
  }
}

TEST_CASE("http_server: an idle connection is closed without a word", "[net][http_server]") {
  net::http_options o;
  o.idle_deadline = 50ms;
  fixture f(o);
  auto c = f.connect();
  c.send(get("/a"));
  CHECK(c.read_response().status == 200);
  CHECK(c.at_end());
}

TEST_CASE("http_server: a client that reads nothing is closed", "[net][http_server]") {
  net::http_options o;
  o.tcp.write_stall = 50ms;
  fixture f(o);
  auto c = f.connect(4096);
  c.send(get("/large"));
  CHECK(eventually([&] { return f.closed_by("write_stalled") == 1; }));
  CHECK(eventually([&] { return f.server->connections() == 0; }));
}

TEST_CASE("http_server: a long download outlives the idle deadline", "[net][http_server]") {
  net::http_options o;
  o.idle_deadline = 20ms;
  fixture f(o);
  auto c = f.connect(4096);
  c.send(get("/large"));
  std::size_t total = 0;
  const auto slow_until = std::chrono::steady_clock::now() + 100ms;
  while (std::chrono::steady_clock::now() < slow_until) {
    total += c.read_exactly(1024).size();
  }
  total += c.read_to_end().size();
  CHECK(total > 16U * 1024 * 1024);
}

TEST_CASE("http_server: handlers that fail answer 500, late ones 504", "[net][http_server]") {
  net::http_options o;
  o.answer_deadline = 50ms;
  fixture f(o);
  CHECK(f.ask(get("/dropped")).status == 500);
  CHECK(f.ask(get("/throws")).status == 500);
  CHECK(f.ask(get("/held")).status == 504);
  f.held.take()(text(200, "too late"));  // must be ignored
  CHECK(f.ask(get("/a")).status == 200);
}

TEST_CASE("http_server: a client may vanish before and amid its answer", "[net][http_server]") {
  fixture f;
  auto before = f.connect();
  before.send(get("/held"));
  auto answer = f.held.take();
  before.vanish();
  CHECK(eventually([&] { return f.server->connections() == 0; }));
  answer(text(200, "nobody is there"));

  auto amid = f.connect(4096);
  amid.send(get("/large"));
  CHECK(amid.read_exactly(100).size() == 100);
  amid.vanish();
  CHECK(eventually([&] { return f.server->connections() == 0; }));
  CHECK(f.closed_by("by_peer") == 2);
  CHECK(f.ask(get("/a")).status == 200);
}

TEST_CASE("http_server: X-Forwarded-For counts as far as the proxies are trusted",
          "[net][http_server]") {
  net::http_options o;
  o.tcp.trusted = *net::trusted_addresses::parse({"10.0.0.0/8"});
  fixture f(o);
  const auto who = [&](const std::string& headers) { return f.ask(get("/whoami", headers)).body; };
  CHECK(who("") == "127.0.0.1 trusted");
  CHECK(who("X-Forwarded-For: 192.0.2.7\r\n") == "192.0.2.7");
  CHECK(who("X-Forwarded-For: 6.6.6.6, 192.0.2.7 , 10.1.2.3\r\n") == "192.0.2.7");
  CHECK(who("X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-For: 10.1.2.3\r\n") == "192.0.2.7");
  CHECK(who("X-Forwarded-For: 192.0.2.7:4711\r\n") == "192.0.2.7");
  CHECK(who("X-Forwarded-For: [2001:db8::1]:4711, 10.1.2.3:80\r\n") == "2001:db8::1");
  CHECK(who("X-Forwarded-For: [2001:db8::1]\r\n") == "2001:db8::1");
  CHECK(who("X-Forwarded-For: 192.0.2.7, , \r\n") == "192.0.2.7");
  // Somebody, but nobody knows who: never the proxy itself, which is trusted.
  for (const auto* bad : {"unknown", "", " , ", "192.0.2.7, rubbish, 10.1.2.3", "[2001:db8::1",
                          "[192.0.2.7]x", "192.0.2.7:1:2", "_hidden", "1.2.3"}) {
    INFO(bad);
    CHECK(who("X-Forwarded-For: " + std::string(bad) + "\r\n") == "unknown");
  }
  CHECK(who("X-Forwarded-For: rubbish, 192.0.2.7\r\n") == "192.0.2.7");
  CHECK(who("X-Forwarded-For: 2001:db8::1\r\n") == "2001:db8::1");
}

TEST_CASE("http_server: the stop finishes answers in flight", "[net][http_server]") {
  fixture f;
  auto idle = f.connect();
  idle.send(get("/a"));
  CHECK(idle.read_response().status == 200);
  auto busy = f.connect();
  busy.send(get("/held"));
  auto answer = f.held.take();
  const auto port = f.server->port();

  auto stopped = std::async(std::launch::async, [&] { f.server->stop(10s); });
  CHECK(idle.at_end());
  idle.close();
  CHECK(eventually([&] { return !client(port).connected(); }));
  answer(text(200, "last"));
  const auto r = busy.read_response();
  CHECK(r.body == "last");
  CHECK(r.head.contains("Connection: close"));
  CHECK(busy.at_end());
  busy.close();
  stopped.get();
  CHECK(f.server->connections() == 0);
}

TEST_CASE("http_server: the stop cuts off what is not over at its deadline", "[net][http_server]") {
  fixture f;
  auto busy = f.connect();
  busy.send(get("/held"));
  auto answer = f.held.take();
  f.server->stop(10ms);
  CHECK(f.server->connections() == 0);
  CHECK(busy.read_to_end().empty());
}

TEST_CASE("http_server: hands a connection to another protocol", "[net][http_server]") {
  struct echo : net::tcp_session {
    explicit echo(net::tcp_connection& c) : connection(c) {}

    void on_bytes(byte_view data) override {
      connection.send(shared_bytes(bytes(data.begin(), data.end())));
    }

    void on_closed(net::close_reason) override {}

    net::tcp_connection& connection;
  };

  fixture f({}, [](const http::request& r, std::unique_ptr<net::upgrade_request> u) {
    if (r.path == "/refuse") {
      u->refuse(text(403, "no"));
    } else if (r.path != "/drop") {
      u->accept({{"Upgrade", "echo"}},
                [](net::tcp_connection& c) { return std::make_unique<echo>(c); });
    }
  });
  const std::string upgrade = "Connection: upgrade\r\nUpgrade: echo\r\n";
  auto c = f.connect();
  c.send(get("/refuse", upgrade));
  CHECK(c.read_response().status == 403);
  c.send(get("/drop", upgrade));
  CHECK(c.read_response().status == 500);
  c.send(get("/plain"));
  CHECK(c.read_response().status == 200);
  c.send(get("/echo", upgrade) + "early");
  const auto r = c.read_response(false);
  CHECK(r.status == 101);
  CHECK(r.head.contains("Connection: Upgrade\r\n"));
  CHECK(c.read_exactly(5) == "early");
  c.send("later");
  CHECK(c.read_exactly(5) == "later");
}
