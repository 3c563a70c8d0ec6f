// SPDX-License-Identifier: GPL-3.0-or-later
// What other nodes send to the runtime of this one. Peers have shown who they are, but not that
// they are right: what does not parse, or is for another start of this node, is counted and left.
#include <tuple>

#include "base/log.hpp"
#include "runtime/detail/node.hpp"
#include "runtime/detail/remote_reply.hpp"
#include "runtime/detail/router.hpp"
#include "runtime/detail/sender_table.hpp"
#include "runtime/detail/wire.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::runtime::detail {

namespace {

constexpr duration expected_again = std::chrono::milliseconds(100);
constexpr int moves_before_reading = 2;  // design.md section 3
constexpr std::uint64_t overtaken = answers_kept / 2;

/// Refusals that speak of that node alone: another may take the name.
bool is_of_the_node(const error& why) {
  return why.reason == not_a_member || why.reason == "node_stopping";
}

}  // namespace

bool router::received(std::string_view from, const envelope& what) {
  const bool is_control = what.kind == envelope_kind::control;
  if (is_control && !what.type.starts_with("entity.")) {
    return false;
  }
  if (is_control && what.type == wire::again) {
    strand_->post([this, node = std::string(from)] { way_is_new(node); });
    return true;
  }
  if (what.to_incarnation != node_.options().incarnation) {
    figures_.ignored.add();
    return true;
  }
  switch (what.kind) {
    case envelope_kind::command:
      take_command(from, what);
      break;
    case envelope_kind::answer:
      take_answer(from, what);
      break;
    case envelope_kind::control:
      take_control(from, what);
      break;
  }
  return true;
}

void router::take_control(std::string_view from, const envelope& what) {
  if (what.type == wire::locate) {
    take_locate(from, what);
  } else if (what.type == wire::owner) {
    take_owner(from, what);
  } else if (what.type == wire::refused) {
    take_refused(from, what);
  } else if (what.type == wire::expected) {
    take_expected(from, what);
  } else if (what.type == wire::session_lost) {
    take_session_lost(what);
  } else if (const auto name = parse_entity_name(what.target);
             name &&
             (what.type == wire::offer || what.type == wire::fetch || what.type == wire::chunk ||
              what.type == wire::declined || what.type == wire::taken)) {
    node_.heed(from, *name, what);
  } else {
    figures_.ignored.add();  // of a later version
  }
}

void router::take_command(std::string_view from, const envelope& what) {
  const auto name = parse_entity_name(what.target);
  if (!name || what.number == 0 || what.session == session_id{}) {
    figures_.ignored.add();
    return;
  }
  if (node_.is_draining() && !node_.has_host(*name)) {
    return;  // it waits there until another owns it
  }
  auto body = decode<wire::command_body>(what.body);
  const auto* type = node_.messages().find(what.type);
  claimed_order order{{what.session, what.number}, what.floor, true, 0, 0};
  if (body) {
    order.may_be_applied = body->may_be_applied;
    order.closed_since = body->closed_since;
    order.first_epoch = body->first_epoch;
  }
  const auto back = std::make_shared<remote_reply>(*this, std::string(from), what.from_incarnation,
                                                   *name, order, type);
  if (type == nullptr || type->version != what.version) {
    back->answer(what.number,
                 fail(errc::unsupported, "unknown_message",
                      "this node does not know this version of a message to " + to_string(*name)));
    return;
  }
  auto message = body ? type->decode(body->message) : fail(body.error());
  if (!message) {
    figures_.ignored.add();
    back->answer(what.number, fail(message.error().with("a message to " + to_string(*name))));
    return;
  }
  auto command = std::make_shared<received_command>(*type, std::move(*message));
  command->via = back;
  command->number = what.number;
  // Where it may have been applied, a refusal would be a lie: it comes again.
  if (const auto delivered = node_.deliver_here(command, *name);
      !delivered && !order.may_be_applied) {
    back->answer(what.number, fail(delivered.error()));
  }
}

std::shared_ptr<lane> router::lane_of(const entity_name& name, const session_id& s) {
  const std::lock_guard lock(mutex_);
  const auto at = targets_.find(name);
  if (at == targets_.end()) {
    return nullptr;
  }
  const auto e = at->second.senders.find(s);
  return e == at->second.senders.end() ? nullptr : e->second.via;
}

void router::take_answer(std::string_view from, const envelope& what) {
  const auto name = parse_entity_name(what.target);
  const auto via = name ? lane_of(*name, what.session) : nullptr;
  if (!via) {
    return;  // nobody waits for it any more
  }
  const auto* type = via->type_of(what.number);
  if (type == nullptr) {
    return;
  }
  if (!what.type.empty() && what.type != type->name) {
    figures_.ignored.add();
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = targets_.find(*name); at != targets_.end()) {
      at->second.heard_at = node_.time().now();
      at->second.moves = at->second.owner && at->second.owner->node == from ? 0 : at->second.moves;
    }
  }
  via->answer(what.number, wire::decode_answer(*type, what.body));
  if (what.number >= via->floor() + overtaken && what.number % (overtaken / 2) == 0) {
    ask_for_first(*name, via);
  }
  drop_idle(*name, via);
}

/// The entity keeps 64 answers: an answer that was lost is asked for before that many follow it.
void router::ask_for_first(const entity_name& name, const std::shared_ptr<lane>& via) {
  std::optional<entity_owner> to;
  {
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(name);
    if (at == targets_.end()) {
      return;
    }
    const auto e = at->second.senders.find(via->session());
    if (e == at->second.senders.end() || !e->second.is_current) {
      return;
    }
    to = present_owner(name, at->second);
  }
  if (!to || is_self(*to)) {
    return;
  }
  via->with_open(0, [&](const command_ptr& first, std::uint64_t closed_since) {
    std::ignore = send(*to, *via, first, closed_since);  // lost as well: the ticks find it
    return false;
  });
}

void router::take_locate(std::string_view from, const envelope& what) {
  const auto name = parse_entity_name(what.target);
  if (!name) {
    figures_.ignored.add();
    return;
  }
  node_.locate_here(*name, [this, to = std::string(from), incarnation = what.from_incarnation,
                            name = *name](result<entity_owner> got) {
    auto e = wire::about(got ? wire::owner : wire::refused, name);
    e.body = got ? encode(*got) : wire::encode_error(got.error());
    reply(to, incarnation, std::move(e));
  });
}

void router::take_owner(std::string_view from, const envelope& what) {
  const auto name = parse_entity_name(what.target);
  const auto owner = decode<entity_owner>(what.body);
  if (!name || !owner || owner->node.empty()) {
    figures_.ignored.add();
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto at = targets_.find(*name);
  if (at == targets_.end()) {
    return;
  }
  auto& t = at->second;
  const bool is_newer = !t.owner || t.owner->epoch < owner->epoch;
  if (what.number == 0) {
    if (t.is_asking && t.asked == from && is_newer) {
      adopt(*name, t, *owner);
    }
    return;
  }
  if (t.is_reading || (!is_newer && t.owner->node != from)) {
    return;  // of the owner before
  }
  figures_.redirects.add();
  if (++t.moves < moves_before_reading && is_newer) {
    adopt(*name, t, *owner);
  } else {
    t.is_reading = true;
    strand_->post([this, n = *name] { read_row(n); });
  }
}

void router::take_refused(std::string_view from, const envelope& what) {
  const auto name = parse_entity_name(what.target);
  if (!name) {
    figures_.ignored.add();
    return;
  }
  const auto why = wire::decode_error(what.body);
  {
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(*name);
    if (at == targets_.end() || !at->second.is_asking || at->second.asked != from) {
      return;
    }
    at->second.is_asking = false;
    if (is_of_the_node(why)) {
      return;  // until the view proposes another
    }
  }
  for (const auto& via : lanes_to(*name)) {
    via->abandon_unsent(why);
    drop_idle(*name, via);
  }
}

void router::take_expected(std::string_view from, const envelope& what) {
  const auto name = parse_entity_name(what.target);
  if (!name) {
    figures_.ignored.add();
    return;
  }
  std::shared_ptr<lane> via;
  entity_owner to;
  {
    const std::lock_guard lock(mutex_);
    const auto at = targets_.find(*name);
    if (at == targets_.end()) {
      return;
    }
    const auto owner = present_owner(*name, at->second);
    const auto e = at->second.senders.find(what.session);
    if (!owner || owner->node != from || e == at->second.senders.end() || !e->second.is_current) {
      return;  // it all goes again anyway
    }
    // Everything behind a lost one is answered so.
    const auto now = node_.time().now();
    if (e->second.expected == what.number && now - e->second.expected_at < expected_again) {
      return;
    }
    e->second.expected = what.number;
    e->second.expected_at = now;
    via = e->second.via;
    to = *owner;
  }
  via->with_open(what.number, [&](const command_ptr& c, std::uint64_t closed_since) {
    if (send(to, *via, c, closed_since)) {
      return true;
    }
    mark_stale(*name, via->session());
    return false;
  });
}

void router::take_session_lost(const envelope& what) {
  const auto name = parse_entity_name(what.target);
  const auto via = name ? lane_of(*name, what.session) : nullptr;
  if (via) {
    via->session_lost(what.number, wire::decode_error(what.body));
    drop_idle(*name, via);
  }
}

}  // namespace troupe::runtime::detail
