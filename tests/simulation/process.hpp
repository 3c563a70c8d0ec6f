// SPDX-License-Identifier: GPL-3.0-or-later
// One node of a simulated cluster: the real membership core with a clock of its own, which starts,
// crashes, is stopped for a while and goes on with everything that waited. On top of it the
// plainest owner of entities that keeps the contract: it claims what may be taken, and serves what
// it claimed while it may serve. Thread: one.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network.hpp"
#include "runtime/cluster/membership.hpp"
#include "store.hpp"
#include "world.hpp"

namespace troupe::simulation {

/// Bugs that tests plant to see that they are found.
struct plants {
  bool takes_at_once = false;           ///< no wait after the verdict
  bool voters_go_on_answering = false;  ///< and say nothing of whom they accuse
  bool right_from_answer = false;       ///< counted from when an answer came
  bool counts_any_view = false;         ///< answers of nodes with another view count
  store::plants in_store;
};

class cluster;

class process {
 public:
  struct clock {
    duration offset{};
    double rate = 1;
  };

  process(cluster& c, std::string name, clock k);

  const std::string& name() const { return name_; }

  void start();
  /// host_too: the machine is off, nobody refuses connections.
  void crash(bool host_too);
  void pause();
  void resume();
  /// Gives up what it owns, says so, and ends when it has left.
  void leave();

  bool is_running() const { return core_ != nullptr; }

  bool is_paused() const { return is_paused_; }

  bool is_leaving() const { return is_leaving_; }

  /// Without a moment in which it did not, since it is active.
  bool may_serve() const { return core_ && !is_paused_ && core_->may_serve(local()); }

  bool is_active() const;
  bool serves(const std::string& entity) const;

  const runtime::membership& core() const { return *core_; }

  steady_time local() const;

 private:
  /// Runs f in this process: not when it has crashed since, and later when it is paused.
  std::function<void()> mine(std::function<void()> f);
  void later(duration local_delay, std::function<void()> f);
  void handle(const runtime::membership_event::any& event);
  void carry_out(const runtime::membership_action::any& action);
  void ask_store(const runtime::membership_action::ask_store& what);
  void tell(const runtime::membership_action::tell& what);
  void tick();
  void probe();
  void work();
  void look_at(const std::string& entity);
  void claim(const std::string& entity, const store::owned& seen);

  cluster& cluster_;
  const std::string name_;
  const clock clock_;
  std::unique_ptr<runtime::membership> core_;
  std::uint64_t generation_ = 0;
  bool is_paused_ = false;
  bool is_leaving_ = false;
  std::deque<std::function<void()>> waiting_;
  std::vector<runtime::peer> peers_;
  std::map<std::string, runtime::peer_state> links_;
  std::map<std::string, std::uint64_t> held_;  // entity -> epoch
};

}  // namespace troupe::simulation
