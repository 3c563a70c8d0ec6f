// SPDX-License-Identifier: GPL-3.0-or-later
// Clients that talk while the store fails and the process dies, in thousands of orders of events;
// what was acknowledged and shown is compared with what is stored.
#include <algorithm>
#include <random>
#include <set>

#include <spdlog/fmt/fmt.h>

#include "tests/unit/actors/chat/room_fixture.hpp"

namespace troupe::chat {
namespace {

using namespace testing;

/// A message of one client, who sends again what broke off without an answer.
struct line {
  user_id user = 0;
  std::string text;
  std::string nonce;
  answer slot;
  std::optional<posted> acknowledged;
  bool is_refused = false;  // answered unavailable: it is not said
  int first_sent = 0;
  int last_sent = 0;
};

class rehearsal {
 public:
  rehearsal(std::uint64_t seed, bool may_crash) : random_(seed), may_crash_(may_crash) {
    w_.needs.settings.user_rate = 0;
    w_.needs.settings.moderator_rate = 0;
    w_.store.next_fault = [this] {
      switch (is_calm_ ? 99 : pick(40)) {
        case 0:
          return fault::away;
        case 1:
        case 2:
          return fault::lost_answer;
        case 3:
          return fault::late;
        default:
          return fault::none;
      }
    };
    start();
  }

  std::size_t pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
  }

  void start() {
    bench_.reset();
    bench_.emplace(w_, ++incarnation_);
    bench_->time().advance(now_ - bench_->time().wall());
    bench_->hold_jobs(true);
    for (auto& l : lines_) {
      if (!l.acknowledged && !l.is_refused) {
        send(l);
      }
    }
    bench_->begin(bench_->default_session(), bench_->name, subscribe{"a/7", {}});
  }

  void send(line& l) {
    l.last_sent = ++sent_;
    l.first_sent = l.first_sent == 0 ? l.last_sent : l.first_sent;
    l.slot = bench_->begin_say(l.user, l.text, l.nonce);
  }

  void speak() {
    const auto user = user_id{7 + static_cast<user_id>(pick(4))};
    const auto n = ++spoken_[user];
    lines_.push_back({.user = user,
                      .text = fmt::format("{} says {}", user, n),
                      .nonce = fmt::format("n{}", n),
                      .slot = {},
                      .acknowledged = {},
                      .is_refused = false,
                      .first_sent = 0,
                      .last_sent = 0});
    send(lines_.back());
  }

  void crash() {
    hear();
    now_ = bench_->time().wall();
    w_.news.clear();
    ++crashes_;
    start();
  }

  /// Clients read their answers.
  void hear() {
    for (auto& l : lines_) {
      if (!l.slot || !l.slot->has_value() || l.acknowledged || l.is_refused) {
        continue;
      }
      const auto& a = **l.slot;
      if (a) {
        l.acknowledged = *a;
      } else if (a.error().reason == "unavailable") {
        l.is_refused = true;
      } else {
        send(l);  // the activation was lost
      }
    }
    check_shown();
  }

  void step() {
    switch (pick(12)) {
      case 0:
      case 1:
        speak();
        break;
      case 2:
        bench_->run_job();
        break;
      case 3:
        w_.store.is_away = !is_calm_ && pick(30) == 0;
        break;
      case 4:
        if (pick(6) == 0) {
          w_.store.arrive_late();
        }
        break;
      case 5:
        if (may_crash_ && pick(25) == 0) {
          crash();
        }
        break;
      case 6:
        if (pick(10) == 0) {
          bench_->begin(bench_->session_of(ada), bench_->name,
                        set_mode{who(ada), static_cast<std::int64_t>(0), true,
                                 pick(2) == 0 ? std::optional<std::int64_t>() : std::nullopt});
        } else {
          bench_->advance(std::chrono::milliseconds(10 * pick(30)));
        }
        break;
      default:
        bench_->run_one();
    }
    hear();
  }

  /// The store is well again; everything ends.
  void settle() {
    is_calm_ = true;
    w_.store.is_away = false;
    w_.store.arrive_late();
    bench_->hold_jobs(false);
    for (int i = 0; i < 20; ++i) {
      bench_->advance(1s);
      hear();
    }
  }

  /// What is shown is stored, under this number, and nothing is shown under a number twice.
  void check_shown() {
    const auto& stored = w_.store.rooms[ada].events;
    std::int64_t last = 0;
    for (const auto& n : w_.news["a/7"]) {
      for (const auto& e : n.events) {
        REQUIRE(e.seq > last);
        last = e.seq;
        REQUIRE(static_cast<std::size_t>(e.seq) <= stored.size());
        const auto& row = stored[static_cast<std::size_t>(e.seq) - 1];
        REQUIRE(row.message_id == e.message_id);
        if (e.kind == event_kind::message) {
          REQUIRE(row.text == e.text);
        }
      }
    }
  }

  void check() {
    const auto& rows = w_.store.rooms[ada];
    std::map<std::string, const storage::room_event*> by_text;
    id last_id = 0;
    std::int64_t seq = 0;
    for (const auto& e : rows.events) {
      REQUIRE(e.seq == ++seq);
      if (e.kind != storage::room_event_kind::message) {
        continue;
      }
      REQUIRE(e.message_id > last_id);
      last_id = e.message_id;
      const bool is_first = by_text.emplace(e.text, &e).second;
      REQUIRE(is_first);  // once
    }
    check_order(by_text);
    for (const auto& l : lines_) {
      CAPTURE(l.text);
      const auto found = by_text.find(l.text);
      if (l.acknowledged) {
        REQUIRE(found != by_text.end());
        REQUIRE(found->second->seq == l.acknowledged->seq);
        REQUIRE(found->second->message_id == l.acknowledged->message_id);
        REQUIRE_FALSE(rows.gone.contains(found->second->message_id));
      } else if (l.is_refused) {
        // A crash may come before what was stored unknown is taken back.
        const bool is_visible =
            found != by_text.end() && !rows.gone.contains(found->second->message_id);
        REQUIRE((!is_visible || crashes_ > 0));
      } else {
        FAIL("a client was never answered");
      }
    }
  }

  /// Of one user, what was sent for the first time after another was sent for the last is said
  /// after it.
  void check_order(const std::map<std::string, const storage::room_event*>& said) const {
    for (const auto& a : lines_) {
      for (const auto& b : lines_) {
        const auto first = said.find(a.text);
        const auto second = said.find(b.text);
        if (a.user == b.user && a.last_sent < b.first_sent && first != said.end() &&
            second != said.end()) {
          CAPTURE(a.text, b.text);
          REQUIRE(first->second->seq < second->second->seq);
        }
      }
    }
  }

  std::size_t acknowledged() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines_, [](const line& l) { return l.acknowledged.has_value(); }));
  }

  std::size_t crashes() const { return crashes_; }

 private:
  std::mt19937_64 random_;
  bool may_crash_;
  bool is_calm_ = false;
  world w_;
  wall_time now_ = manual_clock().wall();
  std::uint64_t incarnation_ = 0;
  std::size_t crashes_ = 0;
  int sent_ = 0;
  std::deque<line> lines_;
  std::map<user_id, int> spoken_;
  std::optional<room_bench> bench_;
};

}  // namespace

TEST_CASE("room schedules: what was acknowledged is there, in order, once", "[actors][chat]") {
  std::size_t acknowledged = 0;
  std::size_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    rehearsal r(seed, seed % 2 == 0);
    for (int i = 0; i < 400; ++i) {
      r.step();
    }
    r.settle();
    r.check();
    acknowledged += r.acknowledged();
    crashes += r.crashes();
  }
  CHECK(acknowledged > 5000);  // or this test shows little
  CHECK(crashes > 50);
}

TEST_CASE("room schedules: a crash after any step loses nothing that was acknowledged",
          "[actors][chat]") {
  for (int at = 0; at < 120; ++at) {
    CAPTURE(at);
    rehearsal r(1000, false);
    for (int i = 0; i < 200; ++i) {
      if (i == at) {
        r.crash();
      }
      r.step();
    }
    r.settle();
    r.check();
  }
}

}  // namespace troupe::chat
