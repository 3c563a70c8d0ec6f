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

}  // namespace troupe::storage::sql
