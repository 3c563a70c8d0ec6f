// SPDX-License-Identifier: GPL-3.0-or-later
// Brings the schema up to date. Migrations only add, so that a program one version older works on
// the schema of the newer. A file that breaks this says so in its first lines, "-- needs: N": only
// programs that know migration N may work on the schema from then on.
// Thread: one call at a time per process; several processes are held apart by a lock in the store.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace troupe::storage::sql {

class connection;

struct migration {
  std::int64_t number = 0;  ///< from 1; each once
  std::string_view name;    ///< the file's, without its ending
  std::string_view text;
};

/// Those of storage/migrations, in order.
std::span<const migration> embedded_migrations();

/// Statements as the engine takes them: one at a time, without comment lines. Strings in
/// migrations hold no semicolon.
std::vector<std::string> split_statements(std::string_view text);

/// Applies, in the order of their numbers, those that the database has not seen: one that was
/// written beside a higher one is not forgotten. All or nothing, in one transaction. Errors:
/// unsupported (schema_too_new), data_corrupt (the database holds tables of something else), and
/// those of every call.
[[nodiscard]] result<void> migrate(connection& c, std::span<const migration> known, wall_time now);

}  // namespace troupe::storage::sql
