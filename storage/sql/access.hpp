// SPDX-License-Identifier: GPL-3.0-or-later
// How the tables reach their connections: SQLite has one writer and several readers, PostgreSQL one
// pool for both. Thread: any that may block.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "storage/sql/pool.hpp"

namespace troupe::storage::sql {

class access {
 public:
  access(pool& readers, pool& writers) : readers_(readers), writers_(writers) {}

  /// One statement that changes nothing: asked again, once, when its connection was lost.
  [[nodiscard]] result<std::vector<row>> read(const std::string& statement,
                                              const std::vector<parameter>& parameters,
                                              std::size_t columns) const {
    auto answer = in(readers_, statement, parameters, columns);
    if (!answer && answer.error().reason == "store_unavailable") {
      answer = in(readers_, statement, parameters, columns);
    }
    return answer;
  }

  /// One statement that may change something, a transaction of its own.
  [[nodiscard]] result<std::vector<row>> write(const std::string& statement,
                                               const std::vector<parameter>& parameters,
                                               std::size_t columns) const {
    return in(writers_, statement, parameters, columns);
  }

  /// Several statements that change something together: work(connection) in one transaction, which
  /// is undone when it answers an error.
  template <class Work>
  [[nodiscard]] auto transact(Work work) const -> std::invoke_result_t<Work, connection&> {
    auto held = writers_.take();
    if (!held) {
      return fail(std::move(held.error()));
    }
    auto t = transaction::begin(**held);
    if (!t) {
      return fail(std::move(t.error()));
    }
    auto outcome = work(**held);
    if (!outcome) {
      return outcome;
    }
    if (auto done = t->commit(); !done) {
      return fail(std::move(done.error()));
    }
    return outcome;
  }

 private:
  static result<std::vector<row>> in(pool& p, const std::string& statement,
                                     const std::vector<parameter>& parameters,
                                     std::size_t columns) {
    auto held = p.take();
    if (!held) {
      return fail(std::move(held.error()));
    }
    return (*held)->query(statement, parameters, columns);
  }

  pool& readers_;
  pool& writers_;
};

/// The first row, or not_found.
[[nodiscard]] inline result<row> only_row(result<std::vector<row>> rows, const char* missing) {
  if (!rows) {
    return fail(std::move(rows.error()));
  }
  if (rows->empty()) {
    return fail(errc::not_found, missing);
  }
  return std::move(rows->front());
}

/// Only whether it went well.
[[nodiscard]] inline result<void> without_rows(const result<std::vector<row>>& rows) {
  if (!rows) {
    return fail(rows.error());
  }
  return {};
}

}  // namespace troupe::storage::sql
