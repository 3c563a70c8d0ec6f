// SPDX-License-Identifier: GPL-3.0-or-later
// The columns of an entity as statements list them. Thread: any.
#pragma once

#include <cstddef>

#include "storage/entity_store.hpp"
#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

constexpr const char* entity_columns =
    "name, owner, incarnation, epoch, version, kind_version, encode(state, 'hex'), "
    "encode(answers, 'hex')";
constexpr std::size_t entity_column_count = 8;

/// From the columns that begin at `first`.
inline entity_record to_entity(const row& r, std::size_t first = 0) {
  return {.name = r.text(first),
          .owner = r.text(first + 1),
          .incarnation = r.number(first + 2),
          .epoch = r.number(first + 3),
          .version = r.number(first + 4),
          .kind_version = static_cast<int>(r.number(first + 5)),
          .state = r.binary(first + 6),
          .answers = r.binary(first + 7)};
}

}  // namespace troupe::storage::sql
