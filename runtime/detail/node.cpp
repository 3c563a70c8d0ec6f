// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/detail/node.hpp"

#include <algorithm>
#include <ranges>

#include "base/check.hpp"
#include "base/log.hpp"
#include "runtime/detail/router.hpp"

namespace troupe::runtime::detail {

namespace {

constexpr std::size_t most_shown = 1000;  // entities of one kind in a tree
/// With several nodes: senders are remembered for 10 minutes of silence, so that nothing is sent
/// again that is older.
constexpr duration longest_ask = std::chrono::minutes(5);

error stopping() {
  return make_error(errc::unavailable, "node_stopping", "this node is leaving");
}

}  // namespace

node::node(node_parts parts)
    : parts_(std::move(parts)),
      commits_(std::make_shared<committer>(parts_.log, parts_.time, parts_.figures)),
      undelivered_(parts_.figures.make_counter("troupe_entity_undelivered_total",
                                               "One-way messages that could not be delivered")) {
  edge_ = parts_.executor->make_strand({});
  services_strand_ = parts_.executor->make_strand({});
  const auto& o = parts_.options;
  for (const bool drains : {false, true}) {
    const auto state = drains ? member_state::draining : member_state::active;
    alone_[drains ? 1 : 0] = std::make_shared<const runtime::view>(
        runtime::view{1, {{o.node, o.incarnation, state, {}, {}}}});
  }
  if (parts_.cluster.way != nullptr) {
    TROUPE_CHECK(parts_.cluster.members != nullptr, "a node of a cluster knows its members");
    router_ = std::make_unique<router>(*this, parts_.cluster, parts_.log, parts_.figures);
  }
}

node::~node() {
  services_.clear();
  for_each_host([](entity_host& host) { host.on()->close(); });
  is_closed_ = true;
  for (auto& in : shards_) {
    std::unordered_map<entity_name, std::shared_ptr<entity_host>> ended;
    const std::lock_guard lock(in.mutex);  // from here on deliver() sees is_closed_
    ended.swap(in.hosts);
  }
  edge_->close();
  services_strand_->close();
  if (router_) {
    router_->close();
  }
  parts_.executor.reset();  // no actor runs after this
  abandon_all();
}

void node::add_kind(kind_entry entry) {
  const metrics::labels of_kind{{"kind", entry.kind}};
  auto& m = parts_.figures;
  kind_state k{
      std::move(entry),
      &m.make_counter("troupe_entity_activations_total", "Activations started", of_kind),
      &m.make_counter("troupe_entity_passivations_total", "Activations ended in order", of_kind),
      &m.make_counter("troupe_entity_restarts_total", "Activations that failed", of_kind),
      &m.make_counter("troupe_entity_refused_total",
                      "Commands refused: mailbox full, too many entities, backing off", of_kind),
      &m.make_counter("troupe_entity_moves_total", "Entities given to another node", of_kind),
      &m.make_gauge("troupe_entities_active", "Activations now", of_kind),
      &m.make_gauge("troupe_entity_messages_waiting", "Messages waiting for a handler", of_kind)};
  const auto name = k.entry.kind;
  TROUPE_CHECK(is_valid({name, "x"}), "a kind's name is not one");
  TROUPE_CHECK(kinds_.emplace(name, std::move(k)).second, "two behaviours have one kind");
}

std::shared_ptr<session_state> node::open_session(bool is_internal) {
  const session_id id{parts_.options.incarnation, ++sessions_};
  return std::make_shared<session_state>(id, is_internal);
}

void node::submit(const std::shared_ptr<session_state>& from, const entity_name& to,
                  const command_ptr& what, duration deadline, answer_callback done) {
  const auto due = time().now() + (router_ ? std::min(deadline, longest_ask) : deadline);
  const bool is_internal = from->is_internal();
  for (;;) {
    const auto via = from->lane_to(to);
    auto outcome = via->submit(what, due, std::move(done), [&](const command_ptr& c) {
      return deliver(via, c, to, is_internal);
    });
    if (outcome.how == lane::submitted::closed) {
      done = std::move(outcome.done);
      continue;  // it was idle and dropped at this moment: the session makes a new one
    }
    if (outcome.how == lane::submitted::refused) {
      refuse(std::move(outcome.done), std::move(outcome.why));
    } else if (outcome.must_arm) {
      arm(due, via);
    }
    return;
  }
}

result<void> node::deliver(const std::shared_ptr<lane>& via, const command_ptr& what,
                           const entity_name& to, bool is_internal) {
  if (is_draining_.load(std::memory_order_relaxed) && !is_internal) {
    return fail(stopping());
  }
  if (router_ && (via->is_routed || !has_host(to))) {
    const auto way = router_->route(via, what);
    if (!way) {
      return fail(way.error());
    }
    if (*way == router::way::taken) {
      return {};
    }
  }
  return deliver_here(what, to);
}

result<void> node::deliver_here(const command_ptr& what, const entity_name& to) {
  auto& in = shard_of(to);
  const std::lock_guard lock(in.mutex);
  if (is_closed_) {
    return fail(stopping());  // a last turn of an actor that is about to end
  }
  const auto host = host_of(in, to);
  if (!host) {
    return fail(host.error());
  }
  auto& h = **host;
  auto& kind = h.kind();
  if (h.waiting.load(std::memory_order_relaxed) >= kind.entry.options.mailbox_limit) {
    kind.refused->add();
    return fail(errc::unavailable, "mailbox_full", "too many messages wait for " + to_string(to));
  }
  h.waiting.fetch_add(1, std::memory_order_relaxed);
  kind.waiting->add(1);
  h.on()->deliver(what);
  return {};
}

result<std::shared_ptr<entity_host>> node::host_of(shard& in, const entity_name& name) {
  if (const auto at = in.hosts.find(name); at != in.hosts.end()) {
    return at->second;
  }
  if (!is_valid(name)) {
    return fail(errc::invalid_argument, "invalid_name", "not the name of an entity");
  }
  const auto kind = kinds_.find(name.kind);
  if (kind == kinds_.end()) {
    return fail(errc::not_found, "unknown_kind", "no behaviour is of kind " + name.kind);
  }
  auto& limit = kind->second.entry.options.activation_limit;
  if (kind->second.hosts->fetch_add(1) >= limit) {
    --*kind->second.hosts;
    kind->second.refused->add();
    return fail(errc::unavailable, "too_many_entities", "no room for another " + name.kind);
  }
  auto host = std::make_shared<entity_host>(*this, kind->second, name);
  host->run_on(
      parts_.executor->make_strand([host](command_ptr what) { host->arrive(std::move(what)); }));
  if (is_draining_.load(std::memory_order_relaxed)) {
    host->on()->post([host] { host->drain(); });
  }
  ++hosts_;
  in.hosts.emplace(name, host);
  return host;
}

bool node::retire(entity_host& host) {
  {
    auto& in = shard_of(host.self());
    const std::lock_guard lock(in.mutex);
    if (host.waiting.load(std::memory_order_relaxed) != 0) {
      return false;
    }
    const auto at = in.hosts.find(host.self());
    if (at == in.hosts.end() || at->second.get() != &host) {
      return false;
    }
    in.hosts.erase(at);
  }
  --*host.kind().hosts;
  if (--hosts_ == 0 && is_draining_.load()) {
    drained();
  }
  return true;
}

std::shared_ptr<const runtime::view> node::view() const {
  if (parts_.cluster.members != nullptr) {
    return parts_.cluster.members->view();
  }
  return alone_[is_draining_.load(std::memory_order_relaxed) ? 1 : 0];
}

node::shard& node::shard_of(const entity_name& name) {
  return shards_[std::hash<entity_name>{}(name) % shards_.size()];
}

void node::refuse(answer_callback done, error why) {
  if (!done) {
    undelivered_.add();
    return;
  }
  edge_->post(
      [done = std::move(done), why = std::move(why)]() mutable { done(fail(std::move(why))); });
}

void node::arm(steady_time deadline, const std::shared_ptr<lane>& which) {
  const std::lock_guard lock(deadlines_mutex_);
  deadlines_.push({deadline, which});
  if (deadlines_.size() >= sweep_at_) {
    // Sessions that come and go would otherwise leave one each until it is due.
    deadlines_.drop_dead();
    sweep_at_ = std::max<std::size_t>(1024, 2 * deadlines_.size());
  }
  if (!wakes_at_ || deadline < *wakes_at_) {
    wake_at(deadline);
  }
}

void node::deadline_queue::drop_dead() {
  std::erase_if(c, [](const armed_lane& a) { return a.which.expired(); });
  std::ranges::make_heap(c, comp);
}

/// With deadlines_mutex_ held. An earlier wake-up leaves the later one to find nothing due.
void node::wake_at(steady_time when) {
  wakes_at_ = when;
  edge_->post_after(std::max(when - time().now(), duration::zero()), [this] { expire(); });
}

void node::expire() {
  const auto now = time().now();
  std::vector<std::shared_ptr<lane>> due;
  {
    const std::lock_guard lock(deadlines_mutex_);
    while (!deadlines_.empty() && deadlines_.top().deadline <= now) {
      if (auto which = deadlines_.top().which.lock()) {
        due.push_back(std::move(which));
      }
      deadlines_.pop();
    }
    if (wakes_at_ && *wakes_at_ <= now) {
      wakes_at_.reset();
    }
  }
  for (const auto& which : due) {
    if (const auto next = which->expire(now)) {
      arm(*next, which);
    }
  }
  const std::lock_guard lock(deadlines_mutex_);
  if (!wakes_at_ && !deadlines_.empty()) {
    wake_at(deadlines_.top().deadline);
  }
}

void node::abandon_all() {
  std::vector<std::shared_ptr<lane>> left;
  {
    const std::lock_guard lock(deadlines_mutex_);
    for (; !deadlines_.empty(); deadlines_.pop()) {
      if (auto which = deadlines_.top().which.lock()) {
        left.push_back(std::move(which));
      }
    }
  }
  for (const auto& which : left) {
    which->abandon(stopping());
  }
}

std::optional<location> node::where(const entity_name& name) {
  auto& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  const auto at = in.hosts.find(name);
  if (at == in.hosts.end() || at->second->seen_phase() == phase::idle) {
    return std::nullopt;
  }
  const auto& host = *at->second;
  return location{parts_.options.node, host.seen_epoch(),
                  std::string(to_string(host.seen_phase()))};
}

node_status node::status() {
  std::map<std::string, kind_status> by_kind;
  for (const auto& [name, k] : kinds_) {
    by_kind[name] = {name, 0, 0, static_cast<std::uint64_t>(k.restarts->value())};
  }
  for_each_host([&](const entity_host& host) {
    auto& k = by_kind[host.self().kind];
    const auto p = host.seen_phase();
    k.active += p != phase::idle && p != phase::backing_off ? 1 : 0;
    k.waiting += host.waiting.load(std::memory_order_relaxed);
  });
  node_status s{parts_.options.node,
                parts_.options.incarnation,
                is_draining_.load() ? "draining" : "active",
                {}};
  for (auto& [name, k] : by_kind) {
    s.kinds.push_back(std::move(k));
  }
  return s;
}

tree_node node::tree() {
  std::map<std::string, tree_node> by_kind;
  for (const auto& [name, k] : kinds_) {
    by_kind[name] = {name, "kind", "running", static_cast<std::uint64_t>(k.restarts->value()),
                     0,    {}};
  }
  for_each_host([&](const entity_host& host) {
    auto& k = by_kind[host.self().kind];
    const auto waiting = host.waiting.load(std::memory_order_relaxed);
    k.mailbox += waiting;
    if (k.children.size() < most_shown) {
      k.children.push_back({to_string(host.self()),
                            "entity",
                            std::string(to_string(host.seen_phase())),
                            host.seen_restarts(),
                            waiting,
                            {}});
    }
  });
  tree_node root{
      parts_.options.node, "node", is_draining_.load() ? "draining" : "running", 0, 0, {}};
  {
    const std::lock_guard lock(services_mutex_);
    for (const auto& [name, s] : services_) {
      root.children.push_back(s->tree());
    }
  }
  for (auto& [name, k] : by_kind) {
    std::ranges::sort(k.children, {}, &tree_node::name);
    root.children.push_back(std::move(k));
  }
  return root;
}

result<void> node::supervise(supervisor_spec spec) {
  const std::lock_guard lock(services_mutex_);
  const auto same = [&](const auto& s) { return s.first == spec.name; };
  if (std::ranges::any_of(services_, same)) {
    return fail(errc::conflict, "a supervisor is called " + spec.name + " already");
  }
  supervisor::environment env{
      parts_.time,
      [this, s = services_strand_](duration delay, std::function<void()> f) {
        s->post_after(delay, [this, f = std::move(f)] {
          const std::lock_guard one_at_a_time(services_mutex_);
          f();
        });
      },
      parts_.options.seed != 0 ? parts_.options.seed : parts_.options.incarnation};
  const auto name = spec.name;
  auto made = std::make_unique<supervisor>(std::move(spec), std::move(env), [name](const error& e) {
    log::error("a supervisor gave up and stays down supervisor={} error={}", name, e.message);
  });
  if (auto started = made->start(); !started) {
    return started;
  }
  services_.emplace_back(name, std::move(made));
  return {};
}

void node::stop(duration deadline, callback<void> done) {
  {
    const std::lock_guard lock(stop_mutex_);
    if (is_draining_.exchange(true)) {
      refuse([done = std::move(done)](erased_answer a) mutable { done(fail(a.error())); },
             make_error(errc::conflict, "the node is stopping already"));
      return;
    }
    stopped_ = std::move(done);
  }
  edge_->post_after(deadline, [this] {
    const std::lock_guard lock(stop_mutex_);
    if (stopped_) {
      stop_services();
      std::exchange(stopped_, nullptr)(
          fail(errc::deadline_exceeded, std::to_string(hosts_.load()) + " entities did not end"));
    }
  });
  edge_->post([this] { drain_all(); });
}

void node::drain_all() {
  for_each_host([](entity_host& host) {
    host.on()->post([self = host.shared_from_this()] { self->drain(); });
  });
  if (hosts_.load() == 0) {
    drained();
  }
}

void node::drained() {
  edge_->post([this] {
    const std::lock_guard lock(stop_mutex_);
    if (stopped_ && hosts_.load() == 0) {
      stop_services();
      std::exchange(stopped_, nullptr)({});
    }
  });
}

void node::stop_services() {
  const std::lock_guard lock(services_mutex_);
  for (auto& [name, s] : std::views::reverse(services_)) {
    s->stop();
  }
}

}  // namespace troupe::runtime::detail
