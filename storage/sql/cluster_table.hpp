// SPDX-License-Identifier: GPL-3.0-or-later
// cluster_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/cluster_store.hpp"
#include "storage/sql/access.hpp"

namespace troupe::storage::sql {

error too_many_facts();

class cluster_table final : public cluster_store {
 public:
  cluster_table(access a, engine kind) : access_(a), kind_(kind) {}

  result<cluster_record> read() override;
  result<join_outcome> join(const join_request& wanted) override;
  result<change_outcome> change(const node_change& wanted) override;
  result<bool> vote(const vote_request& wanted) override;
  result<void> withdraw_vote(std::string_view target, std::int64_t target_incarnation,
                             std::string_view voter, std::int64_t voter_incarnation) override;
  result<std::optional<refresh_outcome>> refresh(std::string_view name, std::int64_t incarnation,
                                                 std::string_view facts) override;
  result<std::size_t> remove_gone(std::chrono::milliseconds longer_than, int limit) override;

 private:
  struct before_join;
  result<before_join> look(const std::string& name);
  result<std::optional<std::int64_t>> replace(const join_request& wanted, const before_join& seen);
  result<std::int64_t> present_view();

  access access_;
  engine kind_;
};

}  // namespace troupe::storage::sql
