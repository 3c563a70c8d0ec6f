// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/hub.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "net/ws/fanout.hpp"

namespace troupe::ws {
namespace {

constexpr std::size_t parts_of_a_round = 10;
constexpr duration tick_period = std::chrono::milliseconds(100);  // a round takes a second
constexpr std::size_t changes_kept = 256;                         // of a room's dropped events
constexpr std::size_t parts_of_relays = 50;                       // five seconds
constexpr duration pending_after = std::chrono::seconds(1);       // docs/chat-protocol.md: pending

}  // namespace

hub_metrics::hub_metrics(metrics& m)
    : deliveries(m.make_counter("troupe_chat_deliveries_total",
                                "Room events handed to sockets, each for each socket")),
      writes(
          m.make_counter("troupe_chat_writes_total", "Writes that carried room events to sockets")),
      missed(m.make_counter("troupe_chat_missed_events_total",
                            "Room events a slow socket was told it missed")),
      dropped(m.make_counter("troupe_chat_dropped_broadcasts_total",
                             "Broadcasts dropped because an I/O thread did not keep up")),
      sockets(m.make_gauge("troupe_chat_sockets", "Chat sockets that had their welcome")) {}

hub::hub(std::unique_ptr<loop> l, const clock& c, hub_metrics& m, const hub_options& o, fanout& f,
         std::size_t index)
    : loop_(std::move(l)), clock_(c), counters_(m), options_(o), fanout_(f), index_(index) {}

void hub::post(std::move_only_function<void(hub&)> what) {
  loop_->post([self = shared_from_this(), what = std::move(what)]() mutable { what(*self); });
}

void hub::send_away() {
  // Sockets may leave meanwhile; those that come later are told by who lets them in.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (auto* const who = slots_[i].who) {
      who->on_leaving();
    }
  }
}

// Events

void hub::deliver(user_id id, events what) {
  {
    const std::lock_guard lock(mutex_);
    const bool is_known = !inbox_.empty() || !lost_.empty();
    // What comes after something lost is lost too: what the loop takes is in order.
    if (inbox_size_ + what->size() > options_.inbox_limit || lost_.contains(id)) {
      note_lost(lost_[id], *what);
    } else {
      inbox_size_ += what->size();
      inbox_.emplace_back(id, std::move(what));
    }
    if (is_known) {
      return;
    }
  }
  post([](hub& h) { h.take_inbox(); });
}

void hub::note_lost(losses& l, const std::vector<framed>& what) {
  counters_.dropped.add(static_cast<double>(what.size()));
  for (const auto& each : what) {
    if (each.seq != 0) {
      l.from = l.from == 0 ? each.seq : std::min(l.from, each.seq);
      l.to = std::max(l.to, each.seq);
      if (feed::is_change(each)) {
        l.changes.push_back(each);
      }
      if (l.changes.size() > changes_kept) {
        l.changes.pop_front();
      }
      continue;
    }
    if (each.for_user != 0) {
      continue;  // as good as said while nobody was here
    }
    std::erase_if(l.notices, [kind = kind_of(each.json())](const auto& older) {
      return kind_of(older.json()) == kind;
    });
    if (l.notices.size() >= notice_kinds) {
      l.notices.erase(l.notices.begin());
    }
    l.notices.push_back(each);
  }
}

void hub::take_inbox() {
  std::vector<std::pair<user_id, events>> all;
  std::unordered_map<user_id, losses> lost;
  {
    const std::lock_guard lock(mutex_);
    all.swap(inbox_);
    inbox_size_ = 0;
    lost.swap(lost_);
  }
  for (const auto& [id, what] : all) {
    auto* r = find_room(id);
    if (r == nullptr) {
      continue;  // the last socket has just left
    }
    for (const auto& each : *what) {
      r->events.push(each);
    }
    schedule(id, *r);
  }
  for (const auto& [id, what] : lost) {
    auto* r = find_room(id);
    if (r == nullptr) {
      continue;
    }
    if (what.from != 0) {
      r->events.lose(what.from, what.to);
    }
    std::ranges::for_each(what.changes, [r](const auto& each) { r->events.apply(each); });
    for (const auto& each : what.notices) {
      r->events.push(each);
    }
    schedule(id, *r);
  }
}

hub::room* hub::find_room(user_id id) const {
  const auto at = rooms_.find(id);
  return at == rooms_.end() ? nullptr : at->second.get();
}

/// After a pause at once: an event of a quiet room is not late. Under load the next pass waits, and
/// takes more with it.
void hub::schedule(user_id id, room& r) {
  if (r.is_scheduled || r.events.is_passing() || r.events.members() == 0) {
    return;
  }
  r.is_scheduled = true;
  const auto wait = r.last_pass + options_.pass_interval - clock_.now();
  if (r.last_pass == steady_time{} || wait <= duration::zero()) {
    post([id](hub& h) { h.pass(id); });
    return;
  }
  r.timer = loop_->after(wait, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) {
      self->pass(id);
    }
  });
}

void hub::pass(user_id id) {
  auto* r = find_room(id);
  if (r == nullptr) {
    return;
  }
  r->is_scheduled = false;
  if (!r->events.is_passing()) {
    r->last_pass = clock_.now();
  }
  if (r->events.pass(options_.slice)) {
    post([id](hub& h) { h.pass(id); });
    return;
  }
  report(*r);
  if (r->events.has_news()) {
    schedule(id, *r);
  }
  drop_if_empty(id);
}

void hub::report(room& r) {
  const auto now = r.events.counts();
  const auto& before = r.reported;
  counters_.deliveries.add(static_cast<double>(now.events - before.events));
  counters_.writes.add(static_cast<double>(now.writes - before.writes));
  counters_.missed.add(static_cast<double>(now.missed - before.missed));
  r.reported = now;
}

// Rooms and sockets

std::uint64_t hub::hold(user_id id) {
  auto& r = rooms_[id];
  if (!r) {
    r = std::make_unique<room>(options_.feeds);
  }
  // Before anybody asks to join: what comes after that answer comes here.
  fanout_.count(id, index_, 1);
  ++r->holds;
  r->events.keep_everything(true);
  return r->events.notices_so_far();
}

void hub::release(user_id id) {
  auto* r = find_room(id);
  TROUPE_CHECK(r != nullptr && r->holds > 0, "what is released was held");
  fanout_.count(id, index_, -1);
  --r->holds;
  r->events.keep_everything(r->holds != 0);
  drop_if_empty(id);
}

hub::ticket hub::enter(user_id id, member& m, const feed::arrival& how) {
  auto* r = find_room(id);
  TROUPE_CHECK(r != nullptr && r->holds > 0, "who enters was expected");
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  m.slot_ = free_slots_.back();
  free_slots_.pop_back();
  slots_[m.slot_].who = &m;
  ++live_;
  counters_.sockets.add(1);
  fanout_.count(id, index_, 1);
  r->events.add(m, how);
  keep_ticking();
  return {m.slot_, slots_[m.slot_].generation};
}

void hub::leave(user_id id, member& m) {
  auto& s = slots_[m.slot_];
  TROUPE_CHECK(s.who == &m, "who leaves has entered");
  s.who = nullptr;
  ++s.generation;
  free_slots_.push_back(m.slot_);
  --live_;
  counters_.sockets.add(-1);
  fanout_.count(id, index_, -1);
  find_room(id)->events.remove(m);
  drop_if_empty(id);
}

void hub::drop_if_empty(user_id id) {
  const auto at = rooms_.find(id);
  if (at == rooms_.end()) {
    return;
  }
  auto& r = *at->second;
  if (r.holds == 0 && r.events.members() == 0 && !r.events.is_passing()) {
    report(r);
    rooms_.erase(at);
  }
}

member* hub::find(ticket t) const {
  return t.slot < slots_.size() && slots_[t.slot].generation == t.generation ? slots_[t.slot].who
                                                                             : nullptr;
}

void hub::serve(user_id id, member& m) {
  if (auto* r = find_room(id)) {
    r->events.serve(m);
  }
}

void hub::set_user(user_id id, member& m, user_id user, bool moderates, std::int64_t since) {
  if (auto* r = find_room(id)) {
    r->events.set_user(m, user, moderates, since);
  }
}

std::int64_t hub::head(user_id id) const {
  const auto* r = find_room(id);
  return r == nullptr ? 0 : r->events.head();
}

// Time

void hub::watch(ticket t, std::uint32_t number) {
  overdue_.push_back({clock_.now() + pending_after, t, number});
}

/// Only while there is somebody: an idle node does not wake up.
void hub::keep_ticking() {
  if (ticker_ || live_ == 0) {
    return;
  }
  ticker_ = loop_->after(tick_period, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->ticker_.reset();
      self->tick();
      self->keep_ticking();
    }
  });
}

void hub::tick() {
  const auto now = clock_.now();
  tell_overdue(now);
  const auto from = slots_.size() * tick_at_ / parts_of_a_round;
  const auto to = slots_.size() * (tick_at_ + 1) / parts_of_a_round;
  for (auto i = from; i < to; ++i) {
    if (slots_[i].who != nullptr) {
      slots_[i].who->on_tick(now);
    }
  }
  tick_at_ = (tick_at_ + 1) % parts_of_a_round;
  tell_relays();
}

/// A room that comes twice or not at all because the table grows meanwhile has its next turn.
void hub::tell_relays() {
  if (!options_.on_listening) {
    return;
  }
  const auto from = rooms_.bucket_count() * relays_at_ / parts_of_relays;
  const auto to = rooms_.bucket_count() * (relays_at_ + 1) / parts_of_relays;
  for (auto i = from; i < to; ++i) {
    for (auto each = rooms_.begin(i); each != rooms_.end(i); ++each) {
      if (each->second->events.members() > 0) {
        options_.on_listening(each->first, each->second->events.heard());
      }
    }
  }
  relays_at_ = (relays_at_ + 1) % parts_of_relays;
}

void hub::tell_overdue(steady_time now) {
  while (!overdue_.empty() && overdue_.front().due <= now) {
    const auto which = overdue_.front();
    overdue_.pop_front();
    if (auto* m = find(which.who)) {
      m->on_overdue(which.number);
    }
  }
}

}  // namespace troupe::ws
