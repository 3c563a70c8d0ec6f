// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/soci_connection.hpp"

namespace troupe::storage::sql {

namespace {

/// SOCI keeps pointers to what is exchanged until the statement is gone: these hold it.
struct bound {
  const char* name;
  long long number = 0;
  std::string text;
  soci::indicator is_null = soci::i_ok;
};

struct cell {
  std::string text;
  soci::indicator is_null = soci::i_ok;
};

void exchange_parameter(soci::statement& s, bound& b, const parameter& p) {
  b.name = p.name;
  if (const auto* number = std::get_if<std::int64_t>(&p.value)) {
    b.number = *number;
    s.exchange(soci::use(b.number, b.is_null, b.name));
    return;
  }
  if (const auto* text = std::get_if<std::string>(&p.value)) {
    b.text = *text;
  } else {
    b.is_null = soci::i_null;
  }
  s.exchange(soci::use(b.text, b.is_null, b.name));
}

std::vector<row> execute(soci::session& session, const std::string& text,
                         const std::vector<parameter>& parameters, std::size_t columns) {
  std::vector<bound> inputs(parameters.size());
  std::vector<cell> outputs(columns);
  soci::statement statement(session);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    exchange_parameter(statement, inputs[i], parameters[i]);
  }
  for (auto& c : outputs) {
    statement.exchange(soci::into(c.text, c.is_null));
  }
  statement.alloc();
  // One-time: PostgreSQL would need a round trip more to prepare, and one to forget it again.
  statement.prepare(text, soci::details::st_one_time_query);
  statement.define_and_bind();
  std::vector<row> rows;
  for (bool more = statement.execute(true); more && columns > 0; more = statement.fetch()) {
    std::vector<std::optional<std::string>> cells;
    cells.reserve(columns);
    for (const auto& c : outputs) {
      cells.push_back(c.is_null == soci::i_null ? std::nullopt : std::optional(c.text));
    }
    rows.emplace_back(std::move(cells));
  }
  return rows;
}

}  // namespace

result<std::vector<row>> soci_connection::query(const std::string& statement,
                                                const std::vector<parameter>& parameters,
                                                std::size_t columns) {
  for (const auto& p : parameters) {
    const auto* text = std::get_if<std::string>(&p.value);
    if (text != nullptr && !is_storable_text(*text)) {
      return fail(errc::invalid_argument, "invalid_text",
                  std::string(p.name) + " is not text in UTF-8 without zero bytes");
    }
  }
  if (observe_) {
    observe_(statement);
  }
  call_begins();
  try {
    auto rows = execute(session_, statement, parameters, columns);
    call_ends();
    return rows;
  } catch (const soci::soci_error& thrown) {
    call_ends();
    return fail(translate(thrown));
  } catch (const std::exception& thrown) {
    call_ends();
    return fail(errc::internal, std::string("store: ") + thrown.what());
  }
}

}  // namespace troupe::storage::sql
