// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/orphaned_streams.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "actors/stream/messages.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::app {
namespace {

constexpr int batch = 500;  // fewer than storage::most_names

bool lives(const runtime::view& view, const storage::entity_owner& owner) {
  return std::ranges::any_of(view.members, [&](const runtime::member& m) {
    return m.node == owner.owner && static_cast<std::int64_t>(m.incarnation) == owner.incarnation &&
           m.state != runtime::member_state::left && m.state != runtime::member_state::dead;
  });
}

/// The next start of the node that had it, where its encoder is likely to come back; else whom the
/// view proposes.
std::string caretaker(const runtime::view& view, const std::string& name,
                      const storage::entity_owner* owner) {
  const bool is_back =
      owner != nullptr && std::ranges::any_of(view.members, [&](const runtime::member& m) {
        return m.node == owner->owner && m.state == runtime::member_state::active;
      });
  if (is_back) {
    return owner->owner;
  }
  const auto parsed = runtime::parse_entity_name(name);
  return parsed ? runtime::propose_owner(view, *parsed).value_or("") : "";
}

}  // namespace

std::vector<std::string> orphans_of(std::span<const std::string> names,
                                    std::span<const storage::entity_owner> owners,
                                    const runtime::view& view, const std::string& self) {
  std::vector<std::string> found;
  for (const auto& name : names) {
    const auto owner = std::ranges::find(owners, name, &storage::entity_owner::name);
    const auto* const known = owner == owners.end() ? nullptr : &*owner;
    if ((known == nullptr || !lives(view, *known)) && caretaker(view, name, known) == self) {
      found.push_back(name);
    }
  }
  return found;
}

result<std::size_t> wake_orphaned_streams(storage::database& store, runtime::entities& entities,
                                          const runtime::view& view, const std::string& self) {
  std::size_t woken = 0;
  stream_id after = 0;
  const auto session = entities.open_session();
  for (;;) {
    const auto rows = store.streams().list_unfinished(batch, after);
    if (!rows) {
      return fail(rows.error());
    }
    if (rows->empty()) {
      return woken;
    }
    after = rows->back().id;
    std::vector<std::string> names;
    for (const auto& row : *rows) {
      if (row.status != storage::stream_status::waiting) {
        names.push_back(to_string(runtime::entity_name_of("stream", row.id)));
      }
    }
    if (names.empty()) {
      continue;
    }
    const auto owners = store.entities().owner_of(names);
    if (!owners) {
      return fail(owners.error());
    }
    for (const auto& name : orphans_of(names, *owners, view, self)) {
      entities.tell(session, *runtime::parse_entity_name(name), stream::reconcile{});
      ++woken;
    }
  }
}

}  // namespace troupe::app
