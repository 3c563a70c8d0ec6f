// SPDX-License-Identifier: GPL-3.0-or-later
// The name of an entity, "kind/id": what everyone sends to, on whichever node it lives.
// Thread: plain data.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace troupe::runtime {

struct entity_name {
  std::string kind;
  std::string id;

  friend bool operator==(const entity_name&, const entity_name&) = default;
  friend auto operator<=>(const entity_name&, const entity_name&) = default;
};

template <class Inspector>
auto inspect(Inspector& f, entity_name& x) {
  return f(x.kind, x.id);
}

/// entity_name_of("stream", 48213) is stream/48213.
entity_name entity_name_of(std::string_view kind, troupe::id number);

/// "stream/48213"
std::string to_string(const entity_name& name);

/// kind: a lower-case letter, then up to 31 of a-z, 0-9, _. id: 1 to 128 bytes of visible ASCII
/// (it may hold slashes: "viewer/b.7/812").
bool is_valid(const entity_name& name);
std::optional<entity_name> parse_entity_name(std::string_view text);

}  // namespace troupe::runtime

template <>
struct std::hash<troupe::runtime::entity_name> {
  std::size_t operator()(const troupe::runtime::entity_name& name) const noexcept {
    const std::hash<std::string_view> text;
    return text(name.id) * 31 + text(name.kind);
  }
};
