// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/asio/io_threads.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/check.hpp"
#include "base/log.hpp"
#include "net/asio/io_context.hpp"

namespace troupe::net {
namespace {

using asio_error = boost::system::error_code;

// Tells without a lock whether a call comes from a given loop.
thread_local const io_thread* current_thread = nullptr;

}  // namespace

// Shared by the handle, which may cancel, and by Asio's pending wait, which alone owns the Asio
// timer: so a handle may outlive the loop.
struct timer::state : std::enable_shared_from_this<state> {
  using asio_timer = std::shared_ptr<boost::asio::steady_timer>;

  state(io_thread& t, duration repeat, io_thread::job j)
      : thread(t), period(repeat), call(std::move(j)) {}

  void wait(asio_timer clock) {
    auto& armed = *clock;
    armed.async_wait(
        [self = shared_from_this(), clock = std::move(clock)](const asio_error& e) mutable {
          self->fire(std::move(clock), e == boost::asio::error::operation_aborted);
        });
  }

  void fire(asio_timer clock, bool aborted) {
    std::exception_ptr thrown;
    if (!aborted && !cancelled) {
      try {
        call();
      } catch (...) {
        thrown = std::current_exception();  // once is no reason never to be called again
      }
    }
    if (aborted || cancelled || period == duration::zero()) {
      call = nullptr;
    } else {
      // From now, not from the last expiry: a late loop must not fire a burst.
      clock->expires_after(period);
      wait(std::move(clock));
    }
    if (thrown) {
      std::rethrow_exception(thrown);  // the loop says so
    }
  }

  io_thread& thread;
  const duration period;  // zero: once
  io_thread::job call;
  std::atomic<bool> cancelled = false;
  std::weak_ptr<boost::asio::steady_timer> waiting;  // set once, before the loop sees this
};

timer& timer::operator=(timer&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}

void timer::cancel() {
  const auto pending = std::exchange(state_, nullptr);
  if (!pending || pending->cancelled.exchange(true)) {
    return;
  }
  auto end_wait = [pending] {
    if (const auto clock = pending->waiting.lock()) {
      clock->cancel();
    }
  };
  if (current_thread == &pending->thread) {
    end_wait();
  } else if (!pending->waiting.expired()) {
    pending->thread.post(std::move(end_wait));
  }
}

io_thread::io_thread(std::size_t number) : impl_(std::make_unique<impl>(number)) {}

io_thread::~io_thread() {
  stop();
}

void io_thread::post(job j) {
  boost::asio::post(impl_->context, std::move(j));
}

bool io_thread::is_current() const {
  return current_thread == this;
}

timer io_thread::call_after(duration delay, job j) {
  return arm(delay, duration::zero(), std::move(j));
}

timer io_thread::call_every(duration period, job j) {
  TROUPE_CHECK(period > duration::zero(), "a period of zero would spin");
  return arm(period, period, std::move(j));
}

timer io_thread::arm(duration delay, duration period, job j) {
  auto clock = std::make_shared<boost::asio::steady_timer>(impl_->context);
  auto pending = std::make_shared<timer::state>(*this, period, std::move(j));
  pending->waiting = clock;
  auto start_wait = [pending, delay, clock = std::move(clock)]() mutable {
    if (!pending->cancelled) {
      clock->expires_after(delay);
      pending->wait(std::move(clock));
    }
  };
  if (is_current()) {
    start_wait();
  } else {
    post(std::move(start_wait));
  }
  return timer(std::move(pending));
}

void io_thread::start() {
  impl_->thread = std::thread([this] {
    current_thread = this;
    const auto name = "io-" + std::to_string(impl_->number);
    pthread_setname_np(pthread_self(), name.c_str());
    // Nothing of ours throws; what a library throws must not end the other connections.
    for (bool running = true; running;) {
      try {
        impl_->context.run();
        running = false;
      } catch (const std::exception& e) {
        log::critical("an exception reached the loop of {}: {}", name, e.what());
      }
    }
    current_thread = nullptr;
  });
}

void io_thread::stop() {
  impl_->work.reset();
  impl_->context.stop();
  if (impl_->thread.joinable()) {
    impl_->thread.join();
  }
}

io_threads::io_threads(std::size_t count) {
  if (count == 0) {
    count = std::max(1U, std::thread::hardware_concurrency());
  }
  for (std::size_t i = 0; i < count; ++i) {
    threads_.push_back(std::make_unique<io_thread>(i));
  }
  for (const auto& thread : threads_) {
    thread->start();
  }
}

io_threads::~io_threads() {
  stop(duration::zero());
}

void io_threads::stop(duration deadline) {
  if (std::exchange(stopped_, true)) {
    return;
  }
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (const auto& thread : threads_) {
    TROUPE_CHECK(!thread->is_current(), "a loop cannot wait for itself");
    auto reached = std::make_shared<std::promise<void>>();
    auto all_before_ran = reached->get_future();
    thread->post([reached] { reached->set_value(); });
    all_before_ran.wait_until(end);
  }
  for (const auto& thread : threads_) {
    thread->stop();
  }
}

}  // namespace troupe::net
