// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/explain.hpp"

#include <cctype>

namespace troupe::storage::sql {

namespace {

result<std::vector<std::string>> texts(result<std::vector<row>> rows, std::size_t column) {
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  std::vector<std::string> lines;
  for (const auto& r : *rows) {
    lines.push_back(r.text(column));
  }
  return lines;
}

}  // namespace

numbered_statement number_parameters(std::string_view statement) {
  numbered_statement out;
  bool quoted = false;
  for (std::size_t i = 0; i < statement.size(); ++i) {
    quoted = quoted != (statement[i] == '\'');
    if (quoted || statement[i] != ':') {
      out.text.push_back(statement[i]);
      continue;
    }
    out.text += "$" + std::to_string(++out.parameters);
    while (
        i + 1 < statement.size() &&
        (std::isalnum(static_cast<unsigned char>(statement[i + 1])) || statement[i + 1] == '_')) {
      ++i;
    }
  }
  return out;
}

result<std::vector<std::string>> explain_sqlite(connection& c, std::string_view statement) {
  std::string text = "EXPLAIN QUERY PLAN ";
  // Unbound parameters are NULL to SQLite, but SOCI wants every ":name" bound: "?" it leaves alone.
  const auto numbered = number_parameters(statement);
  for (const char c2 : numbered.text) {
    text.push_back(c2 == '$' ? '?' : c2);
  }
  return texts(c.query(text, {}, 4), 3);
}

result<std::vector<std::string>> explain_postgresql(connection& c, std::string_view statement) {
  const auto numbered = number_parameters(statement);
  std::string nulls;
  for (int i = 0; i < numbered.parameters; ++i) {
    nulls += i == 0 ? "(NULL" : ", NULL";
  }
  nulls += nulls.empty() ? "" : ")";
  auto t = transaction::begin(c);  // rolled back: the settings end with it
  if (!t) {
    return fail(std::move(t.error()));
  }
  for (const auto& step : {std::string("SET LOCAL enable_seqscan = off"),
                           std::string("SET LOCAL plan_cache_mode = force_generic_plan"),
                           "PREPARE troupe_explained AS " + numbered.text}) {
    if (auto done = c.run(step); !done) {
      return fail(std::move(done.error()));
    }
  }
  auto plan = texts(c.query("EXPLAIN EXECUTE troupe_explained" + nulls, {}, 1), 0);
  std::ignore = c.run("DEALLOCATE troupe_explained");
  return plan;
}

}  // namespace troupe::storage::sql
