// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/migrations.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "base/log.hpp"
#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

namespace {

/// How long a start waits while another node migrates.
constexpr std::chrono::seconds migration_patience{60};
/// "trpe": no other program's advisory lock, we hope.
constexpr std::int64_t advisory_lock = 0x74727065;

constexpr const char* make_table =
    "CREATE TABLE IF NOT EXISTS migration (number BIGINT PRIMARY KEY, name TEXT NOT NULL, "
    "needs BIGINT NOT NULL, applied_at BIGINT NOT NULL)";

struct schema_state {
  std::set<std::int64_t> applied;
  std::int64_t needs = 0;

  std::int64_t newest() const { return applied.empty() ? 0 : *applied.rbegin(); }
};

/// What the file says after "-- needs: " in its comment lines; 0 otherwise.
std::int64_t needs_of(std::string_view text) {
  constexpr std::string_view mark = "-- needs: ";
  const auto found = text.find(mark);
  std::int64_t value = 0;
  if (found != std::string_view::npos) {
    const auto digits = text.substr(found + mark.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
  }
  return value;
}

std::int64_t newest_of(std::span<const migration> known) {
  return known.empty() ? 0 : known.back().number;
}

result<std::int64_t> count(connection& c, const std::string& statement) {
  auto rows = c.query(statement, {}, 1);
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  return rows->empty() ? 0 : rows->front().number(0);
}

/// Keeps us from building our tables into some other program's database.
result<void> refuse_foreign_tables(connection& c) {
  const bool lite = c.kind() == engine::sqlite;
  const std::string tables =
      lite ? "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'"
           : "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()";
  auto all = count(c, tables);
  auto ours =
      count(c, tables + (lite ? " AND name = 'migration'" : " AND table_name = 'migration'"));
  if (!all || !ours) {
    return fail(all ? ours.error() : all.error());
  }
  if (*all > 0 && *ours == 0) {
    return fail(errc::data_corrupt, "not_our_database",
                "the database holds tables of another program");
  }
  return {};
}

result<void> make_migration_table(connection& c) {
  return c.run(make_table);
}

result<schema_state> read_state(connection& c) {
  auto rows = c.query("SELECT number, needs FROM migration", {}, 2);
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  schema_state state;
  for (const auto& each : *rows) {
    state.applied.insert(each.number(0));
    state.needs = std::max(state.needs, each.number(1));
  }
  return state;
}

result<void> lock_schema(connection& c) {
  if (c.kind() == engine::sqlite) {
    return {};  // BEGIN IMMEDIATE is the lock
  }
  const auto patience = fmt::format("{}s", migration_patience.count());
  for (const auto& statement : {"SET LOCAL lock_timeout = '" + patience + "'",
                                std::string("SET LOCAL statement_timeout = 0"),
                                fmt::format("SELECT pg_advisory_xact_lock({})", advisory_lock)}) {
    if (auto done = c.run(statement); !done) {
      return done;
    }
  }
  return {};
}

result<void> apply(connection& c, const migration& m, wall_time now) {
  for (const auto& statement : split_statements(m.text)) {
    if (auto done = c.run(statement); !done) {
      return fail(done.error().with(fmt::format("migration {}", m.name)));
    }
  }
  return c.run(
      "INSERT INTO migration (number, name, needs, applied_at) "
      "VALUES (:number, :name, :needs, :now)",
      {{"number", m.number}, {"name", m.name}, {"needs", needs_of(m.text)}, {"now", now}});
}

result<void> bring_up(connection& c, std::span<const migration> known, wall_time now) {
  for (const auto step : {lock_schema, refuse_foreign_tables, make_migration_table}) {
    if (auto done = step(c); !done) {
      return done;
    }
  }
  const auto state = read_state(c);
  if (!state) {
    return fail(state.error());
  }
  if (state->needs > newest_of(known)) {
    return fail(errc::unsupported, "schema_too_new",
                fmt::format("the database has schema {}, which needs a program that knows schema "
                            "{}; this one knows {}: start a newer version of Troupe",
                            state->newest(), state->needs, newest_of(known)));
  }
  for (const auto& m : known) {
    if (!state->applied.contains(m.number)) {
      if (auto done = apply(c, m, now); !done) {
        return done;
      }
      log::info("schema brought up to date migration={}", m.name);
    }
  }
  return {};
}

}  // namespace

std::vector<std::string> split_statements(std::string_view text) {
  std::vector<std::string> statements;
  std::string current;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    auto line = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    const auto start = std::min(line.find_first_not_of(" \n"), line.size());
    if (line.substr(start).starts_with("--") || (current.empty() && start == line.size())) {
      continue;
    }
    current.append(line);
    if (const auto mark = current.find_last_not_of(" \n");
        mark != std::string::npos && current[mark] == ';') {
      current.resize(mark);
      statements.push_back(std::exchange(current, {}));
    }
  }
  if (!current.empty()) {
    statements.push_back(std::move(current));
  }
  return statements;
}

result<void> migrate(connection& c, std::span<const migration> known, wall_time now) {
  c.set_patience(migration_patience + std::chrono::seconds(5));
  auto t = transaction::begin(c);
  if (!t) {
    return fail(std::move(t.error()));
  }
  auto done = bring_up(c, known, now);
  return done ? t->commit() : done;
}

}  // namespace troupe::storage::sql
