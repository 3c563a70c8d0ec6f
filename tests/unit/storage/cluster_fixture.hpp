// SPDX-License-Identifier: GPL-3.0-or-later
// A store with nodes in it, whose clock can be made to look later.
#pragma once

#include <string>
#include <vector>

#include "storage/sql/sqlite_engine.hpp"
#include "tests/unit/storage/store_fixture.hpp"

namespace troupe::storage::test {

class cluster_fixture {
 public:
  explicit cluster_fixture(engine kind) : store(kind) {}

  cluster_store& nodes() { return store->cluster(); }

  entity_store& entities() { return store->entities(); }

  static join_request request(const std::string& name) {
    return {.name = name,
            .address = name + ".example:4040",
            .roles = {"edge", "rooms"},
            .version = "1.0",
            .facts = "{}",
            .replaces = std::nullopt};
  }

  /// The incarnation.
  std::int64_t join(const std::string& name) {
    const auto joined = nodes().join(request(name));
    INFO((joined ? std::string() : joined.error().message));
    REQUIRE(joined);
    return joined->incarnation;
  }

  /// In place of the one that lives.
  std::int64_t rejoin(const std::string& name, std::int64_t replaces) {
    auto wanted = request(name);
    wanted.replaces = replaces;
    return nodes().join(wanted).value().incarnation;
  }

  std::int64_t join_as(const std::string& name, node_state state) {
    const auto incarnation = join(name);
    if (state != node_state::joining) {
      set(name, incarnation, state);
    }
    return incarnation;
  }

  void set(const std::string& name, std::int64_t incarnation, node_state to) {
    REQUIRE(change(view(), name, incarnation, to).applied);
  }

  change_outcome change(std::int64_t expected, const std::string& name, std::int64_t incarnation,
                        node_state to) {
    return nodes()
        .change({.expected_view = expected,
                 .name = name,
                 .incarnation = incarnation,
                 .from = {node_state::joining, node_state::active, node_state::draining},
                 .to = to,
                 .was_refused = false})
        .value();
  }

  std::int64_t view() { return nodes().read().value().view; }

  node_record node(const std::string& name) {
    const auto all = nodes().read().value();
    for (const auto& n : all.nodes) {
      if (n.name == name) {
        return n;
      }
    }
    FAIL("no node " << name);
    return {};
  }

  /// Behind the store's back.
  void run(const std::string& statement) {
    if (store->kind() == engine::sqlite) {
      REQUIRE(sql::connect_sqlite(store.folder.path / "troupe.db", sql::sqlite_role::writer, {})
                  .value()
                  ->run(statement));
    } else {
      REQUIRE(sql::connect_postgresql(sql::keyword_form(store.url).value(), watch, {})
                  .value()
                  ->run(statement));
    }
  }

  sql::call_watch watch;
  fresh_store store;
};

}  // namespace troupe::storage::test
