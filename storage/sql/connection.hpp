// SPDX-License-Identifier: GPL-3.0-or-later
// One connection to the store, and a statement on it: the seam to SOCI, where exceptions become
// errors. Binary columns travel as hex, through encode(…, 'hex') and decode(…, 'hex'), which
// PostgreSQL has and SQLite is taught. Each statement is one round trip.
// Thread: used by one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "storage/database.hpp"

namespace troupe::storage::sql {

/// A named parameter: ":name" in the statement.
struct parameter {
  using value_type = std::variant<std::monostate, std::int64_t, std::string>;

  parameter(const char* n, std::int64_t v) : name(n), value(v) {}

  parameter(const char* n, std::string_view v) : name(n), value(std::string(v)) {}

  parameter(const char* n, wall_time v) : name(n), value(v.time_since_epoch().count()) {}

  /// As hex.
  parameter(const char* n, byte_view v);

  template <class T>
  parameter(const char* n, const std::optional<T>& v) : name(n) {
    if (v) {
      value = parameter(n, *v).value;
    }
  }

  const char* name;
  value_type value;
};

/// What came back, by position. Reading NULL gives zero or nothing.
class row {
 public:
  explicit row(std::vector<std::optional<std::string>> cells) : cells_(std::move(cells)) {}

  std::int64_t number(std::size_t column) const;
  std::optional<std::int64_t> optional_number(std::size_t column) const;
  std::string text(std::size_t column) const;
  wall_time time(std::size_t column) const;
  std::optional<wall_time> optional_time(std::size_t column) const;
  bytes binary(std::size_t column) const;

 private:
  std::vector<std::optional<std::string>> cells_;
};

class connection {
 public:
  virtual ~connection() = default;

  /// Runs one statement that answers rows of this many columns (0: none).
  [[nodiscard]] virtual result<std::vector<row>> query(const std::string& statement,
                                                       const std::vector<parameter>& parameters,
                                                       std::size_t columns) = 0;
  virtual engine kind() const = 0;
  /// No further use: the next lease makes a new one.
  virtual bool is_broken() const = 0;
  /// How long a call may be silent before it is cut.
  virtual void set_patience(std::chrono::milliseconds patience) = 0;

  [[nodiscard]] result<void> run(const std::string& statement,
                                 const std::vector<parameter>& parameters = {});
};

/// Rolls back unless committed. Takes the write lock at once, so that SQLite never has to refuse
/// halfway.
class transaction {
 public:
  [[nodiscard]] static result<transaction> begin(connection& c);

  transaction(transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}

  transaction& operator=(transaction&&) = delete;
  ~transaction();
  [[nodiscard]] result<void> commit();

 private:
  explicit transaction(connection& c) : connection_(&c) {}

  connection* connection_;
};

/// Lower-case hex.
std::string to_hex(byte_view data);
/// Nothing when it is not hex.
std::optional<bytes> from_hex(std::string_view text);
/// Valid UTF-8 without zero bytes: what both engines take as text.
bool is_storable_text(std::string_view text);

}  // namespace troupe::storage::sql
