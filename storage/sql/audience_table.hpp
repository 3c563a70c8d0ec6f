// SPDX-License-Identifier: GPL-3.0-or-later
// audience_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/audience_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

class audience_table final : public audience_store {
 public:
  audience_table(access a, engine kind) : access_(a), kind_(kind) {}

  result<void> record(std::span<const audience_sample> samples) override;

 private:
  access access_;
  engine kind_;
};

}  // namespace troupe::storage::sql
