// SPDX-License-Identifier: GPL-3.0-or-later
// secret_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/secret_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class secret_table final : public secret_store {
 public:
  explicit secret_table(access a) : access_(a) {}

  result<bytes> find(std::string_view name) override;
  result<bytes> add(std::string_view name, byte_view sealed, wall_time now) override;
  result<std::vector<stored_secret>> list(std::string_view prefix) override;
  result<void> remove(std::string_view name) override;

 private:
  access access_;
};

}  // namespace troupe::storage::sql
