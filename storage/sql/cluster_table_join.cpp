// SPDX-License-Identifier: GPL-3.0-or-later
// Joins: what they depend on is read first and then changed only in the view it was read in, as
// long as it takes to be the first.
#include <algorithm>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/cluster_table.hpp"
#include "storage/sql/view_change.hpp"

namespace troupe::storage::sql {

namespace {

/// How long a join tries again after somebody else changed the view first.
constexpr std::chrono::seconds join_patience{3};

std::string joined_with_commas(const std::vector<std::string>& roles) {
  std::string text;
  for (const auto& role : roles) {
    text += (text.empty() ? "" : ",") + role;
  }
  return text;
}

result<void> check(const join_request& r) {
  if (r.facts.size() > most_facts) {
    return fail(too_many_facts());
  }
  const bool has_bad_role = std::ranges::any_of(r.roles, [](const std::string& role) {
    return role.empty() || role.find(',') != std::string::npos;
  });
  if (r.name.empty() || has_bad_role) {
    return fail(errc::invalid_argument, "a node has a name, and roles without commas");
  }
  return {};
}

}  // namespace

/// What a join depends on, as of one view.
struct cluster_table::before_join {
  std::int64_t view = 0;
  std::int64_t incarnation = 0;  ///< the new one
  bool is_live = false;          ///< the row of the name
  std::int64_t present = 0;      ///< its incarnation
  std::string address;           ///< its
  std::optional<std::int64_t> present_number;
  std::optional<std::int64_t> number;  ///< of the new one
};

result<cluster_table::before_join> cluster_table::look(const std::string& name) {
  const auto found = only_row(
      access_.read(
          fmt::format(
              "SELECT cluster.view_number, cluster.newest_incarnation, node.incarnation, "
              "node.state, node.address, node.id_number, (SELECT number FROM node_number "
              "WHERE NOT EXISTS (SELECT 1 FROM node AS holder "
              "WHERE holder.id_number = node_number.number AND holder.state < 3) "
              "ORDER BY used_at, number LIMIT 1), (SELECT MAX(entity.incarnation) FROM entity "
              "WHERE entity.owner = :owner), {} FROM cluster "
              "LEFT JOIN node ON node.name = :name WHERE cluster.id = 1",
              store_time(kind_)),
          {{"owner", name}, {"name", name}}, 9),
      "the row of the table cluster is missing");
  if (!found) {
    return fail(found.error());
  }
  before_join seen;
  seen.view = found->number(0);
  // Milliseconds since 1970 where nothing larger was given out: nodes that never joined named
  // themselves so.
  seen.incarnation =
      std::max({found->number(1) + 1, found->number(7) + 1, found->number(8) / 1000});
  seen.present = found->number(2);
  seen.present_number = found->optional_number(5);
  seen.is_live = seen.present_number && is_live(static_cast<node_state>(found->number(3)));
  seen.address = found->text(4);
  seen.number = found->optional_number(6);
  if (!seen.number && seen.is_live) {
    seen.number = seen.present_number;
  }
  return seen;
}

result<std::optional<std::int64_t>> cluster_table::replace(const join_request& wanted,
                                                           const before_join& seen) {
  view_change change(kind_);
  change.raise(", newest_incarnation = :incarnation", "view_number = :expected",
               {{"incarnation", seen.incarnation}, {"expected", seen.view}});
  change.then(
      fmt::format(
          "INSERT INTO node (name, incarnation, state, address, roles, version, id_number, facts, "
          "was_refused, joined_at, changed_at) SELECT CAST(:name AS TEXT), "
          "CAST(:incarnation AS BIGINT), 0, CAST(:address AS TEXT), CAST(:roles AS TEXT), "
          "CAST(:version AS TEXT), CAST(:number AS INTEGER), CAST(:facts AS TEXT), 0, {0}, {0} "
          "WHERE 1 = 1{1} ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, "
          "state = excluded.state, address = excluded.address, roles = excluded.roles, "
          "version = excluded.version, id_number = excluded.id_number, facts = excluded.facts, "
          "was_refused = excluded.was_refused, joined_at = excluded.joined_at, "
          "changed_at = excluded.changed_at",
          store_time(kind_), change.if_raised()),
      {{"name", wanted.name},
       {"incarnation", seen.incarnation},
       {"address", wanted.address},
       {"roles", joined_with_commas(wanted.roles)},
       {"version", wanted.version},
       {"number", *seen.number},
       {"facts", wanted.facts}});
  change.then(fmt::format("UPDATE node_number SET used_at = {} WHERE number IN (:number, :old){}",
                          store_time(kind_), change.if_raised()),
              {{"number", *seen.number}, {"old", seen.present_number.value_or(*seen.number)}});
  change.then(fmt::format("DELETE FROM death_vote WHERE target = :name{}", change.if_raised()),
              {{"name", wanted.name}});
  return change.apply(access_);
}

result<join_outcome> cluster_table::join(const join_request& wanted) {
  if (auto good = check(wanted); !good) {
    return fail(std::move(good.error()));
  }
  const auto until = std::chrono::steady_clock::now() + join_patience;
  do {
    const auto seen = look(wanted.name);
    if (!seen) {
      return fail(seen.error());
    }
    if (seen->is_live && wanted.replaces != seen->present) {
      return fail(errc::conflict, "node_is_live",
                  fmt::format("node {} runs at {} as incarnation {}: stop that process, or wait "
                              "until the other nodes have found it dead",
                              wanted.name, seen->address, seen->present));
    }
    if (!seen->number) {
      return fail(errc::conflict, "too_many_nodes",
                  fmt::format("all {} node numbers are held by live nodes", most_nodes));
    }
    const auto view = replace(wanted, *seen);
    if (!view) {
      return fail(view.error());
    }
    if (*view) {
      return join_outcome{seen->incarnation, static_cast<int>(*seen->number), **view};
    }
  } while (std::chrono::steady_clock::now() < until);
  return fail(errc::unavailable, "store_busy", "too many nodes join at this moment");
}

}  // namespace troupe::storage::sql
