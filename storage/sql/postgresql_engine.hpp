// SPDX-License-Identifier: GPL-3.0-or-later
// PostgreSQL: address, connection with every wait bounded, and a watch that cuts calls from outside
// when the network swallows them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

/// "postgresql://…" as the keyword form SOCI wants ("host='…' dbname='…'"), with our timeouts where
/// the address sets none. Errors: invalid_argument.
[[nodiscard]] result<std::string> keyword_form(std::string_view url);

/// Cuts calls that are silent for longer than their connection's patience. One thread. Must outlive
/// the connections made with it. Thread: any.
class call_watch {
 public:
  call_watch();
  ~call_watch();
  call_watch(const call_watch&) = delete;
  call_watch& operator=(const call_watch&) = delete;

  struct impl;

  impl& inside() { return *impl_; }

 private:
  std::unique_ptr<impl> impl_;
};

/// Errors: unavailable (store_unavailable), with the server's own words.
[[nodiscard]] result<std::unique_ptr<connection>> connect_postgresql(
    const std::string& keywords, call_watch& watch, std::function<void(std::string_view)> observe);

}  // namespace troupe::storage::sql
