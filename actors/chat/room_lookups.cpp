// SPDX-License-Identifier: GPL-3.0-or-later
// What a command needs from the store before it can be decided. The sender's gate is held
// meanwhile: their later commands wait behind it, everybody else's go on.
#include <algorithm>
#include <utility>

#include "actors/chat/room.hpp"
#include "actors/chat/room_records.hpp"
#include "actors/chat/text_rules.hpp"

namespace troupe::chat {
namespace {

// One room must not fill the node's pool, however many come at once.
constexpr std::size_t lookups_at_once = 8;
constexpr duration first_backoff = std::chrono::milliseconds(100);
constexpr duration longest_backoff = std::chrono::seconds(1);
constexpr std::size_t quoted_code_points = 100;  // docs/chat-protocol.md

bool is_store_away(const error& e) {
  return e.code == errc::unavailable || e.code == errc::deadline_exceeded;
}

}  // namespace

void room::in_order(context& ctx, user_id sender, task t) {
  if (const auto held = gates_.find(sender); held != gates_.end()) {
    held->second.waiting.push_back(std::move(t));
  } else {
    t(ctx);
  }
}

std::size_t room::behind_gate(user_id sender) const {
  const auto held = gates_.find(sender);
  return held != gates_.end() ? held->second.waiting.size() : 0;
}

void room::hold_gate(user_id sender) {
  ++gates_[sender].holds;
}

void room::open_gate(context& ctx, user_id sender) {
  const auto held = gates_.find(sender);
  if (held == gates_.end() || --held->second.holds > 0) {
    return;
  }
  // Those that waited go in their order; one that has to wait itself holds the gate again.
  auto waiting = std::move(held->second.waiting);
  gates_.erase(held);
  while (!waiting.empty() && !gates_.contains(sender)) {
    auto next = std::move(waiting.front());
    waiting.pop_front();
    next(ctx);
  }
  if (!waiting.empty()) {
    auto& later = gates_[sender].waiting;
    std::ranges::move(later, std::back_inserter(waiting));
    later = std::move(waiting);
  }
}

void room::with_member(context& ctx, user_id sender, user_id user, bool is_fresh,
                       std::optional<steady_time> deadline, member_then then) {
  if (!is_fresh) {
    if (auto* known = members_.find(user); known != nullptr) {
      then(ctx, known);
      return;
    }
  }
  hold_gate(sender);
  auto& found = lookups_[user];
  found.waiters.push_back({sender, deadline, std::move(then)});
  if (found.waiters.size() == 1) {
    to_look_up_.push_back(user);
  }
  start_lookups(ctx);
}

void room::start_lookups(context& ctx) {
  // While the store is away one question is enough to know that it is back.
  const auto at_once = lookup_backoff_ > duration::zero() ? 1 : lookups_at_once;
  while (!lookups_pause_ && !to_look_up_.empty() && lookups_running_ < at_once) {
    const auto user = to_look_up_.front();
    to_look_up_.pop_front();
    const auto wanted = lookups_.find(user);
    if (wanted == lookups_.end() || wanted->second.is_running) {
      continue;
    }
    wanted->second.is_running = true;
    ++lookups_running_;
    members_.pin(user);  // what is read now must not come in the place of a later change
    static_cast<void>(
        ctx.run([&store = d_.store, owner = data.owner, user] { return store.member(owner, user); },
                [this, user](context& now, result<storage::member_record> found) {
                  looked_up(now, user, std::move(found));
                }));
  }
}

void room::looked_up(context& ctx, user_id user, result<storage::member_record> found) {
  --lookups_running_;
  members_.unpin(user);
  auto wanted = lookups_.extract(user);
  auto waiters = std::move(wanted.mapped().waiters);
  if (!found && is_store_away(found.error())) {
    // Those who can wait ask again.
    std::vector<lookup_waiter> patient;
    for (auto& w : waiters) {
      if (w.deadline && ctx.now() < *w.deadline) {
        patient.push_back({w.sender, w.deadline, std::exchange(w.then, nullptr)});
      }
    }
    std::erase_if(waiters, [](const lookup_waiter& w) { return !w.then; });
    if (!patient.empty()) {
      lookups_[user].waiters = std::move(patient);
      to_look_up_.push_front(user);
      lookup_backoff_ = std::clamp(lookup_backoff_ * 2, first_backoff, longest_backoff);
      if (!lookups_pause_) {
        lookups_pause_ = true;
        ctx.after(lookup_backoff_, room_wakeup{room_wakeup::reason::lookups});
      }
    }
  } else {
    lookup_backoff_ = duration::zero();
  }
  if (found) {
    // Slow mode goes on where the last activation was.
    if (found->said_at && data.mode.slow_s > 0 && *found->said_at <= ctx.wall()) {
      pace_.remember(user, ctx.now() - (ctx.wall() - *found->said_at), ctx.now());
    }
    if (auto* known = members_.find(user); known != nullptr) {
      known->followed_at = found->followed_at;  // the rest is ours, and newer here
      known->username = std::move(found->username);
    } else {
      members_.put(std::move(*found));
    }
    if (!wanted.mapped().is_outdated) {
      members_.was_read(user, ctx.now());
    }
  }
  for (auto& w : waiters) {
    if (found) {
      // Looked for again: the one before may have read others.
      w.then(ctx, members_.find(user));
    } else if (is_store_away(found.error())) {
      w.then(ctx, away());
    } else {
      w.then(ctx, fail(found.error()));
    }
    open_gate(ctx, w.sender);
  }
  start_lookups(ctx);
}

void room::give_up_lookups(context& ctx) {
  std::vector<lookup_waiter> late;
  for (auto& [user, wanted] : lookups_) {
    for (auto& w : wanted.waiters) {
      if (w.deadline && ctx.now() >= *w.deadline) {
        late.push_back({w.sender, w.deadline, std::exchange(w.then, nullptr)});
      }
    }
    std::erase_if(wanted.waiters, [](const lookup_waiter& w) { return !w.then; });
  }
  std::erase_if(lookups_,
                [](const auto& l) { return l.second.waiters.empty() && !l.second.is_running; });
  for (auto& w : late) {
    d_.counters.withdrawn.add();
    w.then(ctx, away());
    open_gate(ctx, w.sender);
  }
}

void room::with_message(context& ctx, user_id sender, id message_id, message_then then) {
  if (const auto* known = find_in_ring(message_id); known != nullptr) {
    then(ctx, *known);
    return;
  }
  hold_gate(sender);
  static_cast<void>(
      ctx.run([&store = d_.store, owner = data.owner,
               message_id] { return store.find_message(owner, message_id); },
              [this, sender, number = removals_.begin_reading(), then = std::move(then)](
                  context& now, result<storage::room_event> found) mutable {
                if (found) {
                  auto e = to_event(*found);
                  e.user = found->user;  // also of one that is gone: its author may ask again
                  then(now, std::move(e));
                } else {
                  then(now, fail(std::move(found.error())));
                }
                removals_.end_reading(number);
                open_gate(now, sender);
              }));
}

std::optional<quote> room::quote_of(const result<event>& original) const {
  // Nothing to quote when it is gone, is about to be, or cannot be found now.
  if (!original || original->kind != event_kind::message ||
      removals_.has(original->message_id, original->user)) {
    return {};
  }
  return quote{original->message_id, original->user, original->username,
               cut_text(original->text, quoted_code_points)};
}

/// Read again before it decides; what is being read now may be from before.
void room::on(context&, const follow_changed& m) {
  members_.was_read(m.user, {});
  if (const auto reading = lookups_.find(m.user); reading != lookups_.end()) {
    reading->second.is_outdated = true;
  }
}

}  // namespace troupe::chat
