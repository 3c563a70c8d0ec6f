// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/lane.hpp"

#include <algorithm>

namespace troupe::runtime {

session_id session::id() const {
  return state_->id();
}

}  // namespace troupe::runtime

namespace troupe::runtime::detail {

lane::outcome lane::submit(const command_ptr& what, steady_time deadline, answer_callback done,
                           const deliver& send) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return {submitted::closed, {}, std::move(done), false};
  }
  if (open_.size() >= most_in_flight) {
    return {submitted::refused,
            make_error(errc::unavailable, "too_many_in_flight",
                       "more than 64 commands wait for " + to_string(to_)),
            std::move(done), false};
  }
  what->via = shared_from_this();
  what->number = next_;
  // Open before it is delivered: its answer may come from another thread at once.
  open_.push_back({what, deadline, std::move(done)});
  ++next_;
  if (auto sent = send(what); !sent) {
    // It never left, so its number is free again.
    auto given_back = std::move(open_.back().done);
    open_.pop_back();
    --next_;
    return {submitted::refused, std::move(sent.error()), std::move(given_back), false};
  }
  const bool must_arm = !armed_ || deadline < *armed_;
  if (must_arm) {
    armed_ = deadline;
  }
  return {submitted::sent, {}, {}, must_arm};
}

void lane::answer(std::uint64_t number, erased_answer with) {
  answer_callback done;
  {
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find(open_, number, [](const auto& o) { return o.what->number; });
    if (at == open_.end()) {
      return;
    }
    done = std::move(at->done);
    open_.erase(at);
    move_floor();
  }
  if (done) {
    done(std::move(with));
  }
}

std::vector<command_ptr> lane::open_from(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  std::vector<command_ptr> found;
  for (const auto& o : open_) {
    if (o.what->number >= number) {
      found.push_back(o.what);
    }
  }
  return found;
}

claimed_order lane::order_of(const command& what) const {
  const auto sent = what.sent_under.load(std::memory_order_relaxed);
  return {{session_, what.number}, floor(), sent != 0, 0, sent == 0 ? 0 : sent - 1};
}

std::vector<command_ptr> lane::missing(std::uint64_t expected, std::uint64_t number) {
  auto found = open_from(expected);
  std::erase_if(found, [number](const command_ptr& c) { return c->number > number; });
  return found;
}

void lane::with_open(std::uint64_t number, const send_one& send) const {
  const std::lock_guard lock(mutex_);
  auto since = floor();
  for (const auto& o : open_) {
    if (o.what->number >= number && !send(o.what, since)) {
      return;
    }
    since = o.what->number + 1;
  }
}

std::uint64_t lane::closed_since(std::uint64_t number) const {
  auto since = floor();
  for (const auto& o : open_) {
    if (o.what->number < number) {
      since = o.what->number + 1;
    }
  }
  return since;
}

const message_type* lane::type_of(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto at = std::ranges::find(open_, number, [](const auto& o) { return o.what->number; });
  return at == open_.end() ? nullptr : &at->what->type();
}

void lane::if_idle(const std::function<void()>& then) const {
  const std::lock_guard lock(mutex_);
  if (open_.empty()) {
    then();
  }
}

std::optional<steady_time> lane::expire(steady_time now) {
  std::vector<answer_callback> due;
  std::optional<steady_time> next;
  {
    const std::lock_guard lock(mutex_);
    for (auto& o : open_) {
      if (o.deadline <= now) {
        due.push_back(std::move(o.done));
      } else {
        next = next ? std::min(*next, o.deadline) : o.deadline;
      }
    }
    std::erase_if(open_, [now](const auto& o) { return o.deadline <= now; });
    move_floor();
    armed_ = next;
  }
  for (auto& done : due) {
    if (done) {
      done(fail(errc::deadline_exceeded, "no answer in time from " + to_string(to_)));
    }
  }
  return next;
}

void lane::abandon(const error& why) {
  std::vector<open_command> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(open_);
    move_floor();
  }
  for (auto& o : left) {
    if (o.done) {
      o.done(fail(why));
    }
  }
}

void lane::abandon_unsent(const error& why) {
  std::vector<answer_callback> left;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [&](open_command& o) {
      const bool never_left = o.what->sent_under.load(std::memory_order_relaxed) == 0;
      if (never_left) {
        left.push_back(std::move(o.done));
      }
      return never_left;
    });
    move_floor();
  }
  for (auto& done : left) {
    if (done) {
      done(fail(why));
    }
  }
}

void lane::session_lost(std::uint64_t number, const error& why) {
  {
    const std::lock_guard lock(mutex_);
    const auto is_it = [number](const open_command& o) { return o.what->number == number; };
    if (std::ranges::none_of(open_, is_it)) {
      return;
    }
  }
  abandon(why);
}

std::optional<std::uint64_t> lane::close_if_idle() {
  const std::lock_guard lock(mutex_);
  if (!open_.empty()) {
    return std::nullopt;
  }
  closed_ = true;
  return next_;
}

void lane::move_floor() {
  floor_.store(open_.empty() ? next_ : open_.front().what->number, std::memory_order_release);
}

std::shared_ptr<lane> session_state::lane_to(const entity_name& to) {
  const std::lock_guard lock(mutex_);
  if (const auto at = lanes_.find(to); at != lanes_.end()) {
    return at->second;
  }
  if (lanes_.size() >= drop_at_) {
    drop_idle_lanes();
  }
  // Not make_shared: deadlines and records that still know a lane must not keep its memory.
  std::shared_ptr<lane> made = std::make_unique<lane>(id_, to, first_number_);
  lanes_.emplace(to, made);
  return made;
}

void session_state::drop_idle_lanes() {
  std::erase_if(lanes_, [this](const auto& entry) {
    const auto next = entry.second->close_if_idle();
    first_number_ = std::max(first_number_, next.value_or(0));
    return next.has_value();
  });
  // Many that are busy are not looked through again for each new one.
  drop_at_ = std::max(most_lanes, 2 * lanes_.size());
}

}  // namespace troupe::runtime::detail
