// SPDX-License-Identifier: GPL-3.0-or-later
// A chat edge driven by hand: entities on a bench, a room and a relay that answer as a test says,
// and what socket_fixture has.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "net/ws/chat_edge.hpp"
#include "runtime/testing/entity_bench.hpp"
#include "tests/support/memory_chat_store.hpp"
#include "tests/unit/net/http/fakes.hpp"
#include "tests/unit/net/ws/socket_fixture.hpp"

namespace troupe::ws::testing {

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
    return handshake_for(std::move(path));
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
