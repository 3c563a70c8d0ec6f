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
  result<entity_record> load(std::string_view name) override;
  result<std::vector<commit_outcome>> commit_batch(std::span<const entity_write> writes) override;

 private:
  error why_refused(const entity_claim& wanted);

  access access_;
  engine kind_;
};

}  // namespace troupe::storage::sql
