// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/testing/cluster_bench.hpp"

#include <algorithm>
#include <deque>

#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "base/check.hpp"
#include "runtime/caf/caf_executor.hpp"
#include "runtime/detail/node.hpp"

namespace troupe::runtime::testing {

/// One node's knowledge of the others: all that the test has said.
class cluster_bench::members final : public view_source {
 public:
  explicit members(const cluster_bench& bench) : bench_(bench) {}

  std::shared_ptr<const runtime::view> view() const override { return bench_.view_; }

  bool may_serve(steady_time) const override { return may_serve_; }

  bool may_take_from(std::string_view node, std::uint64_t incarnation,
                     steady_time now) const override {
    const auto at = bench_.takeable_.find({std::string(node), incarnation});
    return at != bench_.takeable_.end() && at->second <= now;
  }

  void set(bool may) { may_serve_ = may; }

 private:
  const cluster_bench& bench_;
  bool may_serve_ = true;
};

struct cluster_bench::one {
  std::uint64_t incarnation = 0;
  std::unique_ptr<metrics> figures;
  std::unique_ptr<members> view;
  std::unique_ptr<link> way;
  std::deque<worker_pool::job> jobs;
  caf::scheduler::test_coordinator* tasks = nullptr;  // the runtime's
  std::unique_ptr<entities> runtime;
  std::optional<session> own;
};

cluster_bench::cluster_bench(const std::vector<std::string>& nodes) {
  for (const auto& name : nodes) {
    start(name);
  }
  run();
}

cluster_bench::~cluster_bench() {
  for (auto& [name, n] : nodes_) {
    n->way.reset();
  }
  nodes_.clear();
}

void cluster_bench::start(const std::string& node) {
  auto& made = nodes_[node];
  if (!made) {
    made = std::make_unique<one>();
  }
  auto& n = *made;
  TROUPE_CHECK(n.runtime == nullptr, "a node is started once at a time");
  n.incarnation = ++last_incarnation_;
  n.figures = std::make_unique<metrics>();
  n.view = std::make_unique<members>(*this);
  n.way = network_.make_link(node);
  auto executor = std::make_unique<detail::caf_executor>(detail::caf_executor::policy::testing, 1);
  n.tasks = dynamic_cast<caf::scheduler::test_coordinator*>(&executor->system().scheduler());
  const job_runner run_job = [&n](worker_pool::job j) {
    n.jobs.push_back(std::move(j));
    return true;
  };
  n.runtime = std::make_unique<entities>(std::make_unique<detail::node>(
      detail::node_parts{{.node = node, .incarnation = n.incarnation, .threads = 1, .seed = 7},
                         clock_,
                         *n.figures,
                         run_job,
                         log_,
                         std::move(executor),
                         {n.way.get(), n.view.get()}}));
  n.own = n.runtime->open_session();
  for (const auto& add : kinds_) {
    add(*n.runtime, node);
  }
  auto* runtime = n.runtime.get();
  n.way->start(
      {[runtime](std::string_view from, link_stream on, const envelope& what) {
         runtime->received(from, on, what);
       },
       [runtime](std::string_view peer, peer_state now) { runtime->peer_changed(peer, now); }});
  change_view([&](std::vector<member>& all) {
    std::erase_if(all, [&](const member& m) {
      return m.node == node && m.state != member_state::dead && m.state != member_state::left;
    });
    all.push_back({node, n.incarnation, member_state::active, node + ":4040", {}});
  });
}

void cluster_bench::add_to_all(adder add) {
  for (auto& [name, n] : nodes_) {
    if (n->runtime) {
      add(*n->runtime, name);
    }
  }
  kinds_.push_back(std::move(add));
}

void cluster_bench::change_view(const std::function<void(std::vector<member>&)>& change) {
  auto next = std::make_shared<runtime::view>(*view_);
  ++next->number;
  change(next->members);
  memory_entity_log::live_members live;
  std::vector<peer> peers;
  for (const auto& m : next->members) {
    if (m.state != member_state::dead && m.state != member_state::left) {
      live.emplace(m.node, m.incarnation);
      peers.push_back({m.node, m.address});
    }
  }
  log_.set_members(std::move(live));
  view_ = std::move(next);
  for (auto& [name, n] : nodes_) {
    if (n->runtime) {
      n->way->set_peers(peers);
      n->runtime->view_changed();
    }
  }
}

void cluster_bench::kill(const std::string& node) {
  auto& n = *nodes_.at(node);
  network_.crash(node);
  n.own.reset();
  n.runtime.reset();
  n.tasks = nullptr;
  n.jobs.clear();
  n.way.reset();
}

void cluster_bench::declare_dead(const std::string& node, duration takeable_after) {
  const auto incarnation = nodes_.at(node)->incarnation;
  takeable_[{node, incarnation}] = clock_.now() + takeable_after;
  set_state(node, member_state::dead);
}

void cluster_bench::crash(const std::string& node) {
  kill(node);
  declare_dead(node);
}

void cluster_bench::set_state(const std::string& node, member_state s) {
  const auto incarnation = nodes_.at(node)->incarnation;
  change_view([&](std::vector<member>& all) {
    for (auto& m : all) {
      if (m.node == node && m.incarnation == incarnation) {
        m.state = s;
      }
    }
  });
}

void cluster_bench::may_serve(const std::string& node, bool may) {
  nodes_.at(node)->view->set(may);
}

bool cluster_bench::is_running(const std::string& node) const {
  return nodes_.at(node)->runtime != nullptr;
}

entities& cluster_bench::node(const std::string& name) {
  return *nodes_.at(name)->runtime;
}

const session& cluster_bench::session_on(const std::string& node) const {
  return *nodes_.at(node)->own;
}

metrics& cluster_bench::figures(const std::string& node) {
  return *nodes_.at(node)->figures;
}

const view_source& cluster_bench::members_of(const std::string& node) const {
  return *nodes_.at(node)->view;
}

std::uint64_t cluster_bench::incarnation(const std::string& node) const {
  return nodes_.at(node)->incarnation;
}

std::string cluster_bench::home_of(const entity_name& name) const {
  std::string home;
  for (const auto& [node, n] : nodes_) {
    const auto found = n->runtime ? n->runtime->where(name) : std::nullopt;
    if (found && found->state == "active") {
      home += (home.empty() ? "" : " and ") + node;
    }
  }
  return home;
}

pending<duration> cluster_bench::begin_move(const entity_name& name, const std::string& to) {
  auto slot = std::make_shared<std::optional<result<duration>>>();
  const auto home = home_of(name);
  if (!nodes_.contains(home)) {
    slot->emplace(fail(errc::not_found, "not_active", to_string(name) + " is not on one node"));
    return slot;
  }
  node(home).move(name, to, [slot](result<duration> how) { slot->emplace(std::move(how)); });
  return slot;
}

result<duration> cluster_bench::move(const entity_name& name, const std::string& to) {
  const auto slot = begin_move(name, to);
  run();
  for (int i = 0; i < 50 && !slot->has_value(); ++i) {
    advance(std::chrono::milliseconds(100));
  }
  return slot->value_or(fail(errc::deadline_exceeded, "the move did not end"));
}

std::size_t cluster_bench::drain(const std::string& node) {
  std::optional<std::size_t> left;
  set_state(node, member_state::draining);
  nodes_.at(node)->runtime->drain([&](result<std::size_t> how) { left = how.value_or(0); });
  run();
  for (int i = 0; i < 300 && !left; ++i) {
    advance(std::chrono::milliseconds(100));
  }
  return left.value_or(std::size_t(-1));
}

bool cluster_bench::run_task(one& n) {
  if (n.tasks == nullptr) {
    return false;
  }
  if (n.tasks->try_run_once()) {
    return true;
  }
  if (n.jobs.empty()) {
    return false;
  }
  auto job = std::move(n.jobs.front());
  n.jobs.pop_front();
  job();
  return true;
}

void cluster_bench::run() {
  bool did_something = true;
  while (did_something) {
    did_something = false;
    for (auto& [name, n] : nodes_) {
      while (run_task(*n)) {
        did_something = true;
      }
    }
    did_something = network_.deliver_next() || did_something;
  }
}

bool cluster_bench::run_one(std::mt19937& chance) {
  const auto choices = network_.choices();
  const auto count = nodes_.size() + choices.size();
  const auto first = chance() % count;
  for (std::size_t i = 0; i < count; ++i) {
    const auto pick = (first + i) % count;
    if (pick < nodes_.size()) {
      if (run_task(*std::next(nodes_.begin(), static_cast<std::ptrdiff_t>(pick))->second)) {
        return true;
      }
    } else if (network_.deliver(choices[pick - nodes_.size()])) {
      return true;
    }
  }
  return false;
}

void cluster_bench::pass(duration by) {
  clock_.advance(by);
  for (auto& [name, n] : nodes_) {
    if (n->tasks != nullptr) {
      n->tasks->advance_time(by);
    }
  }
}

void cluster_bench::advance(duration by) {
  constexpr duration step = std::chrono::milliseconds(10);
  run();
  while (by > duration::zero()) {
    const auto now = std::min(by, step);
    pass(now);
    run();
    by -= now;
  }
}

}  // namespace troupe::runtime::testing
