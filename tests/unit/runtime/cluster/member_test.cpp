// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/cluster/member.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <map>

#include "runtime/archive.hpp"
#include "runtime/detail/executor.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace std::chrono_literals;

namespace {

/// Strands that the test runs by hand.
struct hand_executor final : detail::executor {
  struct timed {
    steady_time when;
    detail::task what;
  };

  struct strand final : detail::strand {
    explicit strand(hand_executor& e) : owner(e) {}

    void deliver(detail::command_ptr) override {}

    void post(detail::task what) override { post_after(0s, std::move(what)); }

    void post_after(duration delay, detail::task what) override {
      if (!is_closed) {
        owner.tasks.push_back({owner.time.now() + delay, std::move(what)});
      }
    }

    void close() override { is_closed = true; }

    hand_executor& owner;
    bool is_closed = false;
  };

  explicit hand_executor(manual_clock& c) : time(c) {}

  detail::strand_ptr make_strand(detail::command_handler) override {
    return std::make_shared<strand>(*this);
  }

  bool run_one() {
    const auto due =
        std::ranges::find_if(tasks, [&](const timed& t) { return t.when <= time.now(); });
    if (due == tasks.end()) {
      return false;
    }
    auto what = std::move(due->what);
    tasks.erase(due);
    what();
    return true;
  }

  void advance(duration length) {
    for (auto left = length; left > 0s; left -= 10ms) {
      while (run_one()) {
      }
      time.advance(10ms);
    }
    while (run_one()) {
    }
  }

  manual_clock& time;
  std::deque<timed> tasks;
};

struct memory_store final : membership_store {
  void read(callback<node_table> done) override { finish(std::move(done)); }

  void join(join_request r, callback<join_answer> done) override {
    if (is_away) {
      done(fail(errc::unavailable, "away"));
      return;
    }
    std::erase_if(table.rows, [&](const node_row& row) { return row.who.node == r.node; });
    table.rows.push_back({.who = {r.node, ++incarnations, member_state::joining, r.address}});
    ++table.number;
    done(join_answer{incarnations, table});
  }

  void change(state_change c, callback<node_table> done) override {
    for (auto& row : table.rows) {
      if (!is_away && row.who.incarnation == c.incarnation && table.number == c.expected) {
        row.who.state = c.to;
        ++table.number;
        break;
      }
    }
    finish(std::move(done));
  }

  void vote(vote_request, callback<node_table> done) override { finish(std::move(done)); }

  void finish(callback<node_table> done) {
    if (is_away) {
      done(fail(errc::unavailable, "away"));
    } else {
      done(table);
    }
  }

  void kill(std::string_view node) {
    for (auto& row : table.rows) {
      if (row.who.node == node) {
        row.who.state = member_state::dead;
        ++table.number;
      }
    }
  }

  node_table table;
  std::uint64_t incarnations = 100;
  bool is_away = false;
};

/// Carries envelopes between members of this test at once.
struct wire {
  struct end final : link {
    end(wire& w, std::string n) : net(w), name(std::move(n)) {}

    void start(handlers) override {}

    void set_peers(std::vector<peer> p) override { peers = std::move(p); }

    bool send(std::string_view to, link_stream on, envelope what) override {
      const auto found = net.members.find(std::string(to));
      if (found == net.members.end() || net.is_cut) {
        return false;
      }
      CHECK(found->second->received(name, on, what));
      return true;
    }

    void stop() override {}

    wire& net;
    std::string name;
    std::vector<peer> peers;
  };

  std::map<std::string, cluster_member*> members;
  bool is_cut = false;
};

struct bench {
  manual_clock time;
  hand_executor threads{time};
  metrics figures;
  memory_store store;
  wire net;
};

struct heard {
  explicit heard(cluster_member& m) {
    m.subscribe({.view_changed = [this](const auto& v) { views.push_back(v->number); },
                 .right_changed = [this](bool now, std::string_view) { rights.push_back(now); },
                 .joined = [this](std::uint64_t i) { joined.push_back(i); },
                 .died = [this](std::string_view) { ++deaths; },
                 .left = [this] { has_left = true; }});
  }

  std::vector<std::uint64_t> views;
  std::vector<bool> rights;
  std::vector<std::uint64_t> joined;
  int deaths = 0;
  bool has_left = false;
};

}  // namespace

TEST_CASE("cluster_member: alone it serves until it is stopped", "[runtime][cluster]") {
  bench b;
  cluster_member a({.node = "a", .address = "h:1", .alone = true}, b.time, b.figures, b.threads,
                   b.store, nullptr);
  heard told(a);
  CHECK_FALSE(a.may_serve(b.time.now()));
  CHECK(a.view()->number == 0);
  a.start();
  b.threads.advance(100ms);
  CHECK(a.may_serve(b.time.now()));
  CHECK(a.incarnation() == 101);
  CHECK(told.joined == std::vector<std::uint64_t>{101});
  CHECK(told.rights == std::vector<bool>{true});
  CHECK(told.views.back() == a.view()->number);
  CHECK(a.report().sentence.find("may serve") != std::string::npos);
  b.store.is_away = true;
  b.threads.advance(10s);
  CHECK(a.may_serve(b.time.now()));
  CHECK(b.figures.text().find("troupe_cluster_may_serve 1") != std::string::npos);
  a.stop();
  CHECK_FALSE(a.may_serve(b.time.now()));
  CHECK_FALSE(b.threads.run_one());
}

TEST_CASE("cluster_member: two find each other, lose the store, and one dies",
          "[runtime][cluster]") {
  bench b;
  wire::end at_a(b.net, "a");
  wire::end at_b(b.net, "b");
  cluster_member a({.node = "a", .address = "h:1"}, b.time, b.figures, b.threads, b.store, &at_a);
  cluster_member c({.node = "b", .address = "h:2"}, b.time, b.figures, b.threads, b.store, &at_b);
  heard told_a(a);
  heard told_b(c);
  b.net.members = {{"a", &a}, {"b", &c}};
  a.start();
  b.threads.advance(500ms);
  c.start();
  b.threads.advance(2s);
  CHECK(a.may_serve(b.time.now()));
  CHECK(c.may_serve(b.time.now()));
  CHECK(at_a.peers == std::vector<peer>{{"b", "h:2"}});
  CHECK(a.view()->members.size() == 2);

  SECTION("by pings they serve on without the store, and no longer without each other") {
    b.store.is_away = true;
    b.threads.advance(5s);
    CHECK(a.may_serve(b.time.now()));
    CHECK(c.may_serve(b.time.now()));
    b.net.is_cut = true;
    b.threads.advance(2s);
    CHECK_FALSE(a.may_serve(b.time.now()));
    CHECK_FALSE(c.may_serve(b.time.now()));
    CHECK(told_a.rights == std::vector<bool>{true, false});
  }
  SECTION("the dead one drops all and joins again") {
    const auto before = c.incarnation();
    b.store.kill("b");
    b.threads.advance(20ms);
    CHECK_FALSE(a.may_take_from("b", before, b.time.now()));
    b.threads.advance(3s);
    CHECK(told_b.deaths == 1);
    CHECK(told_b.joined.size() == 2);
    CHECK(c.incarnation() != before);
    CHECK(c.may_serve(b.time.now()));
    CHECK(a.may_take_from("b", before, b.time.now()));
  }
  SECTION("who leaves is told when it has") {
    c.drain();
    b.threads.advance(100ms);
    CHECK(c.may_serve(b.time.now()));
    c.leave();
    b.threads.advance(100ms);
    CHECK(told_b.has_left);
    CHECK_FALSE(c.may_serve(b.time.now()));
  }
  SECTION("what is not membership's, or damaged, does no harm") {
    envelope e;
    e.kind = envelope_kind::control;
    e.type = "handoff.seal";
    CHECK_FALSE(a.received("b", link_stream::control, e));
    e.type = ping::type;
    CHECK_FALSE(a.received("b", link_stream::commands, e));
    e.body = {1, 2, 3};
    CHECK(a.received("b", link_stream::control, e));
    CHECK(b.figures.text().find("troupe_cluster_messages_dropped_total 1") != std::string::npos);
  }
}
