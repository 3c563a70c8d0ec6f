// SPDX-License-Identifier: GPL-3.0-or-later
// What both engines have in common: a SOCI session and a statement run on it. The only header that
// includes SOCI. Thread: used by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <soci/soci.h>

#include "storage/sql/connection.hpp"

namespace troupe::storage::sql {

class soci_connection : public connection {
 public:
  explicit soci_connection(std::function<void(std::string_view)> observe)
      : observe_(std::move(observe)) {}

  result<std::vector<row>> query(const std::string& statement,
                                 const std::vector<parameter>& parameters,
                                 std::size_t columns) final;

 protected:
  soci::session& session() { return session_; }

  /// What an exception out of the session means; may mark the connection as broken.
  virtual error translate(const soci::soci_error& thrown) = 0;

  /// Around each call, so that an engine can watch how long it takes.
  virtual void call_begins() {}

  virtual void call_ends() {}

 private:
  std::function<void(std::string_view)> observe_;
  soci::session session_;
};

}  // namespace troupe::storage::sql
