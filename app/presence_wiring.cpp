// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/presence_wiring.hpp"

#include <memory>
#include <random>
#include <utility>

namespace troupe::app {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

presence_parts::presence_parts(storage::database& store, const clock& time, metrics& counters,
                               std::string node, std::size_t watchers,
                               const stream::list_signal& stored)
    : people_({.watchers = watchers}, time, counters, random_seed()),
      sums_(time),
      needs_{.people = people_,
             .sums = sums_,
             .streams = store.streams(),
             .audience = store.audience(),
             .node = std::move(node),
             .on_stored = [&stored] { stored.raise(); }} {}

void presence_parts::add_kind(runtime::entities& entities) {
  runtime::kind_options options;
  options.placed = runtime::placement::on_node;  // presence/NODE
  entities.add_kind<presence::reporter>(
      [this](const runtime::entity_name&) { return std::make_unique<presence::reporter>(needs_); },
      options);
}

std::function<void()> presence_parts::ticker(runtime::entities& entities) const {
  return [&entities, session = entities.open_session(),
          name = runtime::entity_name{"presence", needs_.node}] {
    entities.tell(session, name, presence::tick{});
  };
}

}  // namespace troupe::app
