// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/entity_table.hpp"

#include <algorithm>
#include <map>

#include <spdlog/fmt/fmt.h>

namespace troupe::storage::sql {

namespace {

const std::string entity_columns =
    "name, owner, incarnation, epoch, version, kind_version, encode(state, 'hex'), "
    "encode(answers, 'hex')";
constexpr std::size_t entity_column_count = 8;

entity_record to_record(const row& r) {
  return {.name = r.text(0),
          .owner = r.text(1),
          .incarnation = r.number(2),
          .epoch = r.number(3),
          .version = r.number(4),
          .kind_version = static_cast<int>(r.number(5)),
          .state = r.binary(6),
          .answers = r.binary(7)};
}

/// Names are made by us and hold no control characters, but may hold what JSON escapes.
std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", c);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

/// [{"n": name, "e": epoch, "k": kind_version, "s": state in hex, "a": answers in hex}, …]. Sorted
/// by name, so that two batches take their locks in the same order.
std::string to_json(std::span<const entity_write> writes) {
  std::map<std::string_view, const entity_write*> sorted;
  for (const auto& w : writes) {
    sorted[w.name] = &w;
  }
  std::string json = "[";
  for (const auto& [name, w] : sorted) {
    json += fmt::format(R"({}{{"n":{},"e":{},"k":{},"s":"{}","a":"{}"}})",
                        json.size() == 1 ? "" : ",", json_text(name), w->epoch, w->kind_version,
                        to_hex(w->state), to_hex(w->answers));
  }
  return json + "]";
}

std::string commit_statement(engine kind) {
  const char* rows =
      kind == engine::sqlite ? "json_each(:batch)" : "json_array_elements(CAST(:batch AS JSON))";
  return fmt::format(
      "UPDATE entity SET version = version + 1, kind_version = batch.k, "
      "state = decode(batch.s, 'hex'), answers = decode(batch.a, 'hex') "
      "FROM (SELECT value->>'n' AS n, CAST(value->>'e' AS BIGINT) AS e, "
      "CAST(value->>'k' AS INTEGER) AS k, value->>'s' AS s, value->>'a' AS a FROM {}) AS batch "
      "WHERE entity.name = batch.n AND entity.epoch = batch.e "
      "RETURNING name, version",
      rows);
}

}  // namespace

result<entity_record> entity_table::claim(const entity_claim& wanted) {
  const auto rows = access_.write(
      "INSERT INTO entity (name, owner, incarnation, epoch, version, kind_version, state, answers) "
      "VALUES (:name, :owner, :incarnation, 1, 0, 0, decode('', 'hex'), decode('', 'hex')) "
      "ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, "
      "incarnation = excluded.incarnation, epoch = entity.epoch + 1 "
      "WHERE entity.kind_version <= :kind_version "
      "AND entity.epoch = COALESCE(CAST(:expected AS BIGINT), entity.epoch) RETURNING " +
          entity_columns,
      {{"name", wanted.name},
       {"owner", wanted.owner},
       {"incarnation", wanted.incarnation},
       {"kind_version", std::int64_t{wanted.kind_version}},
       {"expected", wanted.expected_epoch}},
      entity_column_count);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    return fail(why_refused(wanted));
  }
  return to_record(rows->front());
}

error entity_table::why_refused(const entity_claim& wanted) {
  const auto present = load(wanted.name);
  if (!present) {
    return present.error();
  }
  if (present->kind_version > wanted.kind_version) {
    return make_error(errc::conflict, "newer_version",
                      fmt::format("the state of {} is of version {}, this program reads up to {}",
                                  wanted.name, present->kind_version, wanted.kind_version));
  }
  return make_error(
      errc::conflict, "moved",
      fmt::format("{} is owned by {} since epoch {}", wanted.name, present->owner, present->epoch));
}

result<entity_record> entity_table::load(std::string_view name) {
  const auto found =
      only_row(access_.read("SELECT " + entity_columns + " FROM entity WHERE name = :name",
                            {{"name", name}}, entity_column_count),
               "no such entity");
  if (!found) {
    return fail(found.error());
  }
  return to_record(*found);
}

result<std::vector<commit_outcome>> entity_table::commit_batch(
    std::span<const entity_write> writes) {
  if (writes.empty()) {
    return std::vector<commit_outcome>();
  }
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    if (!places.emplace(writes[i].name, i).second) {
      return fail(errc::invalid_argument, writes[i].name + " is in one batch twice");
    }
  }
  const auto rows = access_.write(commit_statement(kind_), {{"batch", to_json(writes)}}, 2);
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

}  // namespace troupe::storage::sql
