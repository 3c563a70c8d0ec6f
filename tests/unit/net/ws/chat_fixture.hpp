// SPDX-License-Identifier: GPL-3.0-or-later
// A chat edge driven by hand: entities on a bench, a room and a relay that answer as a test says, a
// loop without a thread, connections without sockets.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>
#include <boost/json.hpp>

#include "net/ws/chat_edge.hpp"
#include "net/ws/frame.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "tests/support/memory_chat_store.hpp"
#include "tests/unit/net/http/fakes.hpp"

namespace troupe::ws::testing {

using namespace std::chrono_literals;

/// What the fakes have seen, and how they answer.
struct room_script {
  std::vector<chat::post> posts;
  std::vector<std::optional<std::int64_t>> joins;
  std::vector<std::int64_t> heard;  // of listening
  std::vector<runtime::promise<chat::posted>> waiting_posts;
  std::vector<runtime::promise<chat::joined>> waiting_joins;
  std::vector<runtime::promise<chat::role_answer>> waiting_roles;
  bool holds_posts = false;
  bool holds_roles = false;
  bool holds_joins = false;
  std::optional<error> post_error;
  std::optional<error> join_error;
  chat::posted posted{false, 1000, 42, "said", 0};
  chat::joined joined;
  chat::role role = chat::role::user;
};

class fake_relay {
 public:
  static constexpr std::string_view kind = "relay";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<chat::join, chat::listening>;

  struct state {};

  state data;

  explicit fake_relay(room_script& s) : script_(s) {}

  void on(runtime::context&, const chat::listening& m) { script_.heard.push_back(m.heard); }

  runtime::later<chat::joined> on(runtime::context& ctx, const chat::join& m) {
    script_.joins.push_back(m.after);
    auto p = ctx.defer<chat::joined>();
    auto answer = p.answer();
    if (script_.join_error) {
      p.set(std::unexpected(*script_.join_error));
    } else if (script_.holds_joins) {
      script_.waiting_joins.push_back(std::move(p));
    } else {
      p.set(script_.joined);
    }
    return answer;
  }

 private:
  room_script& script_;
};

class fake_room {
 public:
  static constexpr std::string_view kind = "room";
  static constexpr auto keep = runtime::keep::none;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<chat::post, chat::read_role>;

  struct state {};

  state data;

  explicit fake_room(room_script& s) : script_(s) {}

  runtime::later<chat::posted> on(runtime::context& ctx, const chat::post& m) {
    script_.posts.push_back(m);
    auto p = ctx.defer<chat::posted>();
    auto answer = p.answer();
    if (script_.post_error) {
      p.set(std::unexpected(*script_.post_error));
    } else if (script_.holds_posts) {
      script_.waiting_posts.push_back(std::move(p));
    } else {
      p.set(script_.posted);
    }
    return answer;
  }

  runtime::later<chat::role_answer> on(runtime::context& ctx, const chat::read_role&) {
    auto p = ctx.defer<chat::role_answer>();
    auto answer = p.answer();
    if (script_.holds_roles) {
      script_.waiting_roles.push_back(std::move(p));
    } else {
      p.set(chat::role_answer{script_.role});
    }
    return answer;
  }

 private:
  room_script& script_;
};

template <class Inspector>
auto inspect(Inspector& f, fake_relay::state&) {
  return f();
}

template <class Inspector>
auto inspect(Inspector& f, fake_room::state&) {
  return f();
}

/// Jobs and timers, run by the fixture.
class manual_loop final : public loop {
 public:
  struct pending {
    steady_time due;
    job what;
  };

  struct shared {
    const clock* time = nullptr;
    std::deque<job> jobs;
    std::list<std::weak_ptr<pending>> timers;

    bool run() {
      bool ran = false;
      while (!jobs.empty()) {
        auto next = std::move(jobs.front());
        jobs.pop_front();
        next();
        ran = true;
      }
      for (auto at = timers.begin(); at != timers.end();) {
        const auto timer = at->lock();
        if (timer && timer->due > time->now()) {
          ++at;
          continue;
        }
        at = timers.erase(at);
        if (timer) {
          timer->what();
          ran = true;
        }
      }
      return ran;
    }
  };

  explicit manual_loop(std::shared_ptr<shared> s) : shared_(std::move(s)) {}

  void post(job j) override { shared_->jobs.push_back(std::move(j)); }

  bool is_current() const override { return true; }

  std::shared_ptr<void> after(duration delay, job j) override {
    auto timer = std::make_shared<pending>(shared_->time->now() + delay, std::move(j));
    shared_->timers.push_back(timer);
    return timer;
  }

 private:
  std::shared_ptr<shared> shared_;
};

/// A connection that hands on what is sent when it is settled, unless its peer does not read.
class fake_connection final : public net::tcp_connection {
 public:
  bool is_stuck = false;
  bool is_paused = false;
  bool is_open_now = true;
  bytes sent;
  bytes queue;
  int writes = 0;                           // what the kernel was handed
  std::vector<const std::uint8_t*> handed;  // where what was sent lies
  std::size_t outbox = 0;                   // its limit

  void limit_outbox(std::size_t size) override { outbox = size; }

  void send(std::vector<shared_bytes> buffers) override {
    for (const auto& b : buffers) {
      send(b);
    }
  }

  void send(shared_bytes buffer) override {
    handed.push_back(buffer.data());
    if (is_open_now) {
      queue.insert(queue.end(), buffer.view().begin(), buffer.view().end());
    }
  }

  void send_now(std::span<const shared_bytes> buffers) override {
    for (const auto& b : buffers) {
      send(b);
    }
    if (!is_stuck && !queue.empty()) {
      hand_on();
    }
  }

  /// Whether something was handed on.
  bool settle() {
    if (is_stuck || queue.empty()) {
      return false;
    }
    hand_on();
    return true;
  }

  void hand_on() {
    ++writes;
    sent.insert(sent.end(), queue.begin(), queue.end());
    queue.clear();
  }

  std::size_t queued_bytes() const override { return queue.size(); }

  void pause_reading() override { is_paused = true; }

  void resume_reading() override { is_paused = false; }

  void close() override { is_open_now = false; }

  void close_now() override { is_open_now = false; }

  bool is_open() const override { return is_open_now; }

  void set_deadline(duration) override {}

  void set_idle_limit(duration) override {}

  const std::string& remote_address() const override { return address_; }

  std::uint16_t remote_port() const override { return 1; }

  bool is_trusted() const override { return false; }

  net::io_thread& thread() override { throw std::logic_error("no thread here"); }

  void post(session_job) override { throw std::logic_error("not used"); }

  void replace_session(std::unique_ptr<net::tcp_session>) override {
    throw std::logic_error("not used");
  }

 private:
  std::string address_ = "203.0.113.9";
};

inline boost::json::value json_of(std::string_view text) {
  boost::system::error_code problem;
  auto value = boost::json::parse(text, problem);
  INFO("a frame: " << text);
  REQUIRE(!problem);
  return value;
}

/// A client's frame.
inline bytes masked(std::uint8_t first, std::string_view payload) {
  bytes out;
  append_header(out, opcode::text, payload.size());
  out[0] = first;
  out[1] |= 0x80;
  const bytes mask{0x37, 0xfa, 0x21, 0x3d};
  out.insert(out.end(), mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<std::uint8_t>(payload[i]) ^ mask[i % 4]);
  }
  return out;
}

/// The far end of one socket: what was answered to its handshake, and what it has got.
struct peer {
  std::optional<http::response> refused;
  net::upgrade_request::header_list accepted;
  fake_connection connection;
  std::unique_ptr<net::tcp_session> session;
  std::size_t read = 0;

  struct frame {
    opcode kind{};
    std::string payload;
  };

  /// What has come since the last call.
  std::vector<frame> frames() {
    std::vector<frame> all;
    while (read < connection.sent.size()) {
      const auto* at = connection.sent.data() + read;
      std::size_t size = at[1];
      std::size_t header = 2;
      if (size >= 126) {
        header = size == 126 ? 4 : 10;
        size = 0;
        for (std::size_t i = 2; i < header; ++i) {
          size = (size << 8) | at[i];
        }
      }
      all.push_back(
          {static_cast<opcode>(at[0] & 0x0F), std::string(as_text(byte_view(at + header, size)))});
      read += header + size;
    }
    return all;
  }

  /// Of those, the text frames as "type", or all of them when whole.
  std::vector<boost::json::value> messages() {
    std::vector<boost::json::value> all;
    for (const auto& f : frames()) {
      if (f.kind == opcode::text) {
        all.push_back(json_of(f.payload));
      } else if (f.kind == opcode::close) {
        closed = static_cast<int>(static_cast<std::uint8_t>(f.payload[0]) << 8 |
                                  static_cast<std::uint8_t>(f.payload[1]));
      }
    }
    return all;
  }

  std::vector<std::string> types() {
    std::vector<std::string> all;
    for (const auto& m : messages()) {
      all.emplace_back(m.at("type").as_string());
    }
    return all;
  }

  /// The close code that came, 0: none.
  int closed = 0;
};

class fake_upgrade final : public net::upgrade_request {
 public:
  explicit fake_upgrade(peer& p) : peer_(p) {}

  void accept(header_list headers, make_session make) override {
    peer_.accepted = std::move(headers);
    peer_.session = make(peer_.connection);
  }

  void refuse(http::response answer) override { peer_.refused = std::move(answer); }

 private:
  peer& peer_;
};

class fake_presence final : public presence::presence {
 public:
  std::map<std::uint64_t, ::troupe::presence::watcher> now;

  ticket enter(::troupe::presence::watcher w) override {
    now.emplace(++last_, std::move(w));
    return ticket{last_};
  }

  void change(ticket which, std::string person) override {
    now.at(static_cast<std::uint64_t>(which)).person = std::move(person);
  }

  void leave(ticket which) override { now.erase(static_cast<std::uint64_t>(which)); }

  ::troupe::presence::player identify(std::string_view, std::string_view,
                                      std::string_view) const override {
    return {};
  }

  void played(stream_id, const ::troupe::presence::player&) override {}

 private:
  std::uint64_t last_ = 0;
};

constexpr user_id channel = 977;

/// Everything, put together.
struct chat_bench {
  room_script script;
  runtime::testing::entity_bench bench;
  http::testing::fake_accounts accounts;
  http::testing::fake_streams streams;
  fake_presence people;
  fanout sockets;
  std::shared_ptr<manual_loop::shared> loop_state = std::make_shared<manual_loop::shared>();
  test::memory_chat_store store;
  viewer::dependencies viewer_needs{"a", store};
  std::unique_ptr<chat_edge> edge;
  std::deque<peer> peers;

  explicit chat_bench(const edge_settings& s = {}) {
    loop_state->time = &bench.time();
    accounts.expires_at = bench.time().wall() + 15min;
    script.joined.last_seq = 41;
    script.joined.owner = channel;
    script.joined.owner_name = "aya";
    bench.node().add_kind<viewer::viewer_session>(
        [this](const runtime::entity_name&) {
          return std::make_unique<viewer::viewer_session>(viewer_needs);
        },
        viewer::kind_options());
    bench.node().add_kind<fake_relay>(
        [this](const runtime::entity_name&) { return std::make_unique<fake_relay>(script); });
    bench.node().add_kind<fake_room>(
        [this](const runtime::entity_name&) { return std::make_unique<fake_room>(script); });
    std::vector<std::unique_ptr<loop>> loops;
    loops.push_back(std::make_unique<manual_loop>(loop_state));
    edge = std::make_unique<chat_edge>(s,
                                       edge_dependencies{.entities = bench.node(),
                                                         .accounts = accounts,
                                                         .streams = streams,
                                                         .presence = &people,
                                                         .fanout = sockets,
                                                         .resume_key = {},
                                                         .time = bench.time(),
                                                         .counters = bench.figures()},
                                       std::move(loops));
  }

  ~chat_bench() {
    for (auto& p : peers) {
      p.session.reset();
    }
    run();
  }

  void run() {
    for (bool busy = true; busy;) {
      bench.run();
      busy = loop_state->run();
      for (auto& p : peers) {
        while (p.connection.settle()) {
          busy = true;
          if (p.session) {
            p.session->on_drained();
          }
        }
      }
    }
  }

  void advance(duration by) {
    for (; by > duration::zero(); by -= 10ms) {
      bench.advance(std::min<duration>(by, 10ms));
      run();
    }
  }

  static http::request request(std::string path = fmt::format("/api/v1/channels/{}/chat/ws",
                                                              channel)) {
    http::request r;
    r.method = "GET";
    r.path = std::move(path);
    r.headers = {{"host", "live.example"},
                 {"connection", "Upgrade"},
                 {"upgrade", "websocket"},
                 {"sec-websocket-version", "13"},
                 {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="},
                 {"user-agent", "a browser"}};
    r.remote_address = "203.0.113.9";
    return r;
  }

  using pairs = std::vector<std::pair<std::string, std::string>>;

  static http::request request(const pairs& query, const pairs& headers = {}) {
    auto r = request();
    r.query = query;
    r.headers.insert(r.headers.end(), headers.begin(), headers.end());
    return r;
  }

  peer& connect() { return connect_by(request()); }

  peer& connect_by(http::request r) {
    auto& p = peers.emplace_back();
    edge->upgrade(std::move(r), std::make_unique<fake_upgrade>(p));
    run();
    return p;
  }

  peer& connect(const pairs& query, const pairs& headers = {}) {
    return connect_by(request(query, headers));
  }

  void send(peer& p, std::string_view text, std::uint8_t first = 0x81) {
    p.session->on_bytes(masked(first, text));
    run();
  }

  /// The connection has ended.
  void disconnect(peer& p) {
    p.session->on_closed(net::close_reason::by_peer);
    p.session.reset();
    run();
  }

  void publish(std::int64_t seq, std::string_view text = "hi") {
    const auto json = fmt::format(R"({{"type":"message","seq":{},"message":"{}"}})", seq, text);
    publish_json(json, seq);
  }

  void publish_json(std::string_view json, std::int64_t seq = 0, bool for_moderators = false,
                    user_id for_user = 0) {
    const auto view = as_bytes(json);
    sockets.publish(
        channel, {{seq, shared_bytes(bytes(view.begin(), view.end())), for_moderators, for_user}});
  }

  /// {"type":"role"} of somebody.
  void publish_role(std::int64_t seq, user_id user, std::string_view role) {
    publish_json(
        fmt::format(R"({{"type":"role","seq":{},"user_id":{},"username":"x","role":"{}"}})", seq,
                    user, role),
        seq);
  }

  double count(const std::string& name, const metrics::labels& l = {}) {
    return bench.figures().make_counter(name, "", l).value();
  }

  std::size_t viewers() {
    for (const auto& k : bench.node().status().kinds) {
      if (k.kind == "viewer") {
        return k.active;
      }
    }
    return 0;
  }
};

}  // namespace troupe::ws::testing
