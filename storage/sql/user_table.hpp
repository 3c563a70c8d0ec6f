// SPDX-License-Identifier: GPL-3.0-or-later
// user_store over the relational schema. Thread: any that may block.
#pragma once

#include "storage/sql/access.hpp"
#include "storage/user_store.hpp"

namespace troupe::storage::sql {

class user_table final : public user_store {
 public:
  explicit user_table(access a) : access_(a) {}

  result<void> add(const user_record& user, const user_keys& keys) override;
  result<user_record> find(user_id id) override;
  result<user_record> find_by_login(std::string_view key) override;
  result<user_record> find_by_stream_key(byte_view digest) override;
  result<bytes> sealed_stream_key(user_id id) override;
  result<void> replace_stream_key(user_id id, byte_view sealed, byte_view digest) override;
  result<std::int64_t> set_password_hash(user_id id, const std::optional<std::string>& expected,
                                         std::string_view hash, wall_time now) override;
  result<void> renew_password_hash(user_id id, std::string_view expected,
                                   std::string_view hash) override;
  result<void> set_email(user_id id, std::int64_t seen, std::string_view email,
                         std::string_view email_key) override;
  result<std::int64_t> end_log_ins(user_id id, wall_time now) override;
  result<std::vector<ended_log_ins>> log_ins_ended_since(wall_time t) override;
  result<std::vector<unfinished_name>> names_without_skeleton() override;
  result<void> set_skeleton(user_id id, std::string_view skeleton) override;
  result<bool> has_administrator() override;

 private:
  error why_taken(const user_keys& keys);

  access access_;
};

}  // namespace troupe::storage::sql
