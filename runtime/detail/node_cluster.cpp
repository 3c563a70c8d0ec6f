// SPDX-License-Identifier: GPL-3.0-or-later
// The part of node that only one of several nodes has.
#include <algorithm>

#include "runtime/detail/node.hpp"
#include "runtime/detail/router.hpp"

namespace troupe::runtime::detail {

bool node::is_free(const stored_entity& claimed) const {
  if (!router_) {
    return true;
  }
  const auto& members = *parts_.cluster.members;
  const auto now = time().now();
  if (claimed.before) {
    const auto& b = *claimed.before;
    const bool was_own =
        b.node == parts_.options.node && b.incarnation == parts_.options.incarnation;
    return b.node.empty() || was_own || members.may_take_from(b.node, b.incarnation, now);
  }
  // It was one of those that are no members any more: whichever, all have stopped.
  return claimed.epoch <= 1 || std::ranges::all_of(view()->members, [&](const member& m) {
           return (m.state != member_state::dead && m.state != member_state::left) ||
                  members.may_take_from(m.node, m.incarnation, now);
         });
}

void node::learn(const entity_name& name, const entity_owner& owner) {
  if (router_) {
    router_->learn(name, owner);
  }
}

void node::redirect(const entity_name& name, const command_ptr& what, const entity_owner& owner,
                    bool may_be_applied) {
  if (router_) {
    router_->redirect(name, what, owner, may_be_applied);
  } else {
    what->via->answer(what->number, fail(errc::unavailable, "owned_elsewhere",
                                         to_string(name) + " lives on " + owner.node));
  }
}

void node::send_elsewhere(const entity_name& name, const command_ptr& what, bool may_be_applied) {
  router_->send_elsewhere(name, what, may_be_applied);
}

void node::locate_here(const entity_name& name, locate_callback then) {
  auto& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  if (is_closed_ || (is_draining() && !in.hosts.contains(name))) {
    return;  // who asks asks again, by then perhaps another
  }
  auto host = host_of(in, name);
  if (!host) {
    then(fail(host.error()));
    return;
  }
  (*host)->on()->post(
      [self = *host, then = std::move(then)]() mutable { self->locate(std::move(then)); });
}

bool node::has_host(const entity_name& name) {
  auto& in = shard_of(name);
  const std::lock_guard lock(in.mutex);
  return in.hosts.contains(name);
}

const kind_state* node::kind_of(const entity_name& name) const {
  const auto at = kinds_.find(name.kind);
  return at == kinds_.end() || !is_valid(name) ? nullptr : &at->second;
}

bool node::received(std::string_view from, link_stream on, const envelope& what) {
  const bool is_for_entities = on == link_stream::commands ||
                               (on == link_stream::media && what.kind == envelope_kind::command);
  return router_ && is_for_entities && router_->received(from, what);
}

void node::peer_changed(std::string_view peer, peer_state now) {
  if (router_) {
    router_->peer_changed(peer, now);
  }
}

void node::view_changed() {
  if (!router_) {
    return;
  }
  const auto& self = parts_.options;
  const bool is_dead = std::ranges::any_of(view()->members, [&](const member& m) {
    return m.node == self.node && m.incarnation == self.incarnation &&
           m.state == member_state::dead;
  });
  if (is_dead) {
    for_each_host([](entity_host& host) {
      host.on()->post([h = host.shared_from_this()] {
        h->disown(
            make_error(errc::unavailable, "declared_dead", "the others take this node for dead"));
      });
    });
  }
  router_->view_changed();
}

}  // namespace troupe::runtime::detail
