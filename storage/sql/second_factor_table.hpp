// SPDX-License-Identifier: GPL-3.0-or-later
// second_factor_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/second_factor_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class second_factor_table final : public second_factor_store {
 public:
  explicit second_factor_table(access a) : access_(a) {}

  result<second_factor_record> find(user_id user) override;
  result<void> begin(user_id user, std::int64_t seen, byte_view sealed_secret) override;
  result<std::int64_t> confirm(user_id user, byte_view sealed_secret, std::int64_t step,
                               byte_view recovery, wall_time now) override;
  result<bool> use_step(user_id user, std::int64_t step) override;
  result<bool> replace_recovery(user_id user, std::int64_t seen, byte_view expected,
                                byte_view recovery) override;
  result<void> remove(user_id user, std::optional<std::int64_t> seen) override;

 private:
  result<void> unless_ended(user_id user, std::int64_t seen);

  access access_;
};

}  // namespace troupe::storage::sql
