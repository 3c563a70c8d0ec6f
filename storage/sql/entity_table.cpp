// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/entity_table.hpp"

#include <map>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/batch_rows.hpp"
#include "storage/sql/entity_rows.hpp"

namespace troupe::storage::sql {

namespace {

error not_text() {
  return make_error(errc::invalid_argument, "invalid_text",
                    "the name of an entity is not text in UTF-8 without zero bytes");
}

std::string commit_statement(const batch_rows& rows, engine kind) {
  const std::string set =
      "UPDATE entity SET version = version + 1, kind_version = COALESCE(v.c, 0), "
      "state = decode(COALESCE(v.d, ''), 'hex'), answers = decode(COALESCE(v.e, ''), 'hex') FROM ";
  const std::string where =
      " WHERE entity.name = v.a AND entity.epoch = COALESCE(v.b, 0) RETURNING name, version";
  if (kind == engine::sqlite) {
    return set + rows.source(kind) + where;
  }
  // Two batches that name the same entities (one of them fenced), or one and a takeover, must lock
  // them in the same order, and an UPDATE promises none.
  return set + "(SELECT v.* FROM entity AS locked JOIN " + rows.source(kind) +
         " ON locked.name = v.a ORDER BY v.a FOR NO KEY UPDATE OF locked) AS v" + where;
}

std::vector<entity_owner> to_owners(const std::vector<row>& rows) {
  std::vector<entity_owner> owners;
  owners.reserve(rows.size());
  for (const auto& r : rows) {
    owners.push_back(
        {.name = r.text(0), .owner = r.text(1), .incarnation = r.number(2), .epoch = r.number(3)});
  }
  return owners;
}

}  // namespace

result<entity_record> entity_table::load(std::string_view name) {
  const auto found =
      only_row(access_.read(fmt::format("SELECT {} FROM entity WHERE name = :name", entity_columns),
                            {{"name", name}}, entity_column_count),
               "no such entity");
  if (!found) {
    return fail(found.error());
  }
  return to_entity(*found);
}

result<std::vector<commit_outcome>> entity_table::commit_batch(
    std::span<const entity_write> writes) {
  if (writes.empty()) {
    return std::vector<commit_outcome>();
  }
  std::map<std::string_view, std::size_t> places;
  batch_rows batch("batch", "tnntt");
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const auto& w = writes[i];
    if (!places.emplace(w.name, i).second) {
      return fail(errc::invalid_argument, w.name + " is in one batch twice");
    }
    batch.begin().add(w.name).add(w.epoch).add(std::int64_t{w.kind_version});
    batch.add(to_hex(w.state)).add(to_hex(w.answers));
  }
  if (!batch.is_storable()) {
    return fail(not_text());
  }
  const auto rows = access_.write(commit_statement(batch, kind_), {batch.json()}, 2);
  if (!rows) {
    return fail(rows.error());
  }
  std::vector<commit_outcome> outcomes(writes.size());
  for (const auto& r : *rows) {
    const auto name = r.text(0);
    outcomes.at(places.at(name)) = {true, r.number(1)};
  }
  return outcomes;
}

result<std::vector<entity_owner>> entity_table::owner_of(std::span<const std::string> names) {
  if (names.size() > most_names) {
    return fail(errc::invalid_argument,
                fmt::format("owners of at most {} names are told at once", most_names));
  }
  batch_rows batch("batch", "t");
  for (const auto& name : names) {
    batch.begin().add(name);
  }
  if (!batch.is_storable()) {
    return fail(not_text());
  }
  if (names.empty()) {
    return std::vector<entity_owner>();
  }
  return map(
      access_.read("SELECT entity.name, entity.owner, entity.incarnation, entity.epoch FROM " +
                       batch.source(kind_) + " JOIN entity ON entity.name = v.a",
                   {batch.json()}, 4),
      to_owners);
}

result<std::vector<entity_owner>> entity_table::owned_by(std::string_view node,
                                                         std::int64_t incarnation,
                                                         std::string_view after_name, int limit) {
  return map(access_.read("SELECT name, owner, incarnation, epoch FROM entity "
                          "WHERE owner = :owner AND incarnation = :incarnation AND name > :after "
                          "ORDER BY name LIMIT :limit",
                          {{"owner", node},
                           {"incarnation", incarnation},
                           {"after", after_name},
                           {"limit", std::int64_t{limit}}},
                          4),
             to_owners);
}

result<std::int64_t> entity_table::count_owned(std::string_view node, std::int64_t incarnation) {
  const auto rows = access_.read(
      "SELECT COUNT(*) FROM entity WHERE owner = :owner AND incarnation = :incarnation",
      {{"owner", node}, {"incarnation", incarnation}}, 1);
  if (!rows) {
    return fail(rows.error());
  }
  return rows->empty() ? 0 : rows->front().number(0);
}

}  // namespace troupe::storage::sql
