// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/router.hpp"

#include <algorithm>
#include <utility>

#include "runtime/detail/node.hpp"
#include "runtime/detail/remote_reply.hpp"
#include "runtime/detail/wire.hpp"

namespace troupe::runtime::detail {

namespace {

constexpr std::size_t most_routes = 65'536;   // names whose owner is cached, 20 MB at worst
constexpr std::size_t most_waiting = 50'000;  // senders with something on its way to other nodes
constexpr duration tick_period = std::chrono::milliseconds(250);
constexpr duration ask_again = std::chrono::milliseconds(200);
/// Long enough for most handlers, short enough for a sender with a deadline of 5 s.
constexpr duration longest_silence = std::chrono::seconds(2);
constexpr int moves_in_haste = 4;  // from there on at the ticks only

error node_gone(const entity_name& name) {
  return make_error(errc::unavailable, "node_gone",
                    "the node that " + to_string(name) + " lived on is gone");
}

}  // namespace

router::router(node& n, const cluster_parts& parts, entity_log& log, metrics& m)
    : node_(n),
      link_(*parts.way),
      members_(*parts.members),
      log_(log),
      figures_{
          m.make_counter("troupe_router_sent_total", "Commands sent to entities elsewhere"),
          m.make_counter("troupe_router_sent_again_total",
                         "Commands sent to entities elsewhere once more"),
          m.make_counter("troupe_router_redirects_total", "Commands that found their entity moved"),
          m.make_counter("troupe_router_refused_total",
                         "Commands refused because too many wait for other nodes"),
          m.make_counter("troupe_router_ignored_total",
                         "Envelopes ignored: malformed, or for another start of this node"),
          m.make_gauge("troupe_router_waiting",
                       "Senders with commands on their way to other nodes")},
      strand_(n.strands().make_strand({})),
      drop_at_(most_routes),
      seen_view_(members_.view()->number) {}

router::~router() = default;

void router::close() {
  strand_->close();
}

result<router::way> router::route(const std::shared_ptr<lane>& via, const command_ptr& what) {
  const auto& name = via->to();
  std::unique_lock lock(mutex_);
  if (!targets_.contains(name) && node_.kind_of(name) == nullptr) {
    return way::here;  // where it is refused with the reason
  }
  auto& t = target_of(name);
  const auto owner = present_owner(name, t);
  if (owner && owner->node.empty()) {
    return fail(node_gone(name));
  }
  const auto found = t.senders.find(via->session());
  if (found == t.senders.end() || found->second.via != via) {
    const auto to = owner ? owner : proposal(name);
    if (to && is_self(*to)) {
      return way::here;
    }
    if (entries_ >= most_waiting) {
      figures_.refused.add();
      return fail(errc::unavailable, "too_many_waiting", "too much waits for other nodes");
    }
    entry_of(name, t, via).is_current = owner.has_value() && !t.is_reading;
  }
  if (!t.senders.at(via->session()).is_current || !owner) {
    post_pursue(name, t);
    return way::taken;
  }
  lock.unlock();
  if (const auto sent = send(*owner, *via, what, via->closed_since(what->number)); !sent) {
    if (sent.error().code == errc::too_large) {
      return fail(sent.error());
    }
    mark_stale(name, via->session());
  }
  return way::taken;
}

void router::learn(const entity_name& name, const entity_owner& owner) {
  const std::lock_guard lock(mutex_);
  auto& t = target_of(name);
  if (!t.owner || t.owner->epoch < owner.epoch) {
    adopt(name, t, owner);
  }
}

void router::redirect(const entity_name& name, const command_ptr& what, const entity_owner& owner,
                      bool may_be_applied) {
  if (!what->via->is_local()) {
    static_cast<const remote_reply&>(*what->via).moved(owner);
    return;
  }
  send_elsewhere(name, what, may_be_applied);
}

void router::send_elsewhere(const entity_name& name, const command_ptr& what, bool may_be_applied) {
  if (!what->via->is_local()) {
    return;  // its own node sends it to whoever owns the name next
  }
  if (may_be_applied && what->sent_under.load() == 0) {
    what->sent_under.store(1);
  }
  const auto via = std::static_pointer_cast<lane>(what->via);
  const std::lock_guard lock(mutex_);
  auto& t = target_of(name);
  entry_of(name, t, via).is_current = false;
  post_pursue(name, t);
}

router::target& router::target_of(const entity_name& name) {
  const auto at = targets_.find(name);
  if (at != targets_.end()) {
    return at->second;
  }
  if (targets_.size() >= drop_at_) {
    // What is known of the idle ones is asked again when it is needed.
    std::erase_if(targets_, [](const auto& x) { return x.second.senders.empty(); });
    drop_at_ = std::max(most_routes, 2 * targets_.size());
  }
  return targets_[name];
}

router::sender_entry& router::entry_of(const entity_name& name, target& t,
                                       const std::shared_ptr<lane>& via) {
  const auto [at, is_new] = t.senders.try_emplace(via->session(), sender_entry{via, false, 0, {}});
  if (is_new || at->second.via != via) {
    // A lane that was dropped while idle is followed by another of the same session.
    at->second.via = via;
    at->second.is_current = false;
    entries_ += is_new ? 1 : 0;
    figures_.waiting.set(static_cast<double>(entries_));
    if (t.senders.size() == 1) {
      t.heard_at = node_.time().now();
      busy_.insert(name);
    }
    arm();
  }
  via->is_routed = true;
  return at->second;
}

void router::make_stale(target& t) {
  for (auto& [session, e] : t.senders) {
    e.is_current = false;
  }
}

void router::mark_stale(const entity_name& name, const session_id& s) {
  const std::lock_guard lock(mutex_);
  const auto at = targets_.find(name);
  if (at == targets_.end()) {
    return;
  }
  if (const auto e = at->second.senders.find(s); e != at->second.senders.end()) {
    e->second.is_current = false;
  }
}

void router::adopt(const entity_name& name, target& t, const entity_owner& o) {
  // What went to this node before it was known to be the owner needs not go there again.
  const bool is_there = !t.owner && is_self(o);
  t.owner = o;
  t.is_asking = false;
  if (!is_there) {
    make_stale(t);
  }
  if (!t.senders.empty()) {
    post_pursue(name, t);
  }
}

void router::post_pursue(const entity_name& name, target& t) {
  if (t.is_posted || t.is_reading) {
    return;
  }
  t.is_posted = true;
  strand_->post([this, name] { pursue(name); });
}

void router::arm() {
  if (!is_armed_) {
    is_armed_ = true;
    strand_->post_after(tick_period, [this] { tick(); });
  }
}

void router::tick() {
  std::vector<entity_name> busy;
  {
    const std::lock_guard lock(mutex_);
    is_armed_ = false;
    busy.assign(busy_.begin(), busy_.end());
  }
  if (members_.view()->number != seen_view_) {
    view_changed();
  }
  const auto now = node_.time().now();
  for (const auto& name : busy) {
    for (const auto& via : lanes_to(name)) {
      drop_idle(name, via);
    }
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(name);
    if (at == targets_.end() || at->second.senders.empty()) {
      continue;
    }
    auto& t = at->second;
    if (now - t.heard_at >= longest_silence) {
      t.heard_at = now;
      make_stale(t);
    }
    if (std::ranges::any_of(t.senders, [](const auto& e) { return !e.second.is_current; })) {
      post_pursue(name, t);
    }
  }
  const std::lock_guard lock(mutex_);
  if (!busy_.empty()) {
    arm();
  }
}

void router::pursue(const entity_name& name) {
  std::unique_lock lock(mutex_);
  const auto at = targets_.find(name);
  if (at == targets_.end()) {
    return;
  }
  auto& t = at->second;
  t.is_posted = false;
  if (t.senders.empty() || t.is_reading) {
    return;
  }
  auto to = present_owner(name, t);
  if (to && to->node.empty()) {
    lock.unlock();
    abandon(name, node_gone(name));
    return;
  }
  if (t.owner != to) {
    t.owner = to;  // it lives no more, or has started anew
    make_stale(t);
  }
  const auto now = node_.time().now();
  if (!to) {
    to = proposal(name);
    if (!to) {
      return;  // nobody may own anything now: it waits
    }
    if (!is_self(*to)) {
      if (t.asked == to->node && now - t.asked_at < ask_again) {
        return;
      }
      t.asked = to->node;
      t.asked_at = now;
      t.is_asking = true;
      lock.unlock();
      ask(name, to->node, to->incarnation);
      return;
    }
  }
  lock.unlock();
  flush(name, *to);
}

void router::ask(const entity_name& name, const std::string& node, std::uint64_t incarnation) {
  reply(node, incarnation, wire::about(wire::locate, name));
}

void router::read_row(const entity_name& name) {
  log_.owner_of(name, [this, s = strand_, name](result<std::optional<entity_owner>> got) {
    s->post([this, name, got = std::move(got)] { row_is_read(name, got); });
  });
}

void router::row_is_read(const entity_name& name, const result<std::optional<entity_owner>>& got) {
  const std::lock_guard lock(mutex_);
  const auto at = targets_.find(name);
  if (at == targets_.end()) {
    return;
  }
  auto& t = at->second;
  t.is_reading = false;
  if (got) {
    t.owner = *got;
  }
  make_stale(t);
  if (t.moves <= moves_in_haste) {
    post_pursue(name, t);
  }
}

void router::flush(const entity_name& name, const entity_owner& to) {
  std::vector<std::shared_ptr<lane>> stale;
  {
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(name);
    if (at == targets_.end()) {
      return;
    }
    for (const auto& [session, e] : at->second.senders) {
      if (!e.is_current) {
        stale.push_back(e.via);
      }
    }
  }
  for (const auto& via : stale) {
    flush_one(via, to);
  }
}

/// Under the lane's lock. False when the owner is another one by now.
bool router::begin_flush(const lane& via, const entity_owner& to) {
  const std::lock_guard lock(mutex_);
  const auto at = targets_.find(via.to());
  if (at == targets_.end() || (at->second.owner && *at->second.owner != to)) {
    return false;
  }
  const auto e = at->second.senders.find(via.session());
  if (e == at->second.senders.end() || e->second.is_current) {
    return false;
  }
  e->second.is_current = true;
  return true;
}

void router::flush_one(const std::shared_ptr<lane>& via, const entity_owner& to) {
  std::vector<std::pair<std::uint64_t, error>> refused;
  bool has_begun = false;
  via->with_open(0, [&](const command_ptr& what, std::uint64_t closed_since) {
    if (!has_begun && !begin_flush(*via, to)) {
      return false;
    }
    has_begun = true;
    const auto sent =
        is_self(to) ? node_.deliver_here(what, via->to()) : send(to, *via, what, closed_since);
    if (sent) {
      return true;
    }
    if (is_self(to) ? what->sent_under.load() == 0 : sent.error().code == errc::too_large) {
      refused.emplace_back(what->number, sent.error());
      return true;
    }
    mark_stale(via->to(), via->session());
    return false;
  });
  for (auto& [number, why] : refused) {
    via->answer(number, fail(std::move(why)));
  }
}

void router::abandon(const entity_name& name, const error& why) {
  for (const auto& via : lanes_to(name)) {
    via->abandon(why);
    drop_idle(name, via);
  }
}

std::vector<std::shared_ptr<lane>> router::lanes_to(const entity_name& name) {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<lane>> found;
  if (const auto at = targets_.find(name); at != targets_.end()) {
    for (const auto& [session, e] : at->second.senders) {
      found.push_back(e.via);
    }
  }
  return found;
}

void router::drop_idle(const entity_name& name, const std::shared_ptr<lane>& via) {
  via->if_idle([&] {
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(name);
    if (at == targets_.end()) {
      return;
    }
    auto& senders = at->second.senders;
    const auto e = senders.find(via->session());
    if (e == senders.end() || e->second.via != via) {
      return;
    }
    senders.erase(e);
    via->is_routed = false;
    figures_.waiting.set(static_cast<double>(--entries_));
    if (senders.empty()) {
      at->second.moves = 0;
      busy_.erase(name);
    }
  });
}

result<void> router::send(const entity_owner& to, const lane& via, const command_ptr& what,
                          std::uint64_t closed_since) {
  const auto& type = what->type();
  const auto order = via.order_of(*what);
  wire::command_body body{closed_since, order.may_be_applied,
                          order.may_be_applied ? order.first_epoch : to.epoch,
                          type.encode(what->body())};
  if (body.message.size() > wire::largest_message) {
    return fail(errc::too_large, "message_too_large", "the message is too large to travel");
  }
  envelope e;
  e.kind = envelope_kind::command;
  e.target = to_string(via.to());
  e.type = type.name;
  e.version = type.version;
  e.session = via.session();
  e.number = what->number;
  e.floor = order.floor;
  e.epoch = to.epoch;
  e.from_incarnation = node_.options().incarnation;
  e.to_incarnation = to.incarnation;
  e.body = encode(body);
  // Before it leaves: its answer may be here at once.
  if (!order.may_be_applied) {
    what->sent_under.store(to.epoch + 1);
  }
  // All of a kind go the same way, and so in order.
  const auto* kind = node_.kind_of(via.to());
  const auto on = kind == nullptr ? link_stream::commands : kind->entry.options.way;
  if (!link_.send(to.node, on, std::move(e))) {
    if (!order.may_be_applied) {
      what->sent_under.store(0);
    }
    return fail(errc::unavailable, "not_sent", "the way to node " + to.node + " is closed");
  }
  (order.may_be_applied ? figures_.sent_again : figures_.sent).add();
  return {};
}

void router::reply(std::string_view to, std::uint64_t to_incarnation, envelope what) {
  what.from_incarnation = node_.options().incarnation;
  what.to_incarnation = to_incarnation;
  link_.send(to, link_stream::commands, std::move(what));
}

void router::peer_changed(std::string_view node, peer_state now) {
  if (now != peer_state::up) {
    return;
  }
  strand_->post([this, node = std::string(node)] {
    way_is_new(node);
    envelope e;
    e.type = wire::again;
    reply(node, 0, std::move(e));
  });
}

void router::way_is_new(std::string_view node) {
  const std::lock_guard lock(mutex_);
  for (const auto& name : busy_) {
    auto& t = targets_.at(name);
    const bool is_owner = t.owner && t.owner->node == node;
    if (is_owner || (!t.owner && t.asked == node)) {
      t.asked_at = {};
      make_stale(t);
      post_pursue(name, t);
    }
  }
}

void router::view_changed() {
  strand_->post([this] {
    seen_view_ = members_.view()->number;
    const std::lock_guard lock(mutex_);
    for (const auto& name : busy_) {
      post_pursue(name, targets_.at(name));
    }
  });
}

}  // namespace troupe::runtime::detail
