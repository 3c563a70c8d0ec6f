// SPDX-License-Identifier: GPL-3.0-or-later
#include "process.hpp"

#include <algorithm>
#include <utility>

#include "cluster.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::simulation {

using namespace std::chrono_literals;
namespace action = runtime::membership_action;
namespace event = runtime::membership_event;

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

process::process(cluster& c, std::string name, clock k)
    : cluster_(c), name_(std::move(name)), clock_(k) {}

steady_time process::local() const {
  const auto since = (cluster_.time.now() - steady_time{}).count();
  return steady_time(clock_.offset +
                     duration(static_cast<std::int64_t>(static_cast<double>(since) * clock_.rate)));
}

void process::start() {
  if (core_) {
    return;
  }
  ++generation_;
  is_paused_ = false;
  is_leaving_ = false;
  waiting_.clear();
  links_.clear();
  peers_.clear();
  held_.clear();
  cluster_.time.trace("{} starts", name_);
  runtime::membership_config c{.node = name_, .address = name_ + ":4040"};
  if (cluster_.planted.takes_at_once) {
    c.takeover_wait = 0s;
  }
  if (cluster_.planted.in_store.votes_never_lapse) {
    c.vote_lapse = 1h;
  }
  core_ = std::make_unique<runtime::membership>(std::move(c));
  cluster_.net.set_door(name_, network::door::open);
  tick();
  probe();
  work();
}

void process::crash(bool host_too) {
  if (core_ == nullptr) {
    return;
  }
  cluster_.time.trace("{} crashes{}", name_, host_too ? " with its host" : "");
  ++generation_;
  core_.reset();
  waiting_.clear();
  cluster_.net.set_door(name_, host_too ? network::door::silent : network::door::refuses);
}

void process::pause() {
  if (core_ && !is_paused_) {
    cluster_.time.trace("{} is stopped", name_);
    is_paused_ = true;
  }
}

void process::resume() {
  if (!is_paused_) {
    return;
  }
  cluster_.time.trace("{} goes on", name_);
  is_paused_ = false;
  cluster_.check();
  const auto generation = generation_;
  while (generation == generation_ && !is_paused_ && !waiting_.empty()) {
    const auto f = std::move(waiting_.front());
    waiting_.pop_front();
    f();
  }
}

void process::leave() {
  if (core_ && !is_leaving_) {
    cluster_.time.trace("{} leaves", name_);
    is_leaving_ = true;
    handle(event::drain_wanted{});
    later(cluster_.time.between(10ms, 2s), [this] {
      held_.clear();
      handle(event::leave_wanted{});
    });
  }
}

bool process::is_active() const {
  return core_ && core_->now_is() == runtime::membership::standing::active;
}

bool process::serves(const std::string& entity) const {
  return may_serve() && held_.contains(entity);
}

std::function<void()> process::mine(std::function<void()> f) {
  return [this, generation = generation_, f = std::move(f)] {
    if (generation != generation_) {
      return;
    }
    if (is_paused_) {
      waiting_.push_back(f);
    } else {
      f();
    }
  };
}

void process::later(duration local_delay, std::function<void()> f) {
  const auto length = static_cast<double>(local_delay.count()) / clock_.rate;
  cluster_.time.after(duration(static_cast<std::int64_t>(length)), mine(std::move(f)));
}

void process::handle(const event::any& what) {
  const auto generation = generation_;
  for (const auto& a : core_->step(what, local())) {
    if (generation != generation_) {
      return;
    }
    carry_out(a);
  }
  cluster_.check();
}

void process::carry_out(const action::any& what) {
  std::visit(overloaded{
                 [&](const action::ask_store& a) {
                   // Between a decision and its call a process may be stopped.
                   later(cluster_.time.between(0us, 200us), [this, a] { ask_store(a); });
                 },
                 [&](const action::tell& a) { tell(a); },
                 [&](const action::connect_to& a) { peers_ = a.peers; },
                 [&](const action::view_changed&) {
                   cluster_.time.trace("{} has view {}", name_, core_->view().number);
                 },
                 [&](const action::joined& a) {
                   cluster_.time.trace("{} is incarnation {}", name_, a.incarnation);
                 },
                 [&](const action::right_changed& a) {
                   cluster_.time.trace("{} {}", name_, a.why);
                   cluster_.right_changed(*this, a.may_serve);
                 },
                 [&](const action::died&) { held_.clear(); },
                 [&](const action::has_left&) { later(0s, [this] { crash(false); }); },
                 [&](const action::note& a) { cluster_.time.trace("{}: {}", name_, a.sentence); },
             },
             what);
}

void process::tell(const action::tell& what) {
  auto* to = cluster_.find(what.node);
  if (to == nullptr) {
    return;
  }
  auto sent = what.what;
  if (auto* answer = std::get_if<runtime::pong>(&sent)) {
    if (cluster_.planted.voters_go_on_answering) {
      answer->accuses.clear();
    }
  }
  cluster_.net.send(name_, what.node, [to, from = name_, sent] {
    to->mine([to, from, sent] {
      std::visit(overloaded{[&](const runtime::ping& m) { to->handle(event::pinged{from, m}); },
                            [&](runtime::pong m) {
                              if (to->cluster_.planted.right_from_answer) {
                                m.sent = to->local().time_since_epoch().count();
                              }
                              if (to->cluster_.planted.counts_any_view && m.newer.empty()) {
                                m.view = to->core_->view().number;
                              }
                              to->handle(event::ponged{from, m});
                            }},
                 sent);
    })();
  });
}

void process::ask_store(const action::ask_store& what) {
  auto table = std::make_shared<result<runtime::node_table>>();
  auto incarnation = std::make_shared<std::uint64_t>(0);
  auto& s = cluster_.data;
  s.call(
      name_,
      [&s, what, table, incarnation] {
        std::visit(overloaded{[](const action::read_nodes&) {},
                              [&](const runtime::join_request& r) {
                                auto joined = s.join(r);
                                if (!joined) {
                                  *table = fail(joined.error());
                                } else {
                                  *incarnation = joined->incarnation;
                                }
                              },
                              [&](const runtime::state_change& r) { s.change(r); },
                              [&](const runtime::vote_request& r) { s.vote(r); }},
                   what.what);
        if (*table) {
          *table = s.table();
        }
      },
      [table, then = mine([this, call = what.call, table, incarnation] {
                handle(event::store_answered{call, std::move(*table), *incarnation});
              })](const std::optional<error>& failed) {
        if (failed) {
          *table = fail(*failed);
        }
        then();
      });
}

void process::tick() {
  handle(event::tick{});
  later(250ms, [this] { tick(); });
}

/// What a link does: tries again and again, and tells of what it finds.
void process::probe() {
  for (const auto& p : peers_) {
    const auto door = cluster_.net.knock(name_, p.node);
    const auto now = door == network::door::open      ? runtime::peer_state::up
                     : door == network::door::refuses ? runtime::peer_state::refused
                                                      : runtime::peer_state::down;
    auto [known, is_new] = links_.try_emplace(p.node, runtime::peer_state::connecting);
    if (known->second != now) {
      known->second = now;
      handle(event::link_changed{p.node, now});
    }
  }
  later(cluster_.time.between(20ms, 100ms), [this] { probe(); });
}

void process::work() {
  if (core_->now_is() == runtime::membership::standing::active && !is_leaving_ && may_serve()) {
    for (const auto& entity : cluster_.entities()) {
      const auto proposed = runtime::propose_owner(core_->view(), {"room", entity});
      if (!held_.contains(entity) && (proposed == name_ || cluster_.time.chance(0.2))) {
        look_at(entity);
      }
    }
  }
  later(cluster_.time.between(50ms, 150ms), [this] { work(); });
}

void process::look_at(const std::string& entity) {
  auto seen = std::make_shared<store::owned>();
  auto& s = cluster_.data;
  s.call(
      name_, [&s, entity, seen] { *seen = s.owner_of(entity); },
      [then = mine([this, entity, seen] { claim(entity, *seen); })](const std::optional<error>& e) {
        if (!e) {
          then();
        }
      });
}

void process::claim(const std::string& entity, const store::owned& seen) {
  const bool is_own = seen.owner == name_ && seen.incarnation == core_->incarnation();
  const bool may_take =
      seen.owner.empty() || is_own || core_->may_take_from(seen.owner, seen.incarnation, local());
  if (!may_take || !may_serve() || is_leaving_) {
    return;
  }
  const auto incarnation = core_->incarnation();
  auto got = std::make_shared<store::owned>();
  auto& s = cluster_.data;
  s.call(
      name_,
      [&s, got, entity, name = name_, incarnation, epoch = seen.epoch] {
        *got = s.claim(entity, name, incarnation, epoch);
      },
      [then = mine([this, got, entity, incarnation] {
         if (got->owner == name_ && got->incarnation == incarnation &&
             core_->incarnation() == incarnation && !is_leaving_) {
           held_[entity] = got->epoch;
           cluster_.check();
         }
       })](const std::optional<error>& e) {
        if (!e) {
          then();
        }
      });
}

}  // namespace troupe::simulation
