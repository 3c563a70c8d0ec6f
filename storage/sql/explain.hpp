// SPDX-License-Identifier: GPL-3.0-or-later
// Query plans, for the tests that hold every statement to an index.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

[[nodiscard]] result<std::vector<std::string>> explain_sqlite(connection& c,
                                                              std::string_view statement);
/// The generic plan, for any parameters, as if reading a whole table were forbidden.
[[nodiscard]] result<std::vector<std::string>> explain_postgresql(connection& c,
                                                                  std::string_view statement);

/// ":name" → "$1" and so on; how many there were.
struct numbered_statement {
  std::string text;
  int parameters = 0;
};

numbered_statement number_parameters(std::string_view statement);

}  // namespace troupe::storage::sql
