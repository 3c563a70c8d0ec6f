// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/secret_table.hpp"

namespace troupe::storage::sql {

result<bytes> secret_table::find(std::string_view name) {
  const auto found =
      only_row(access_.read("SELECT encode(sealed, 'hex') FROM secret WHERE name = :name",
                            {{"name", name}}, 1),
               "no such secret");
  if (!found) {
    return fail(found.error());
  }
  return found->binary(0);
}

result<bytes> secret_table::add(std::string_view name, byte_view sealed, wall_time now) {
  const auto added = access_.write(
      "INSERT INTO secret (name, sealed, created_at) "
      "VALUES (:name, decode(:sealed, 'hex'), :now) ON CONFLICT DO NOTHING",
      {{"name", name}, {"sealed", sealed}, {"now", now}}, 0);
  if (!added) {
    return fail(added.error());
  }
  return find(name);
}

result<std::vector<stored_secret>> secret_table::list(std::string_view prefix) {
  // A range, not LIKE: both engines then use the key's index, whatever their collation.
  std::string beyond(prefix);
  ++beyond.back();
  const auto found = access_.read(
      "SELECT name, encode(sealed, 'hex'), created_at FROM secret "
      "WHERE name >= :first AND name < :beyond ORDER BY name",
      {{"first", prefix}, {"beyond", std::string_view(beyond)}}, 3);
  if (!found) {
    return fail(found.error());
  }
  std::vector<stored_secret> all;
  for (const auto& each : *found) {
    all.push_back({each.text(0), each.binary(1), each.time(2)});
  }
  return all;
}

result<void> secret_table::remove(std::string_view name) {
  return without_rows(access_.write("DELETE FROM secret WHERE name = :name", {{"name", name}}, 0));
}

}  // namespace troupe::storage::sql
