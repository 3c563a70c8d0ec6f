// SPDX-License-Identifier: GPL-3.0-or-later
// answer_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/answer_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class answer_table final : public answer_store {
 public:
  explicit answer_table(access a) : access_(a) {}

  result<claimed_answer> claim(const answer_key& k, byte_view fingerprint, const answer_bounds& b,
                               wall_time now) override;
  result<void> keep(const answer_key& k, wall_time since, byte_view answer) override;
  result<void> release(const answer_key& k, wall_time since) override;
  result<std::size_t> remove_old(wall_time before, int limit) override;

 private:
  access access_;
};

}  // namespace troupe::storage::sql
