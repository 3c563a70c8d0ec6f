// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/testing/entity_bench.hpp"

#include <algorithm>

#include <caf/actor_system.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "runtime/caf/caf_executor.hpp"
#include "runtime/detail/node.hpp"

namespace troupe::runtime::testing {

struct entity_bench::scheduler {
  caf::scheduler::test_coordinator* coordinator = nullptr;
};

entity_bench::entity_bench(memory_entity_log* log, std::uint64_t incarnation)
    : log_(log != nullptr ? log : &own_log_),
      scheduler_(std::make_unique<scheduler>()),
      session_(nullptr) {
  auto executor = std::make_unique<detail::caf_executor>(detail::caf_executor::policy::testing, 1);
  scheduler_->coordinator =
      dynamic_cast<caf::scheduler::test_coordinator*>(&executor->system().scheduler());
  const job_runner run_job = [this](worker_pool::job j) {
    if (pool_is_full_) {
      return false;
    }
    jobs_.push_back(std::move(j));
    return true;
  };
  node_ = std::make_unique<entities>(std::make_unique<detail::node>(
      detail::node_parts{{.node = "a", .incarnation = incarnation, .threads = 1, .seed = 7},
                         clock_,
                         metrics_,
                         run_job,
                         *log_,
                         std::move(executor)}));
  session_ = node_->open_session();
}

entity_bench::~entity_bench() = default;

void entity_bench::run() {
  do {
    while (scheduler_->coordinator->try_run_once()) {
    }
  } while (!jobs_are_held_ && run_job());
}

bool entity_bench::run_one() {
  return scheduler_->coordinator->try_run_once();
}

bool entity_bench::run_job() {
  if (jobs_.empty()) {
    return false;
  }
  auto job = std::move(jobs_.front());
  jobs_.pop_front();
  job();
  return true;
}

void entity_bench::advance(duration by) {
  constexpr duration step = std::chrono::milliseconds(10);
  run();
  while (by > duration::zero()) {
    const auto now = std::min(by, step);
    clock_.advance(now);
    scheduler_->coordinator->advance_time(now);
    run();
    by -= now;
  }
}

}  // namespace troupe::runtime::testing
