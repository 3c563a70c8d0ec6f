// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/entity_host.hpp"

#include <algorithm>
#include <ranges>

#include "base/log.hpp"
#include "runtime/detail/node.hpp"

namespace troupe::runtime::detail {

namespace {

/// Handlers in a row when many waited, so that one entity does not hold a thread.
constexpr int serve_at_once = 50;
constexpr duration right_check = std::chrono::milliseconds(20);

}  // namespace

entity_host::entity_host(node& n, kind_state& kind, entity_name name)
    : node_(n),
      kind_(kind),
      name_(std::move(name)),
      core_(name_, {.node = n.options().node,
                    .intensity = {},
                    .backoff = {std::chrono::seconds(1), std::chrono::seconds(60)},
                    .seed = n.options().seed != 0 ? n.options().seed : n.options().incarnation}),
      senders_(kind.entry.options.sender_limit) {}

bool entity_host::is_durable() const {
  return kind_.entry.kept == keep::snapshot;
}

erased_answer entity_host::crashed_on(const command& what) const {
  return troupe::fail(errc::internal, "crashed",
                      to_string(name_) + " failed on " + std::string(what.type().name));
}

void entity_host::arrive(command_ptr what) {
  if (core_.phase() == phase::active && queue_.empty() && node_.may_serve()) {
    handle({std::move(what)});
    return;
  }
  queue_.push_back({std::move(what)});
  if (core_.phase() == phase::active) {
    serve_waiting();
  } else {
    step(wanted{});
  }
}

void entity_host::step(const placement_event& event) {
  const auto actions = core_.step(event, time().now(), *node_.view());
  seen_phase_.store(core_.phase(), std::memory_order_relaxed);
  seen_epoch_.store(core_.epoch(), std::memory_order_relaxed);
  seen_restarts_.store(core_.restarts(), std::memory_order_relaxed);
  for (const auto& action : actions) {
    carry_out(action);
  }
}

void entity_host::carry_out(const placement_action& action) {
  struct visitor {
    entity_host& host;

    void operator()(const claim&) const { host.begin_claim(); }

    void operator()(const start&) const { host.begin_activation(); }

    void operator()(const serve&) const {
      host.last_used_ = host.time().now();
      host.watch_idleness(host.kind_.entry.options.idle);
      host.serve_waiting();
    }

    void operator()(const discard&) const { host.end_activation(); }

    void operator()(const refuse& a) const { host.refuse_waiting(a.why); }

    void operator()(const seal&) const { host.begin_passivation(); }

    void operator()(const release&) const { host.end_passivation(); }

    void operator()(const redirect&) const { host.redirect_waiting(); }

    void operator()(const prepare&) const { host.begin_leaving(); }
  };

  std::visit(visitor{*this}, action);
}

void entity_host::begin_activation() {
  answer_locates(entity_owner{node_.options().node, node_.options().incarnation, core_.epoch()});
  kind_.activations->add();
  kind_.active->add(1);
  wants_to_passivate_ = false;
  handled how;
  const bool survived = turn({}, [&](context& ctx) {
    behaviour_ = kind_.entry.make(name_);
    if (given_) {
      if (!load_given()) {
        return;
      }
    } else if (is_durable()) {
      if (!senders_.load(loaded_.answers)) {
        failed_ = make_error(errc::data_corrupt, "the stored answers do not parse");
        return;
      }
      senders_.complete_since(0);
      if (loaded_.committed) {
        if (auto ok = behaviour_->load(loaded_.kind_version, loaded_.state); !ok) {
          failed_ = ok.error();
          return;
        }
      }
    }
    if (!is_durable()) {
      senders_.complete_since(core_.epoch());
    }
    loaded_ = {};
    how = behaviour_->activate(ctx);
  });
  if (!survived) {
    lose(*failed_);
    return;
  }
  end_turn(false);
  if (how.pending) {
    // By way of the strand: the answer may come within another turn.
    how.pending->on_ready(in_this_activation(
        [](entity_host& self, const erased_answer& a) { self.activation_ended(a); }));
  } else {
    activation_ended(how.answer);
  }
}

void entity_host::activation_ended(const erased_answer& how) {
  if (how) {
    step(activated{});
  } else {
    lose(how.error());
  }
}

/// Without the right to own nothing is begun, stored or shown until it is back.
void entity_host::hold_on() {
  if (holds_on_) {
    return;
  }
  holds_on_ = true;
  strand_->post_after(right_check, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->holds_on_ = false;
      self->go_on();
    }
  });
}

void entity_host::go_on() {
  if (!node_.may_serve()) {
    hold_on();
    return;
  }
  flush(std::exchange(withheld_, {}));
  if (is_dirty_ && !is_committing_) {
    start_commit();
  }
  serve_waiting();
  passivated_if_done();
  passivate_if_wanted();
}

void entity_host::disown(const error& why) {
  const auto p = core_.phase();
  if (p == phase::activating || p == phase::active || p == phase::passivating ||
      p == phase::handing_over) {
    lose(why);
  }
}

void entity_host::serve_waiting() {
  if (core_.phase() == phase::active && !queue_.empty() && !node_.may_serve()) {
    hold_on();
    return;
  }
  for (int i = 0; i < serve_at_once && core_.phase() == phase::active && !queue_.empty(); ++i) {
    auto next = std::move(queue_.front());
    queue_.pop_front();
    handle(next);
  }
  if (core_.phase() == phase::active && !queue_.empty() && !serve_is_posted_) {
    serve_is_posted_ = true;
    strand_->post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->serve_is_posted_ = false;
        self->serve_waiting();
      }
    });
  }
  passivate_if_wanted();
}

void entity_host::refuse_waiting(const error& why) {
  answer_locates(troupe::fail(why));
  auto refused = std::move(queue_);
  queue_.clear();
  const bool is_for_others = node_.is_clustered() && why.reason == not_a_member;
  for (const auto& q : refused) {
    if (!q.what->via) {
      continue;
    }
    waiting.fetch_sub(1, std::memory_order_relaxed);
    kind_.waiting->add(-1);
    if (is_for_others) {
      node_.send_elsewhere(name_, q.what, q.may_be_stored);
      continue;
    }
    kind_.refused->add();
    if (q.may_be_stored) {
      q.what->via->answer(q.what->number,
                          troupe::fail(errc::deadline_exceeded, "outcome_unknown",
                                       "the store gave no answer; it may have been applied"));
    } else {
      q.what->via->answer(q.what->number, troupe::fail(why));
    }
  }
  retire_later();
}

void entity_host::begin_passivation() {
  const bool survived = turn({}, [&](context& ctx) { behaviour_->passivate(ctx); });
  if (!survived) {
    lose(*failed_);
    return;
  }
  // What passivate() changed is stored with the rest.
  end_turn(behaviour_->has_passivate());
  passivated_if_done();
}

void entity_host::passivated_if_done() {
  if (core_.phase() == phase::passivating && !is_committing_ && !is_dirty_ && withheld_.empty()) {
    step(passivated{});
  }
}

void entity_host::end_passivation() {
  kind_.passivations->add();
  end_activation();
  try_retire();
  if (!queue_.empty()) {
    step(wanted{});
  }
}

std::vector<std::pair<std::uint64_t, entity_host::queued>> entity_host::unanswered(
    bool stored_unknown) {
  std::vector<std::pair<std::uint64_t, queued>> found;
  const auto take = [&](outputs& from, bool unknown) {
    for (auto& o : from) {
      if (o.answers && o.answers->via) {
        found.push_back({o.order, {std::move(o.answers), unknown}});
      }
    }
    from.clear();
  };
  // A promise that died in a turn that failed belongs to what failed: it is not tried again.
  for (auto& o : turn_outputs_) {
    if (o.answers && !o.answer && o.answer.error().reason == promise_dropped) {
      o.answers->via->answer(o.answers->number, crashed_on(*o.answers));
      o.answers.reset();
    }
  }
  take(withheld_, true);
  take(held_for_commit_, stored_unknown);
  take(held_, false);
  take(turn_outputs_, false);
  for (auto& [order, what] : working_) {
    if (what->via) {
      found.push_back({order, {std::move(what), false}});
    }
  }
  working_.clear();
  std::ranges::sort(found, {}, &std::pair<std::uint64_t, queued>::first);
  return found;
}

/// Ends an activation that must not go on. With a snapshot, what it had not answered is handled
/// again by the next one: the stored senders say what was applied. Without, nobody knows.
void entity_host::lose(const error& why, bool stored_unknown) {
  end_leaving(troupe::fail(why));
  given_.reset();
  log::warn("an entity failed and is dropped entity={} epoch={} error={}", to_string(name_),
            core_.epoch(), why.message);
  kind_.restarts->add();
  auto left = unanswered(stored_unknown);
  if (is_durable()) {
    for (auto& [order, q] : std::ranges::reverse_view(left)) {
      waiting.fetch_add(1, std::memory_order_relaxed);
      kind_.waiting->add(1);
      queue_.push_front(std::move(q));
    }
  } else {
    for (auto& [order, q] : left) {
      q.what->via->answer(q.what->number,
                          troupe::fail(errc::unavailable, "activation_lost",
                                       to_string(name_) + " failed while working on this"));
    }
  }
  step(died{why});
  if (!queue_.empty()) {
    step(wanted{});
  } else {
    retire_later();
  }
}

void entity_host::end_activation() {
  if (leaving_ && leaving_->is_preparing) {
    end_leaving(troupe::fail(errc::conflict, "not_movable", to_string(name_) + " has ended"));
  }
  ++activation_;  // what is on its way for this one finds another
  kind_.active->add(-1);
  std::erase_if(queue_, [](const queued& q) { return !q.what->via; });
  timers_.clear();
  continuations_ = 0;
  is_dirty_ = false;
  is_committing_ = false;
  held_.clear();
  held_for_commit_.clear();
  withheld_.clear();
  turn_outputs_.clear();
  working_.clear();
  session_.reset();
  behaviour_.reset();
}

void entity_host::retire_later() {
  if (retire_is_posted_) {
    return;
  }
  retire_is_posted_ = true;
  const auto check = [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->retire_is_posted_ = false;
      self->try_retire();
    }
  };
  if (is_draining_ || core_.is_forgettable(time().now())) {
    strand_->post(check);
  } else {
    strand_->post_after(std::chrono::seconds(10), check);
  }
}

void entity_host::try_retire() {
  if (core_.phase() != phase::idle && core_.phase() != phase::backing_off) {
    return;
  }
  if (!queue_.empty()) {
    return;
  }
  if (!is_draining_ && !core_.is_forgettable(time().now())) {
    retire_later();
    return;
  }
  if (node_.retire(*this)) {
    strand_->close();
  }
}

void entity_host::drain() {
  is_draining_ = true;
  passivate_if_wanted();
  try_retire();
}

bool entity_host::is_quiet() const {
  return queue_.empty() && working_.empty() && continuations_ == 0 && !is_committing_ &&
         !is_dirty_ && withheld_.empty();
}

void entity_host::passivate_if_wanted() {
  if (core_.phase() == phase::handing_over) {
    offer_if_quiet();
    return;
  }
  if (core_.phase() == phase::active && (wants_to_passivate_ || is_draining_) && is_quiet()) {
    step(quiet{});
  }
}

void entity_host::watch_idleness(duration in) {
  if (in == duration::zero()) {
    return;
  }
  strand_->post_after(in, [weak = weak_from_this(), mine = activation_] {
    const auto self = weak.lock();
    if (!self || self->activation_ != mine || self->core_.phase() != phase::active) {
      return;
    }
    const auto limit = self->kind_.entry.options.idle;
    const auto unused = self->time().now() - self->last_used_;
    if (unused >= limit && self->timers_.empty() && self->is_quiet()) {
      self->step(quiet{});
    } else {
      self->watch_idleness(unused < limit ? limit - unused : limit);
    }
  });
}

}  // namespace troupe::runtime::detail
