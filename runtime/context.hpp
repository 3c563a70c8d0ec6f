// SPDX-License-Identifier: GPL-3.0-or-later
// What a handler may do besides changing its state. A context& is valid during the call it was
// given to; jobs, timers and continuations get their own.
// Thread: only on the entity, inside its handlers, hooks and continuations.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "runtime/detail/command.hpp"
#include "runtime/entity_name.hpp"
#include "runtime/later.hpp"
#include "runtime/session.hpp"

namespace troupe::runtime {

class context;

/// Names a timer; an old one that fired or was cancelled is harmless.
enum class timer : std::uint64_t { none = 0 };

namespace detail {

using continuation = std::move_only_function<void(context&, erased_answer)>;

/// What a context speaks to: the running entity. Implemented by runtime/caf.
class activation {
 public:
  virtual ~activation() = default;
  virtual const entity_name& self() const = 0;
  virtual std::uint64_t epoch() const = 0;
  virtual const clock& time() const = 0;
  virtual bool is_leaving() const = 0;
  /// then may be empty.
  virtual void send(entity_name to, command_ptr what, duration deadline, continuation then) = 0;
  virtual timer after(duration delay, command_ptr what) = 0;
  virtual void cancel(timer which) = 0;
  /// Runs job on the pool, then then, with an error where the pool had no room or the job threw.
  virtual void run(std::move_only_function<void()> job, continuation then) = 0;
  virtual void passivate() = 0;
  virtual void fail(error why) = 0;
};

template <class T>
struct value_of {
  using type = T;
};

template <class T>
struct value_of<result<T>> {
  using type = T;
};

template <class T>
struct value_of<later<T>> {
  using type = T;
};

/// Calls f and puts what it returns (void, R, result<R> or later<R>) into the promise.
template <class R, class F>
void fulfil(promise<R> answer, F&& f) {
  using returned = std::invoke_result_t<F>;
  if constexpr (std::is_void_v<returned>) {
    f();
    answer.set({});
  } else if constexpr (is_a<returned, later>) {
    const auto inner = f().state();
    inner->on_ready(
        [outer = std::move(answer)](erased_answer x) mutable { outer.set(restore<R>(x)); });
  } else {
    answer.set(f());
  }
}

}  // namespace detail

class context {
 public:
  context(detail::activation& port, const sender& from) : port_(port), from_(from) {}

  context(const context&) = delete;
  context& operator=(const context&) = delete;

  const entity_name& self() const { return port_.self(); }

  /// Of this activation: rises with every new one; what a write to a shared table must carry.
  std::uint64_t epoch() const { return port_.epoch(); }

  /// Who sent the message being handled; nobody in timers, hooks and continuations.
  const sender& from() const { return from_; }

  /// In passivate(): another node goes on with the state as it is when this returns, or this one
  /// does, should the other not take it.
  bool is_leaving() const { return port_.is_leaving(); }

  steady_time now() const { return port_.time().now(); }

  wall_time wall() const { return port_.time().wall(); }

  /// One-way. It leaves after this handler's commit, or not at all when that fails. A message that
  /// cannot be delivered is counted, and dropped.
  template <message M>
  void send(entity_name to, M m) {
    port_.send(std::move(to), command_of(std::move(m)), longest_wait, {});
  }

  /// then(context&, result<M::answer>) runs on this entity. The entity goes on handling messages
  /// meanwhile.
  template <message M, class Then>
  void ask(entity_name to, M m, duration deadline, Then then) {
    port_.send(std::move(to), command_of(std::move(m)), deadline,
               [then = std::move(then)](context& ctx, erased_answer x) mutable {
                 then(ctx, detail::restore<typename M::answer>(x));
               });
  }

  /// Sends m to this entity when delay is over; its answer goes nowhere. An entity with a timer
  /// does not count as idle; but passivate(), a drain and a crash end its timers, so what must
  /// happen after them belongs into the state, and activate() sets the timer again.
  template <message M>
  timer after(duration delay, M m) {
    return port_.after(delay, command_of(std::move(m)));
  }

  void cancel(timer which) { port_.cancel(which); }

  /// job() -> result<X> runs on the worker pool and may block; it must not touch the behaviour.
  /// then(context&, result<X>) -> result<R>, later<R> or void runs on this entity, never after
  /// its activation ended, and may touch everything. What it returns is the answer. The job starts
  /// at once, not after the commit.
  /// Errors, given to then: unavailable (queue_full), internal (the job threw).
  template <class Job, class Then>
  auto run(Job job, Then then) {
    using from_job = std::invoke_result_t<Job>;
    using from_then = std::invoke_result_t<Then, context&, from_job>;
    using answer = typename detail::value_of<from_then>::type;
    promise<answer> promised;
    auto handed_out = promised.answer();
    auto slot = std::make_shared<std::optional<from_job>>();
    port_.run([slot, job = std::move(job)]() mutable { slot->emplace(job()); },
              [slot, then = std::move(then), promised = std::move(promised)](
                  context& ctx, erased_answer ran) mutable {
                detail::fulfil(std::move(promised), [&] {
                  return then(ctx, ran ? std::move(**slot) : from_job(troupe::fail(ran.error())));
                });
              });
    return handed_out;
  }

  /// An answer given by a later message, timer or continuation.
  template <class R>
  promise<R> defer() const {
    return {};
  }

  /// Ends this activation when what it has begun is done; the next message starts a new one.
  void passivate() { port_.passivate(); }

  /// Lets this activation crash: the caller is answered internal, the state is dropped, the next
  /// message starts again from what is stored. For what must not go on, not for refusals.
  void fail(error why) { port_.fail(std::move(why)); }

 private:
  /// For messages nobody waits for: long enough for a takeover, short enough to be bounded.
  static constexpr duration longest_wait = std::chrono::seconds(30);

  template <message M>
  static detail::command_ptr command_of(M m) {
    return std::make_shared<detail::typed_command<M>>(std::move(m));
  }

  detail::activation& port_;
  sender from_;
};

}  // namespace troupe::runtime
