// SPDX-License-Identifier: GPL-3.0-or-later
// A change of the cluster's view: one statement that raises the view number if it may, and others
// that do something only if it did. PostgreSQL runs them as one, so that a client that stops midway
// holds no lock; SQLite in a transaction.
//
// The row of the table cluster is locked first and by every change: what the others read of nodes
// that only such changes write is as the raised view had it. Thread: used by one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class view_change {
 public:
  explicit view_change(engine kind) : kind_(kind) {}

  /// To stand at the end of the WHERE of each statement that follows.
  const char* if_raised() const {
    return kind_ == engine::postgresql ? " AND EXISTS (SELECT 1 FROM raised)" : "";
  }

  /// condition: of the row of cluster; sets: further columns, with a comma in front.
  void raise(const std::string& sets, const std::string& condition,
             std::vector<parameter> parameters);
  void then(std::string statement, std::vector<parameter> parameters);

  /// The new view number; nothing when it was not raised.
  [[nodiscard]] result<std::optional<std::int64_t>> apply(const access& a) const;

 private:
  struct step {
    std::string text;
    std::vector<parameter> parameters;
  };

  result<std::vector<row>> apply_at_once(const access& a) const;
  result<std::vector<row>> apply_in(connection& c) const;

  engine kind_;
  std::vector<step> steps_;
};

/// The store's clock, in microseconds since 1970, as an expression.
const char* store_time(engine kind);

}  // namespace troupe::storage::sql
