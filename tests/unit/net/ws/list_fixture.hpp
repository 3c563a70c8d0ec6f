// SPDX-License-Identifier: GPL-3.0-or-later
// The list of live streams over sockets, driven by hand: a store in memory, two I/O threads and the
// feed's loop without threads.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/ws/list_edge.hpp"
#include "tests/unit/net/http/fakes.hpp"
#include "tests/unit/net/ws/socket_fixture.hpp"

namespace troupe::ws::testing {

/// Streams as the store has them, page by page.
class stored_streams final : public http::testing::fake_streams {
 public:
  stored_streams() { all.clear(); }

  int reads = 0;  // of first pages

  stream::info& add(stream_id id, std::int64_t viewers = 0, std::int64_t game = 0) {
    auto s = make(id, 1000 + id);
    s.viewer_count = viewers;
    s.game_id = game == 0 ? std::nullopt : std::optional(game);
    return all[id] = std::move(s);
  }

  void list(stream::list_request request, callback<page<stream::info>> done) override {
    reads += request.cursor ? 0 : 1;
    page<stream::info> out;
    const auto below = request.cursor ? parse_id(*request.cursor).value() : largest_id;
    for (auto at = all.rbegin(); at != all.rend(); ++at) {
      const auto s = at->second.status;
      if (at->first >= below || (s != stream::status::live && s != stream::status::reconnecting)) {
        continue;
      }
      if (out.items.size() == static_cast<std::size_t>(request.limit)) {
        out.next = std::to_string(out.items.back().id);
        break;
      }
      out.items.push_back(at->second);
    }
    answer<page<stream::info>>(std::move(done), std::move(out));
  }
};

/// One of several loops: the test says which is the present one.
class numbered_loop final : public loop {
 public:
  /// on_post: what happens when something is posted.
  numbered_loop(std::shared_ptr<manual_loop::shared> s, int number, const int& current,
                const std::function<void()>& on_post)
      : inner_(std::move(s)), number_(number), current_(current), on_post_(on_post) {}

  void post(job j) override {
    if (on_post_) {
      on_post_();
    }
    inner_.post(std::move(j));
  }

  bool is_current() const override { return number_ == current_; }

  std::shared_ptr<void> after(duration delay, job j) override {
    return inner_.after(delay, std::move(j));
  }

 private:
  manual_loop inner_;
  const int number_;
  const int& current_;
  const std::function<void()>& on_post_;
};

struct list_bench {
  manual_clock time;
  metrics figures;
  stored_streams store;
  std::shared_ptr<manual_loop::shared> loop_state = std::make_shared<manual_loop::shared>();
  int thread = 0;                 // where the next socket comes
  std::function<void()> on_post;  // to a loop of the sockets'
  std::unique_ptr<list_edge> edge;
  std::deque<peer> peers;

  explicit list_bench(const list_settings& s = {}) {
    loop_state->time = &time;
    std::vector<std::unique_ptr<loop>> loops;
    for (const int number : {0, 1}) {
      loops.push_back(std::make_unique<numbered_loop>(loop_state, number, thread, on_post));
    }
    edge = std::make_unique<list_edge>(
        s, list_dependencies{.streams = store, .time = time, .counters = figures},
        std::make_unique<manual_loop>(loop_state), std::move(loops));
  }

  ~list_bench() {
    for (auto& p : peers) {
      p.session.reset();
    }
    run();
  }

  void run() {
    for (bool busy = true; busy;) {
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
      time.advance(std::min<duration>(by, 10ms));
      run();
    }
  }

  peer& connect(std::vector<std::pair<std::string, std::string>> query = {},
                std::string address = "203.0.113.9") {
    auto r = handshake_for("/api/v1/streams/ws");
    r.query = std::move(query);
    r.remote_address = std::move(address);
    return connect_by(r);
  }

  peer& connect_by(const http::request& r) {
    auto& p = peers.emplace_back();
    edge->upgrade(r, std::make_unique<fake_upgrade>(p));
    run();
    return p;
  }

  void disconnect(peer& p) {
    p.session->on_closed(net::close_reason::by_peer);
    p.session.reset();
    run();
  }

  void say(peer& p, std::string_view text) {
    p.session->on_bytes(masked(0x81, text));
    run();
  }

  /// Something was stored, and the list is told.
  void stored() {
    edge->nudge();
    run();
  }

  double count(const std::string& name, const metrics::labels& l = {}) {
    return figures.make_counter(name, "", l).value();
  }

  double gauge(const std::string& name) { return figures.make_gauge(name, "").value(); }
};

/// A frame as "streams 3,2+" or "changes set 4 counts 2=9 gone 1".
inline std::string brief(const boost::json::value& frame) {
  const auto numbers = [](const boost::json::value& list, auto of) {
    std::string out;
    for (const auto& each : list.as_array()) {
      out += (out.empty() ? "" : ",") + of(each);
    }
    return out;
  };
  const auto id_of = [](const boost::json::value& v) {
    return std::to_string(v.at("stream_id").as_int64());
  };
  std::string out(frame.at("type").as_string());
  const auto part = [&out](const std::string& name, const std::string& list) {
    out += list.empty() ? "" : name + list;
  };
  if (out == "streams") {
    part(" ", numbers(frame.at("items"), id_of));
  } else if (out == "changes") {
    part(" set ", numbers(frame.at("set"), id_of));
    part(" counts ", numbers(frame.at("counts"), [&](const auto& v) {
           return id_of(v) + "=" + std::to_string(v.at("viewer_count").as_int64());
         }));
    part(" gone ",
         numbers(frame.at("gone"), [](const auto& v) { return std::to_string(v.as_int64()); }));
  } else {
    return out;
  }
  return out + (frame.at("more").as_bool() ? "+" : "");
}

/// What came since the last call.
inline std::vector<std::string> heard(peer& p) {
  std::vector<std::string> all;
  for (const auto& each : p.messages()) {
    all.push_back(brief(each));
  }
  return all;
}

}  // namespace troupe::ws::testing
