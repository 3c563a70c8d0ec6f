// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/view_change.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>

namespace troupe::storage::sql {

void view_change::raise(const std::string& sets, const std::string& condition,
                        std::vector<parameter> parameters) {
  steps_.push_back({fmt::format("UPDATE cluster SET view_number = view_number + 1{} "
                                "WHERE id = 1 AND {} RETURNING view_number",
                                sets, condition),
                    std::move(parameters)});
}

void view_change::then(std::string statement, std::vector<parameter> parameters) {
  steps_.push_back({std::move(statement), std::move(parameters)});
}

result<std::optional<std::int64_t>> view_change::apply(const access& a) const {
  const auto rows = kind_ == engine::postgresql
                        ? apply_at_once(a)
                        : a.transact([this](connection& c) { return apply_in(c); });
  if (!rows) {
    return fail(rows.error());
  }
  return rows->empty() ? std::nullopt : rows->front().optional_number(0);
}

result<std::vector<row>> view_change::apply_at_once(const access& a) const {
  std::string text = "WITH raised AS (" + steps_.front().text + ")";
  auto parameters = steps_.front().parameters;
  for (std::size_t i = 1; i < steps_.size(); ++i) {
    text += fmt::format(", step{} AS ({})", i, steps_[i].text);
    for (const auto& p : steps_[i].parameters) {
      const bool known = std::ranges::any_of(
          parameters, [&](const parameter& k) { return std::string_view(k.name) == p.name; });
      if (!known) {
        parameters.push_back(p);
      }
    }
  }
  return a.write(text + " SELECT view_number FROM raised", parameters, 1);
}

result<std::vector<row>> view_change::apply_in(connection& c) const {
  auto raised = c.query(steps_.front().text, steps_.front().parameters, 1);
  if (!raised || raised->empty()) {
    return raised;
  }
  for (std::size_t i = 1; i < steps_.size(); ++i) {
    if (auto done = c.run(steps_[i].text, steps_[i].parameters); !done) {
      return fail(std::move(done.error()));
    }
  }
  return raised;
}

const char* store_time(engine kind) {
  // 2440587.5: the Julian day of 1970. Exact to a millisecond.
  return kind == engine::sqlite ? "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"
                                : "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
}

}  // namespace troupe::storage::sql
