// SPDX-License-Identifier: GPL-3.0-or-later
// SQLite: one file, write-ahead log, every commit on the disk before it is answered.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

/// Makes the folder (mode 0700) and an empty file (0600) where they are missing, and looks whether
/// both can be written. Errors: unavailable (store_not_writable).
[[nodiscard]] result<void> prepare_sqlite_file(const std::filesystem::path& file);

enum class sqlite_role : std::uint8_t { writer, reader };

[[nodiscard]] result<std::unique_ptr<connection>> connect_sqlite(
    const std::filesystem::path& file, sqlite_role role,
    std::function<void(std::string_view)> observe);

}  // namespace troupe::storage::sql
