// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/cluster/member.hpp"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/log.hpp"
#include "runtime/archive.hpp"
#include "runtime/detail/executor.hpp"

namespace troupe::runtime {

namespace {

namespace action = membership_action;
namespace event = membership_event;

/// Of peers, not yet looked at; beyond it they are as good as lost on the way.
constexpr std::size_t most_waiting = 10'000;

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

struct cluster_member::impl : std::enable_shared_from_this<impl> {
  struct gauges {
    explicit gauges(metrics& m)
        : views(m.make_counter("troupe_cluster_view_changes_total",
                               "Views of the cluster that this node has taken")),
          suspicions(m.make_counter("troupe_cluster_suspicions_total",
                                    "Nodes that this node came to suspect")),
          votes(m.make_counter("troupe_cluster_votes_total",
                               "Votes that a node is dead, cast or renewed")),
          verdicts(m.make_counter("troupe_cluster_verdicts_total",
                                  "Deaths of nodes that this node has declared")),
          rights_lost(m.make_counter("troupe_cluster_rights_lost_total",
                                     "Times this node had to stop serving what it owns")),
          deaths(m.make_counter("troupe_cluster_deaths_total",
                                "Times this node was declared dead and joined again")),
          store_failures(m.make_counter("troupe_cluster_store_failures_total",
                                        "Calls about membership that the store did not answer")),
          dropped(m.make_counter("troupe_cluster_messages_dropped_total",
                                 "Messages of peers dropped: damaged, or too many waited")),
          view(m.make_gauge("troupe_cluster_view", "Number of the present view")),
          may_serve(m.make_gauge("troupe_cluster_may_serve",
                                 "1 while this node may serve what it owns")) {}

    metrics::counter& views;
    metrics::counter& suspicions;
    metrics::counter& votes;
    metrics::counter& verdicts;
    metrics::counter& rights_lost;
    metrics::counter& deaths;
    metrics::counter& store_failures;
    metrics::counter& dropped;
    metrics::gauge& view;
    metrics::gauge& may_serve;
  };

  impl(membership_config c, const clock& t, metrics& m, detail::executor& threads,
       membership_store& s, link* n)
      : node(c.node),
        ping_every(c.ping_every),
        time(t),
        store(s),
        network(n),
        figures(m),
        strand(threads.make_strand([](const detail::command_ptr&) {})),
        core(std::move(c)) {}

  /// From any thread.
  void post(event::any what);
  /// On the strand.
  void handle(const event::any& what);
  void tick();
  void carry_out(action::any& what);
  void ask(action::ask_store& what);
  void tell(const action::tell& what);
  void log_note(const action::note& what) const;
  void count(const membership::figures& now);
  callback<node_table> answer_to(std::uint64_t call);

  const std::string node;
  const duration ping_every;
  const clock& time;
  membership_store& store;
  link* const network;
  gauges figures;
  const detail::strand_ptr strand;
  std::vector<subscriber> subscribers;

  std::atomic<bool> is_stopped = false;
  std::atomic<std::size_t> waiting = 0;
  std::atomic<steady_time::rep> serves_until = steady_time::min().time_since_epoch().count();

  mutable std::mutex mutex;
  membership core;                                  // guarded
  std::shared_ptr<const runtime::view> published =  // guarded
      std::make_shared<const runtime::view>();
  membership::figures counted;  // of the strand
};

void cluster_member::impl::post(event::any what) {
  if (is_stopped) {
    return;
  }
  strand->post([weak = weak_from_this(), what = std::move(what)] {
    if (const auto self = weak.lock()) {
      self->handle(what);
    }
  });
}

void cluster_member::impl::handle(const event::any& what) {
  membership::actions actions;
  membership::figures now_counted;
  {
    const std::lock_guard lock(mutex);
    if (is_stopped) {
      return;
    }
    const auto now = time.now();
    actions = core.step(what, now);
    serves_until = core.serves_until().time_since_epoch().count();
    now_counted = core.counted();
    if (core.view().number != published->number || core.view().members != published->members) {
      published = std::make_shared<const runtime::view>(core.view());
    }
    figures.view.set(static_cast<double>(core.view().number));
    figures.may_serve.set(core.may_serve(now) ? 1 : 0);
  }
  count(now_counted);
  for (auto& a : actions) {
    carry_out(a);
  }
}

void cluster_member::impl::tick() {
  handle(event::tick{});
  strand->post_after(ping_every, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->is_stopped) {
      self->tick();
    }
  });
}

void cluster_member::impl::carry_out(action::any& what) {
  const auto tell_all = [this](const auto& f) {
    for (const auto& s : subscribers) {
      f(s);
    }
  };
  std::visit(overloaded{[&](action::ask_store& a) { ask(a); }, [&](action::tell& a) { tell(a); },
                        [&](action::connect_to& a) {
                          if (network != nullptr) {
                            network->set_peers(std::move(a.peers));
                          }
                        },
                        [&](action::view_changed&) {
                          const std::shared_ptr<const runtime::view> now = [this] {
                            const std::lock_guard lock(mutex);
                            return published;
                          }();
                          tell_all([&](const subscriber& s) {
                            if (s.view_changed) {
                              s.view_changed(now);
                            }
                          });
                        },
                        [&](action::joined& a) {
                          tell_all([&](const subscriber& s) {
                            if (s.joined) {
                              s.joined(a.incarnation);
                            }
                          });
                        },
                        [&](action::right_changed& a) {
                          tell_all([&](const subscriber& s) {
                            if (s.right_changed) {
                              s.right_changed(a.may_serve, a.why);
                            }
                          });
                        },
                        [&](action::died& a) {
                          tell_all([&](const subscriber& s) {
                            if (s.died) {
                              s.died(a.why);
                            }
                          });
                        },
                        [&](action::has_left&) {
                          tell_all([](const subscriber& s) {
                            if (s.left) {
                              s.left();
                            }
                          });
                        },
                        [&](action::note& a) { log_note(a); }},
             what);
}

callback<node_table> cluster_member::impl::answer_to(std::uint64_t call) {
  return [weak = weak_from_this(), call](result<node_table> table) {
    if (const auto self = weak.lock()) {
      self->post(event::store_answered{call, std::move(table), 0});
    }
  };
}

void cluster_member::impl::ask(action::ask_store& what) {
  std::visit(
      overloaded{[&](action::read_nodes&) { store.read(answer_to(what.call)); },
                 [&](join_request& r) {
                   store.join(std::move(r), [weak = weak_from_this(),
                                             call = what.call](result<join_answer> a) {
                     const auto self = weak.lock();
                     if (self && a) {
                       self->post(event::store_answered{call, std::move(a->table), a->incarnation});
                     } else if (self) {
                       self->post(event::store_answered{call, fail(std::move(a.error())), 0});
                     }
                   });
                 },
                 [&](state_change& r) { store.change(std::move(r), answer_to(what.call)); },
                 [&](vote_request& r) { store.vote(std::move(r), answer_to(what.call)); }},
      what.what);
}

void cluster_member::impl::tell(const action::tell& what) {
  if (network == nullptr) {
    return;
  }
  envelope e;
  e.kind = envelope_kind::control;
  e.version = 1;
  std::visit(
      [&](const auto& m) {
        e.type = m.type;
        e.from_incarnation = m.from;
        e.to_incarnation = m.to;
        e.body = encode(m);
      },
      what.what);
  // One that is not taken is as good as lost: pings are counted by their answers.
  static_cast<void>(network->send(what.node, link_stream::control, std::move(e)));
}

void cluster_member::impl::log_note(const action::note& what) const {
  log::at(what.level, "cluster: {} node={}", what.sentence, node);
}

void cluster_member::impl::count(const membership::figures& now) {
  const auto add = [](metrics::counter& c, std::uint64_t before, std::uint64_t after) {
    if (after != before) {
      c.add(static_cast<double>(after - before));
    }
  };
  add(figures.views, counted.view_changes, now.view_changes);
  add(figures.suspicions, counted.suspicions, now.suspicions);
  add(figures.votes, counted.votes, now.votes);
  add(figures.verdicts, counted.verdicts, now.verdicts);
  add(figures.rights_lost, counted.rights_lost, now.rights_lost);
  add(figures.deaths, counted.deaths, now.deaths);
  add(figures.store_failures, counted.store_failures, now.store_failures);
  counted = now;
}

cluster_member::cluster_member(membership_config c, const clock& time, metrics& m,
                               detail::executor& threads, membership_store& store, link* network)
    : impl_(std::make_shared<impl>(std::move(c), time, m, threads, store, network)) {}

cluster_member::~cluster_member() {
  stop();
}

void cluster_member::subscribe(subscriber s) {
  impl_->subscribers.push_back(std::move(s));
}

void cluster_member::start() {
  impl_->strand->post([weak = impl_->weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->tick();
    }
  });
}

void cluster_member::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->is_stopped = true;
    impl_->serves_until = steady_time::min().time_since_epoch().count();
  }
  impl_->strand->close();
}

bool cluster_member::received(std::string_view from, link_stream on, const envelope& what) {
  const bool is_ping = what.type == ping::type;
  if (on != link_stream::control || what.kind != envelope_kind::control ||
      (!is_ping && what.type != pong::type)) {
    return false;
  }
  if (impl_->waiting >= most_waiting) {
    impl_->figures.dropped.add();
    return true;
  }
  const auto hand_over = [&](auto decoded, auto make) {
    if (!decoded) {
      impl_->figures.dropped.add();
      return;
    }
    ++impl_->waiting;
    impl_->strand->post([weak = impl_->weak_from_this(), e = make(std::move(*decoded))] {
      if (const auto self = weak.lock()) {
        --self->waiting;
        self->handle(e);
      }
    });
  };
  if (is_ping) {
    hand_over(decode<ping>(what.body),
              [&](ping m) -> event::any { return event::pinged{std::string(from), m}; });
  } else {
    hand_over(decode<pong>(what.body),
              [&](pong m) -> event::any { return event::ponged{std::string(from), std::move(m)}; });
  }
  return true;
}

void cluster_member::link_changed(std::string_view node, peer_state now) {
  impl_->post(event::link_changed{std::string(node), now});
}

void cluster_member::drain() {
  impl_->post(event::drain_wanted{});
}

void cluster_member::leave() {
  impl_->post(event::leave_wanted{});
}

std::shared_ptr<const runtime::view> cluster_member::view() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->published;
}

bool cluster_member::may_serve(steady_time now) const {
  return now.time_since_epoch().count() < impl_->serves_until.load();
}

bool cluster_member::may_take_from(std::string_view node, std::uint64_t incarnation,
                                   steady_time now) const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->core.may_take_from(node, incarnation, now);
}

std::uint64_t cluster_member::incarnation() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->core.incarnation();
}

membership::status cluster_member::report() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->core.report(impl_->time.now());
}

}  // namespace troupe::runtime
