// SPDX-License-Identifier: GPL-3.0-or-later
// entity_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/entity_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class entity_table final : public entity_store {
 public:
  entity_table(access a, engine kind) : access_(a), kind_(kind) {}

  result<entity_record> claim(const entity_claim& wanted) override;
  result<std::vector<claim_outcome>> claim_batch(std::span<const entity_claim> wanted) override;
  result<entity_record> load(std::string_view name) override;
  result<std::vector<commit_outcome>> commit_batch(std::span<const entity_write> writes) override;
  result<std::vector<entity_owner>> owner_of(std::span<const std::string> names) override;
  result<std::vector<entity_owner>> owned_by(std::string_view node, std::int64_t incarnation,
                                             std::string_view after_name, int limit) override;
  result<std::int64_t> count_owned(std::string_view node, std::int64_t incarnation) override;

 private:
  access access_;
  engine kind_;
};

}  // namespace troupe::storage::sql
