// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/caf/caf_executor.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/logger.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include "base/sanitizer.hpp"
#include "runtime/detail/node.hpp"

namespace troupe::runtime::detail {

/// What lies in a strand's mailbox: a command, or a task. Neither: the end. Copyable, because CAF
/// asks for it; it never does.
struct mail {
  command_ptr command;
  std::shared_ptr<task> work;
};

}  // namespace troupe::runtime::detail

// It never leaves the process, so it needs no serialisation.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::runtime::detail::mail)

namespace troupe::runtime::detail {

namespace {

/// Measured: without a bound a request behind four busy actors waits 700 ms (design.md section 2).
constexpr std::size_t most_in_a_row = 50;

class strand_actor final : public caf::event_based_actor {
 public:
  strand_actor(caf::actor_config& c, command_handler on_command)
      : caf::event_based_actor(c), on_command_(std::move(on_command)) {}

  ~strand_actor() override { sanitizer::acquired(ctrl()); }

  caf::behavior make_behavior() override {
    return {[this](mail& m) {
      // CAF's mailbox puts what was done before an enqueue before its turn, and turns in a row.
      sanitizer::acquired(ctrl());
      run(m);
      sanitizer::released(ctrl());
    }};
  }

  void on_exit() override {
    sanitizer::acquired(ctrl());
    on_command_ = nullptr;
    sanitizer::released(ctrl());
  }

 private:
  void run(mail& m) {
    if (m.command) {
      on_command_(std::move(m.command));
    } else if (m.work) {
      (*m.work)();
    } else {
      quit();
    }
  }

  command_handler on_command_;
};

class caf_strand final : public strand {
 public:
  caf_strand(caf::actor_system& system, caf::actor actor)
      : clock_(system.clock()),
        actor_(std::move(actor)),
        address_(caf::actor_cast<caf::strong_actor_ptr>(actor_)) {}

  ~caf_strand() override { caf_strand::close(); }

  void deliver(command_ptr what) override { put({std::move(what), {}}); }

  void post(task what) override { put({{}, std::make_shared<task>(std::move(what))}); }

  void post_after(duration delay, task what) override {
    clock_.schedule_message(clock_.now() + delay, address_,
                            element({{}, std::make_shared<task>(std::move(what))}));
  }

  void close() override {
    if (!is_closed_.exchange(true)) {
      put({});
    }
  }

 private:
  caf::mailbox_element_ptr element(mail m) const {
    auto made = caf::make_mailbox_element(nullptr, caf::make_message_id(),
                                          caf::mailbox_element::forwarding_stack{}, std::move(m));
    sanitizer::released(address_.get());
    return made;
  }

  void put(mail m) { actor_->enqueue(element(std::move(m)), nullptr); }

  std::atomic<bool> is_closed_ = false;
  caf::actor_clock& clock_;
  caf::actor actor_;
  caf::strong_actor_ptr address_;
};

}  // namespace

caf_executor::caf_executor(policy p, std::size_t threads)
    : config_(std::make_unique<caf::actor_system_config>()) {
  const auto cores = std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  config_->set("scheduler.policy",
               p == policy::testing ? caf::atom("testing") : caf::atom("sharing"));
  config_->set("scheduler.max-threads", threads != 0 ? threads : cores);
  config_->set("scheduler.max-throughput", most_in_a_row);
  config_->set("logger.file-verbosity", caf::atom("quiet"));
  config_->set("logger.console-verbosity", caf::atom("quiet"));
  system_ = std::make_unique<caf::actor_system>(*config_);
}

caf_executor::~caf_executor() {
  // The system waits for its actors; under "testing" nobody else runs their last mails.
  using tester = caf::scheduler::test_coordinator;
  if (auto* by_hand = dynamic_cast<tester*>(&system_->scheduler())) {
    while (by_hand->try_run_once()) {
    }
  }
}

namespace {

/// CAF's spawn leaves a reference to the system's logger in the calling thread, and the system's
/// destructor waits until there is none. Threads that are not CAF's must not keep it.
class foreign_thread_guard {
 public:
  foreign_thread_guard() : is_foreign_(caf::logger::current_logger() == nullptr) {}

  ~foreign_thread_guard() {
    if (is_foreign_) {
      caf::logger::set_current_actor_system(nullptr);
    }
  }

  foreign_thread_guard(const foreign_thread_guard&) = delete;
  foreign_thread_guard& operator=(const foreign_thread_guard&) = delete;

 private:
  bool is_foreign_;
};

}  // namespace

strand_ptr caf_executor::make_strand(command_handler on_command) {
  const foreign_thread_guard guard;
  return std::make_shared<caf_strand>(
      *system_, caf::actor_cast<caf::actor>(system_->spawn<strand_actor>(std::move(on_command))));
}

std::unique_ptr<executor> make_caf_executor(std::size_t threads) {
  return std::make_unique<caf_executor>(caf_executor::policy::sharing, threads);
}

}  // namespace troupe::runtime::detail
