// SPDX-License-Identifier: GPL-3.0-or-later
// Where the router looks for a name: by the view, the name itself, and what it knows of owners.
#include <algorithm>

#include "runtime/detail/node.hpp"
#include "runtime/detail/router.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::runtime::detail {

bool router::is_self(const entity_owner& o) const {
  return o.node == node_.options().node && o.incarnation == node_.options().incarnation;
}

bool router::is_live(const entity_owner& o) const {
  return std::ranges::any_of(members_.view()->members, [&](const member& m) {
    return m.node == o.node && m.incarnation == o.incarnation && m.state != member_state::left &&
           m.state != member_state::dead;
  });
}

std::optional<std::uint64_t> router::incarnation_of(std::string_view node) const {
  std::optional<std::uint64_t> newest;
  for (const auto& m : members_.view()->members) {
    const bool lives = m.state != member_state::left && m.state != member_state::dead;
    if (m.node == node && lives && (!newest || m.incarnation > *newest)) {
      newest = m.incarnation;
    }
  }
  return newest;
}

std::optional<entity_owner> router::present_owner(const entity_name& name, const target& t) const {
  if (is_on_node(name)) {
    return owner_by_name(name);
  }
  return t.owner && is_live(*t.owner) ? t.owner : std::nullopt;
}

entity_owner router::owner_by_name(const entity_name& name) const {
  const auto place = std::string_view(name.id).substr(0, name.id.find('/'));
  if (const auto incarnation = incarnation_of(place)) {
    return {std::string(place), *incarnation, 0};
  }
  const auto dot = place.rfind('.');
  if (dot != std::string_view::npos) {
    const auto node = place.substr(0, dot);
    const auto incarnation = incarnation_of(node);
    if (incarnation && std::to_string(*incarnation) == place.substr(dot + 1)) {
      return {std::string(node), *incarnation, 0};
    }
  }
  return {};
}

std::optional<entity_owner> router::proposal(const entity_name& name) const {
  const auto v = members_.view();
  const auto& self = node_.options();
  const auto* kind = node_.kind_of(name);
  const bool is_active = std::ranges::any_of(v->members, [&](const member& m) {
    return m.node == self.node && m.incarnation == self.incarnation &&
           m.state == member_state::active;
  });
  if (kind != nullptr && kind->entry.options.placed == placement::near_sender && is_active) {
    return entity_owner{self.node, self.incarnation, 0};
  }
  const auto node = propose_owner(
      *v, name, kind == nullptr ? std::string_view() : std::string_view(kind->entry.options.role));
  if (!node) {
    return std::nullopt;
  }
  const auto incarnation = incarnation_of(*node);
  return entity_owner{*node, incarnation.value_or(0), 0};
}

bool router::is_on_node(const entity_name& name) const {
  const auto* kind = node_.kind_of(name);
  return kind != nullptr && kind->entry.options.placed == placement::on_node;
}

}  // namespace troupe::runtime::detail
