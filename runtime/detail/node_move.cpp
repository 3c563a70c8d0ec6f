// SPDX-License-Identifier: GPL-3.0-or-later
// The part of node that moves entities: one by name, or all of them when the node drains.
#include <algorithm>
#include <optional>

#include "runtime/detail/node.hpp"
#include "runtime/detail/router.hpp"

namespace troupe::runtime::detail {

namespace {

constexpr int moves_at_once = 16;  // design.md section 3
constexpr int tries = 3;
constexpr duration try_again = std::chrono::milliseconds(100);

}  // namespace

struct drain_state {
  std::mutex mutex;
  std::vector<std::pair<entity_name, int>> left;  ///< with the tries it has
  int on_their_way = 0;
  std::size_t stayed = 0;
  std::optional<std::string> only_to = {};  ///< what is to go elsewhere stays
  callback<std::size_t> done;
};

void node::tell(const entity_owner& to, envelope what) {
  if (router_) {
    router_->reply(to.node, to.incarnation, std::move(what));
  }
}

void node::move(const entity_name& name, const std::string& to, callback<duration> done) {
  const auto v = view();
  const auto target = std::ranges::find_if(
      v->members, [&](const member& m) { return m.node == to && m.state == member_state::active; });
  if (!router_ || target == v->members.end() || to == parts_.options.node) {
    refuse([done = std::move(done)](erased_answer a) mutable { done(fail(a.error())); },
           make_error(errc::invalid_argument, "no_such_node", "no other active node is " + to));
    return;
  }
  auto& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  const auto at = in.hosts.find(name);
  if (at == in.hosts.end()) {
    refuse([done = std::move(done)](erased_answer a) mutable { done(fail(a.error())); },
           make_error(errc::not_found, "not_here", to_string(name) + " is not active here"));
    return;
  }
  at->second->on()->post(
      [host = at->second, owner = entity_owner{to, target->incarnation, 0},
       done = std::move(done)]() mutable { host->hand_over(std::move(owner), std::move(done)); });
}

void node::heed(std::string_view from, const entity_name& name, const envelope& what) {
  const entity_owner sender{std::string(from), what.from_incarnation, what.epoch};
  auto& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  const bool is_offer = what.type == wire::offer;
  if (is_closed_ || (!is_offer && !in.hosts.contains(name))) {
    return;
  }
  const auto v = view();
  const auto* kind = kind_of(name);
  const auto offer = is_offer ? decode<wire::offer_body>(what.body) : wire::offer_body{};
  const bool is_active = std::ranges::any_of(v->members, [&](const member& m) {
    return m.node == parts_.options.node && m.incarnation == parts_.options.incarnation &&
           m.state == member_state::active;
  });
  std::shared_ptr<entity_host> host;
  error why = make_error(errc::unavailable, "declined", "this node takes no entities now");
  if (kind == nullptr || !offer || offer->kind_version > kind->entry.version) {
    why = make_error(errc::unavailable, "older_version", "this node knows no such version of it");
  } else if (!is_offer || (is_active && !is_draining())) {
    if (auto found = host_of(in, name)) {
      host = *found;
    } else {
      why = found.error();
    }
  }
  if (host) {
    host->on()->post([host, sender, what] { host->heed(sender, what); });
  } else if (is_offer) {
    auto e = wire::about(wire::declined, name);
    e.epoch = what.epoch;
    e.body = wire::encode_error(why);
    tell(sender, std::move(e));
  }
}

void node::drain(callback<std::size_t> done) {
  const auto all = std::make_shared<drain_state>();
  all->done = std::move(done);
  for_each_host([&](entity_host& host) {
    if (host.kind().entry.options.placed == placement::on_node) {
      host.on()->post([h = host.shared_from_this()] { h->drain(); });
    } else if (host.seen_phase() == phase::active || host.seen_phase() == phase::activating) {
      all->left.emplace_back(host.self(), tries);
    }
  });
  edge_->post([this, all] { drain_next(all); });
}

void node::share(const std::string& with, callback<std::size_t> done) {
  const auto all = std::make_shared<drain_state>();
  all->only_to = with;
  all->done = std::move(done);
  const auto v = view();
  for_each_host([&](entity_host& host) {
    const bool is_spread = host.kind().entry.options.placed == placement::anywhere;
    if (is_spread && host.seen_phase() == phase::active && proposed(*v, host.self()) == with) {
      all->left.emplace_back(host.self(), tries);
    }
  });
  edge_->post([this, all] { drain_next(all); });
}

std::optional<std::string> node::proposed(const runtime::view& v, const entity_name& name) const {
  const auto* const kind = kind_of(name);
  return propose_owner(
      v, name, kind == nullptr ? std::string_view() : std::string_view(kind->entry.options.role));
}

void node::drain_next(const std::shared_ptr<drain_state>& all) {
  for (;;) {
    std::pair<entity_name, int> next;
    {
      std::unique_lock lock(all->mutex);
      if (all->left.empty() && all->on_their_way == 0 && all->done) {
        auto done = std::exchange(all->done, nullptr);
        lock.unlock();
        done(all->stayed);
        return;
      }
      if (all->left.empty() || all->on_their_way >= moves_at_once) {
        return;
      }
      next = std::move(all->left.back());
      all->left.pop_back();
      ++all->on_their_way;
    }
    auto others = *view();
    std::erase_if(others.members,
                  [&](const member& m) { return m.node == parts_.options.node && !all->only_to; });
    const auto target = proposed(others, next.first);
    if (all->only_to && target != all->only_to) {
      const std::lock_guard lock(all->mutex);
      --all->on_their_way;  // the view has changed meanwhile
      continue;
    }
    move(next.first, target.value_or(""), [this, all, next](result<duration> how) {
      // Not here any more is as good as moved.
      const bool is_gone =
          how || how.error().reason == "not_here" || how.error().reason == "not_movable";
      const bool again = !is_gone && next.second > 1;
      edge_->post_after(again ? try_again : duration::zero(), [this, all, next, is_gone, again] {
        {
          const std::lock_guard lock(all->mutex);
          --all->on_their_way;
          all->stayed += is_gone || again ? 0 : 1;
          if (again) {
            all->left.insert(all->left.begin(), {next.first, next.second - 1});
          }
        }
        drain_next(all);
      });
    });
  }
}

}  // namespace troupe::runtime::detail
