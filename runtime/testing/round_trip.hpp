// SPDX-License-Identifier: GPL-3.0-or-later
// Proof that what travels comes out as it went in: for the tests of every folder with messages and
// behaviours. Values compare by their bytes, so no type needs an ==.
//   CHECK(round_trip(cast_vote{"yes"}));             // a message, an answer or a state
//   CHECK(round_trip_by_name(registry, cast_vote{"yes"}));
// And that nothing cut short or with a byte too many is taken for whole.
#pragma once

#include "runtime/archive.hpp"
#include "runtime/message_registry.hpp"

namespace troupe::runtime::testing {

/// Encodes, decodes, encodes again: the same bytes; each cut of the bytes, and one byte more, is
/// refused.
template <archivable T>
bool round_trip(const T& value) {
  const auto first = encode(value);
  const auto back = decode<T>(first);
  if (!back || encode(*back) != first) {
    return false;
  }
  for (std::size_t cut = 0; cut < first.size(); ++cut) {
    if (decode<T>(byte_view(first).first(cut))) {
      return false;
    }
  }
  auto longer = first;
  longer.push_back(0);
  return !decode<T>(longer);
}

/// The way another node takes: by the name on the wire.
template <message M>
bool round_trip_by_name(const message_registry& registry, const M& value) {
  const auto* type = registry.find(M::type);
  if (type != &type_of<M>() || type->version != M::version) {
    return false;
  }
  const auto sent = type->encode(&value);
  const auto received = type->decode(sent);
  return received && type->encode(received->get()) == sent && round_trip(value);
}

}  // namespace troupe::runtime::testing
