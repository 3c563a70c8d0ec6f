// SPDX-License-Identifier: GPL-3.0-or-later
// The half of entity_host that runs handlers: a turn is one call into the behaviour; what it gave
// leaves when what it changed is stored.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "runtime/detail/entity_host.hpp"
#include "runtime/detail/node.hpp"

namespace troupe::runtime::detail {

namespace {

constexpr duration longest_commit = std::chrono::seconds(10);  // as longest_claim

/// Answers for a job: with `unavailable` where it is destroyed without having run.
class sure_answer {
 public:
  explicit sure_answer(answer_callback to) : to_(std::move(to)) {}

  sure_answer(const sure_answer&) = delete;
  sure_answer& operator=(const sure_answer&) = delete;

  ~sure_answer() {
    if (to_) {
      give(troupe::fail(errc::unavailable, "queue_full", "the worker pool has no room"));
    }
  }

  void give(erased_answer a) { std::exchange(to_, nullptr)(std::move(a)); }

 private:
  answer_callback to_;
};

}  // namespace

const clock& entity_host::time() const {
  return node_.time();
}

void entity_host::handle(const queued& q) {
  const auto& what = q.what;
  sender from;
  if (what->via) {
    waiting.fetch_sub(1, std::memory_order_relaxed);
    kind_.waiting->add(-1);
    if (!admit(what)) {
      return;
    }
    from = {what->via->session(), what->number};
  }
  last_used_ = time().now();
  const auto order = ++orders_;
  handled how;
  if (!turn(from, [&](context& ctx) { how = behaviour_->handle(ctx, *what); })) {
    if (what->via) {
      what->via->answer(what->number, crashed_on(*what));
    }
    lose(*failed_);
    return;
  }
  if (!how.known) {
    finish(
        what, order,
        troupe::fail(errc::unsupported, "unknown_message",
                     to_string(name_) + " does not understand " + std::string(what->type().name)));
  } else if (how.pending) {
    working_.emplace(order, what);
    how.pending->on_ready([weak = weak_from_this(), mine = activation_, order](erased_answer a) {
      const auto self = weak.lock();
      if (self && self->activation_ == mine) {
        self->finish_later(order, std::move(a));
      }
    });
  } else {
    finish(what, order, std::move(how.answer));
  }
  end_turn(how.known && !how.only_read);
}

bool entity_host::admit(const command_ptr& what) {
  return admit_as(what, what->via->order_of(*what));
}

bool entity_host::admit_as(const command_ptr& what, const claimed_order& order) {
  const auto& via = *what->via;
  auto admission = senders_.admit(order, what->type(), time().wall());
  switch (admission.verdict) {
    case verdict::apply:
      if (via.is_local()) {
        senders_.note_local(via.session(), what->via);
      }
      return true;
    case verdict::repeated:
      repeat(what, std::move(admission));
      return false;
    case verdict::expected:
      return fetch_missing(what, order, admission.expected);
    case verdict::session_lost:
      // The whole lane: what it has on its way cannot be told from what was applied before. Its
      // next command is the first of a sender that nothing is known of, and is believed.
      what->via->session_lost(what->number,
                              make_error(errc::conflict, "session_lost",
                                         to_string(name_) + " no longer knows this sender"));
      return false;
    case verdict::closed:
      return false;
  }
  return false;
}

/// What is missing was sent before this one: it comes again, in order, up to this one. True when
/// nothing of it is wanted any more, and this one is applied.
bool entity_host::fetch_missing(const command_ptr& what, claimed_order order,
                                std::uint64_t expected) {
  auto wanted = what->via->missing(expected, what->number);
  if (wanted.size() == 1 && wanted.front() == what && order.closed_since != expected) {
    order.closed_since = expected;
    return admit_as(what, order);
  }
  for (auto& again : wanted) {
    waiting.fetch_add(1, std::memory_order_relaxed);
    kind_.waiting->add(1);
    queue_.push_back({std::move(again)});
  }
  serve_waiting();
  return false;
}

void entity_host::repeat(const command_ptr& what, sender_table::admission admission) {
  const bool is_being_worked_on = std::ranges::any_of(working_, [&](const auto& w) {
    return w.second->via && w.second->number == what->number &&
           w.second->via->session() == what->via->session();
  });
  if (is_being_worked_on) {
    return;  // its answer goes to the same lane
  }
  if (!admission.answer) {
    admission.answer = troupe::fail(errc::deadline_exceeded, "answer_lost",
                                    "it was applied, but its answer is not known any more");
  }
  // The first answer may itself wait for its commit.
  turn_outputs_.push_back(answer_to(what, ++orders_, *admission.answer));
  end_turn(false);
}

void entity_host::finish(const command_ptr& what, std::uint64_t order, erased_answer answer) {
  if (!what->via) {
    return;
  }
  senders_.record({what->via->session(), what->number}, what->type(), answer);
  turn_outputs_.push_back(answer_to(what, order, std::move(answer)));
}

void entity_host::finish_later(std::uint64_t order, erased_answer answer) {
  const auto found = working_.find(order);
  if (found == working_.end()) {
    return;
  }
  const auto what = std::move(found->second);
  working_.erase(found);
  finish(what, order, std::move(answer));
  if (!in_turn_) {
    end_turn(true);  // a promise that died between two turns
  }
}

void entity_host::end_turn(bool changed) {
  if (!is_durable()) {
    flush(std::exchange(turn_outputs_, {}));
    passivate_if_wanted();
    return;
  }
  is_dirty_ = is_dirty_ || changed;
  if (is_dirty_ || is_committing_) {
    auto& behind = is_dirty_ ? held_ : held_for_commit_;
    std::ranges::move(turn_outputs_, std::back_inserter(behind));
    turn_outputs_.clear();
    if (!is_committing_) {
      start_commit();
    }
  } else {
    flush(std::exchange(turn_outputs_, {}));
  }
  passivate_if_wanted();
}

void entity_host::flush(outputs what) {
  if (!what.empty() && (!withheld_.empty() || !node_.may_serve())) {
    std::ranges::move(what, std::back_inserter(withheld_));
    hold_on();
    return;
  }
  for (auto& o : what) {
    if (o.answers) {
      o.answers->via->answer(o.answers->number, std::move(o.answer));
      continue;
    }
    if (!session_) {
      session_ = node_.open_session(true);
    }
    answer_callback done;
    if (o.then) {
      done = in_this_activation(
          [then = std::move(o.then)](entity_host& self, erased_answer a) mutable {
            self.resume(std::move(then), std::move(a));
          });
    }
    node_.submit(session_, o.to, o.message, o.deadline, std::move(done));
  }
}

void entity_host::start_commit() {
  if (!node_.may_serve()) {
    hold_on();  // what waits for the commit goes on waiting
    return;
  }
  commit_entry entry{name_, core_.epoch(), kind_.entry.version, behaviour_->save(), {}};
  if (entry.state.size() > largest_state) {
    // It would be too large again: answered, not repeated.
    const auto why =
        make_error(errc::too_large, "state_too_large", to_string(name_) + " grew beyond 64 KiB");
    for (auto& o : std::exchange(held_, {})) {
      if (o.answers) {
        o.answers->via->answer(o.answers->number, troupe::fail(why));
      }
    }
    lose(why);
    return;
  }
  entry.answers = senders_.save(time().wall());
  is_dirty_ = false;
  is_committing_ = true;
  held_for_commit_ = std::exchange(held_, {});
  commit_began_ = time().now();
  if (!commit_is_watched_) {
    watch_commit(longest_commit);
  }
  node_.commits().submit(std::move(entry), [weak = weak_from_this(), s = strand_,
                                            mine = activation_](result<commit_outcome> outcome) {
    s->post([weak, mine, outcome = std::move(outcome)] {
      const auto self = weak.lock();
      if (self && self->activation_ == mine) {
        self->commit_answered(outcome);
      }
    });
  });
}

void entity_host::watch_commit(duration in) {
  commit_is_watched_ = true;
  strand_->post_after(in, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) {
      return;
    }
    self->commit_is_watched_ = false;
    if (!self->is_committing_) {
      return;
    }
    const auto silent = self->time().now() - self->commit_began_;
    if (silent >= longest_commit) {
      self->commit_answered(troupe::fail(errc::deadline_exceeded, "the store is silent"));
    } else {
      self->watch_commit(longest_commit - silent);
    }
  });
}

void entity_host::commit_answered(const result<commit_outcome>& outcome) {
  if (!outcome) {
    lose(outcome.error().with("storing"), true);
    return;
  }
  if (*outcome == commit_outcome::fenced) {
    lose(make_error(errc::conflict, "fenced", "a newer epoch owns the name"));
    return;
  }
  is_committing_ = false;
  flush(std::exchange(held_for_commit_, {}));
  if (is_dirty_) {
    start_commit();
  } else if (core_.phase() == phase::passivating) {
    passivated_if_done();
  } else {
    passivate_if_wanted();
  }
}

answer_callback entity_host::in_this_activation(
    std::move_only_function<void(entity_host&, erased_answer)> f) {
  return [weak = weak_from_this(), s = strand_, mine = activation_,
          f = std::move(f)](erased_answer a) mutable {
    s->post([weak, mine, f = std::move(f), a = std::move(a)]() mutable {
      const auto self = weak.lock();
      if (self && self->activation_ == mine) {
        f(*self, std::move(a));
      }
    });
  };
}

void entity_host::resume(continuation then, erased_answer with) {
  --continuations_;
  last_used_ = time().now();
  if (turn({}, [&](context& ctx) { then(ctx, std::move(with)); })) {
    end_turn(true);
  } else {
    lose(*failed_);
  }
}

void entity_host::send(entity_name to, command_ptr what, duration deadline, continuation then) {
  if (then) {
    ++continuations_;
  }
  output o;
  o.message = std::move(what);
  o.to = std::move(to);
  o.deadline = deadline;
  o.then = std::move(then);
  turn_outputs_.push_back(std::move(o));
}

timer entity_host::after(duration delay, command_ptr what) {
  const auto id = ++timer_ids_;
  timers_.insert(id);
  strand_->post_after(delay, [weak = weak_from_this(), mine = activation_, id, what] {
    const auto self = weak.lock();
    if (!self || self->activation_ != mine || self->timers_.erase(id) == 0) {
      return;
    }
    if (self->core_.phase() == phase::active && self->queue_.empty() && self->node_.may_serve()) {
      self->handle({what});
    } else if (self->core_.phase() == phase::active || self->core_.phase() == phase::activating ||
               self->core_.phase() == phase::handing_over) {
      self->queue_.push_back({what});
      if (!self->node_.may_serve()) {
        self->hold_on();
      }
    }
  });
  return timer{id};
}

void entity_host::cancel(timer which) {
  timers_.erase(static_cast<std::uint64_t>(which));
}

void entity_host::run(std::move_only_function<void()> job, continuation then) {
  ++continuations_;
  auto back = std::make_shared<sure_answer>(
      in_this_activation([then = std::move(then)](entity_host& self, erased_answer a) mutable {
        self.resume(std::move(then), std::move(a));
      }));
  worker_pool::job whole = [job = std::move(job), back]() mutable {
    erased_answer how;
    try {
      job();
    } catch (const std::exception& e) {
      how = troupe::fail(errc::internal, std::string("a job threw: ") + e.what());
    } catch (...) {
      how = troupe::fail(errc::internal, "a job threw");
    }
    job = nullptr;  // what it held is gone before its continuation runs
    back->give(std::move(how));
  };
  const auto& own = kind_.entry.options.run_job;
  // Whether it has room or not, now or later: a job that is not run is destroyed.
  static_cast<void>(own ? own(std::move(whole)) : node_.run_job(std::move(whole)));
}

}  // namespace troupe::runtime::detail
