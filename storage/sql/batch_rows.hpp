// SPDX-License-Identifier: GPL-3.0-or-later
// Many rows as one parameter of one statement, a JSON array, and how SQL reads it back as a table v
// with the columns a, b, c … Thread: used by one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

/// Rows of one table. types: a letter per column, n a number, t a text, N and T the same or NULL.
/// What is zero, empty or NULL is left out of the JSON: most messages are half as long so.
class batch_rows {
 public:
  batch_rows(const char* parameter, std::string_view types)
      : parameter_(parameter), types_(types) {}

  batch_rows& begin();
  batch_rows& add(std::int64_t value);
  batch_rows& add(const std::string& value);
  batch_rows& add(wall_time value);
  batch_rows& add(const std::optional<std::int64_t>& value);
  batch_rows& add(const std::optional<wall_time>& value);
  batch_rows& add(const std::optional<std::string>& value);

  bool empty() const { return json_.empty(); }

  /// False once a text was not UTF-8 or held a zero byte.
  bool is_storable() const { return is_storable_; }

  parameter json() const;
  /// "… AS v", to stand after FROM.
  std::string source(engine kind) const;
  /// "v.a, v.b …" with what was left out put back.
  std::string values() const;

 private:
  void begin_value();
  void put(std::int64_t value);
  void put(std::string_view value);

  const char* parameter_;
  std::string_view types_;
  std::string json_;
  char next_ = 'a';
  bool is_storable_ = true;
};

}  // namespace troupe::storage::sql
