// SPDX-License-Identifier: GPL-3.0-or-later
// token_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/sql/access.hpp"
#include "storage/token_store.hpp"

namespace troupe::storage::sql {

class token_table final : public token_store {
 public:
  explicit token_table(access a) : access_(a) {}

  result<void> add(const token_family& token, wall_time now) override;
  result<token_owner> rotate(byte_view family, byte_view old_secret, byte_view new_secret,
                             wall_time now, wall_time expires_at) override;
  result<token_owner> find_owner(byte_view family, byte_view secret, wall_time now) override;
  result<void> revoke(byte_view family) override;
  result<void> revoke_all(user_id user) override;
  result<bool> knows_network(user_id user, std::int64_t network) override;
  result<std::size_t> remove_expired(wall_time now) override;

 private:
  result<void> remember_network(user_id user, std::int64_t network, wall_time now);
  result<token_owner> repeated(byte_view family, byte_view new_secret, wall_time now);

  access access_;
};

}  // namespace troupe::storage::sql
