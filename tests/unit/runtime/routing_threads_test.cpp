// SPDX-License-Identifier: GPL-3.0-or-later
// Several nodes on real threads: senders on each, an entity that moves between them all the while,
// and a way that breaks. For ThreadSanitizer, and for locks that wait for each other.
#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "sample_behaviours.hpp"

using namespace troupe;
using namespace troupe::runtime;
using namespace troupe::runtime::sample;

namespace {

constexpr std::size_t node_count = 3;

std::string name_of(std::size_t i) {
  return std::string(1, static_cast<char>('a' + i));
}

/// A thread that delivers what is sent to one node.
class inbox {
 public:
  using task = std::function<void()>;

  void start() {
    thread_ = std::thread([this] { run(); });
  }

  void put(task t) {
    const std::lock_guard lock(mutex_);
    if (!ends_) {
      tasks_.push_back(std::move(t));
      filled_.notify_one();
    }
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
      tasks_.clear();
      filled_.notify_one();
    }
    if (thread_.joinable()) {
      thread_.join();
    }
  }

 private:
  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      filled_.wait(lock, [this] { return ends_ || !tasks_.empty(); });
      if (ends_) {
        return;
      }
      auto next = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      next();
    }
  }

  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<task> tasks_;
  bool ends_ = false;
  std::thread thread_;
};

class counting {
 public:
  static constexpr std::string_view kind = "counting";
  static constexpr auto keep = runtime::keep::snapshot;
  static constexpr std::uint32_t version = 1;
  using messages = runtime::messages<add, sample::read>;
  using state = kept::state;
  state data;

  result<total> on(context&, const add& m) {
    data.value += m.by;
    return total{data.value, 0};
  }

  result<total> on(context&, const sample::read&) const { return total{data.value, 0}; }
};

class everybody final : public view_source {
 public:
  everybody() {
    auto v = std::make_shared<runtime::view>();
    v->number = 1;
    for (std::size_t i = 0; i < node_count; ++i) {
      v->members.push_back({name_of(i), i + 1, member_state::active});
    }
    view_ = std::move(v);
  }

  std::shared_ptr<const runtime::view> view() const override { return view_; }

  bool may_serve(steady_time) const override { return true; }

  bool may_take_from(std::string_view, std::uint64_t, steady_time) const override { return true; }

 private:
  std::shared_ptr<const runtime::view> view_;
};

struct real_cluster {
  struct one final : link {
    one(real_cluster& c, std::size_t i)
        : cluster(c),
          index(i),
          node({.node = name_of(i), .incarnation = i + 1, .threads = 2, .seed = 1}, system_clock(),
               figures, [](worker_pool::job) { return false; }, c.log, {this, &c.members}) {
      node.add_kind<counting>([](const entity_name&) { return std::make_unique<counting>(); });
    }

    void start(handlers) override {}

    void set_peers(std::vector<peer>) override {}

    void stop() override {}

    bool send(std::string_view to, link_stream on, envelope what) override {
      const auto i = static_cast<std::size_t>(to[0] - 'a');
      if (cluster.lose_every != 0 && ++cluster.sent % cluster.lose_every == 0) {
        return true;  // lost, as with a connection that breaks
      }
      cluster.inboxes[i].put([this, i, on, e = std::move(what)] {
        cluster.nodes[i]->node.received(name_of(index), on, e);
      });
      return true;
    }

    real_cluster& cluster;
    std::size_t index;
    metrics figures;
    entities node;
  };

  explicit real_cluster(unsigned lose) : lose_every(lose) {
    log.set_members({{"a", 1}, {"b", 2}, {"c", 3}});
    for (std::size_t i = 0; i < node_count; ++i) {
      nodes.push_back(std::make_unique<one>(*this, i));
    }
    for (auto& i : inboxes) {
      i.start();
    }
  }

  ~real_cluster() {
    for (auto& i : inboxes) {
      i.end();
    }
  }

  real_cluster(const real_cluster&) = delete;
  real_cluster& operator=(const real_cluster&) = delete;

  const unsigned lose_every;
  std::atomic<unsigned> sent = 0;
  everybody members;
  memory_entity_log log;
  std::array<inbox, node_count> inboxes;
  std::vector<std::unique_ptr<one>> nodes;
};

/// Waits for a condition that other threads bring about.
template <class F>
bool eventually(F f) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!f()) {
    if (std::chrono::steady_clock::now() > until) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("routing: on real threads every command is applied once, while its entity moves",
          "[runtime][routing][threads]") {
  constexpr int each = 600;
  const unsigned lose = GENERATE(0U, 400U);
  CAPTURE(lose);
  real_cluster cluster(lose);
  const entity_name name{"counting", "1"};
  std::atomic<int> answered = 0;
  std::atomic<int> applied = 0;
  std::atomic<int> moved = 0;
  std::atomic<bool> is_over = false;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < node_count; ++i) {
    threads.emplace_back([&, i] {
      auto& node = cluster.nodes[i]->node;
      const auto s = node.open_session();
      std::atomic<int> on_their_way = 0;
      for (int n = 0; n < each; ++n) {
        (void)eventually([&] { return on_their_way < 16; });
        ++on_their_way;
        node.ask<add>(s, name, add{1}, 30s, [&](const result<total>& got) {
          applied += got ? 1 : 0;
          ++answered;
          --on_their_way;
        });
      }
      (void)eventually([&] { return on_their_way == 0; });
    });
  }
  std::thread mover([&] {
    const auto until = std::chrono::steady_clock::now() + 60s;
    for (std::size_t turn = 0; !is_over || (moved < 3 && std::chrono::steady_clock::now() < until);
         ++turn) {
      std::atomic<int> left = node_count;
      for (const auto& n : cluster.nodes) {
        // Whoever has it gives it away; the others say that it is not there.
        n->node.move(name, name_of(turn % node_count), [&](const result<duration>& how) {
          moved += how ? 1 : 0;
          --left;
        });
      }
      (void)eventually([&] { return left == 0; });
      std::this_thread::yield();
    }
  });
  for (auto& t : threads) {
    t.join();
  }
  is_over = true;
  mover.join();
  CHECK(answered == each * static_cast<int>(node_count));
  CHECK(applied == answered);
  CHECK(moved >= 3);
  std::atomic<std::int64_t> value = -1;
  auto& node = cluster.nodes[0]->node;
  node.ask<sample::read>(node.open_session(), name, sample::read{}, 30s,
                         [&](const result<total>& got) { value = got ? got->value : 0; });
  CHECK(eventually([&] { return value != -1; }));
  CHECK(value == applied);
}
