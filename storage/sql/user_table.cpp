// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/user_table.hpp"

namespace troupe::storage::sql {

namespace {

constexpr const char* missing = "no such user";

const std::string select_user =
    "SELECT id, username, email, password_hash, is_administrator, created_at FROM users ";
constexpr std::size_t user_columns = 6;

result<user_record> to_record(result<std::vector<row>> rows) {
  const auto found = only_row(std::move(rows), missing);
  if (!found) {
    return fail(found.error());
  }
  return user_record{.id = found->number(0),
                     .username = found->text(1),
                     .email = found->text(2),
                     .password_hash = found->text(3),
                     .is_administrator = found->number(4) != 0,
                     .created_at = found->time(5)};
}

}  // namespace

result<void> user_table::add(const user_record& user, const user_keys& keys) {
  const auto added = access_.write(
      "INSERT INTO users (id, username, username_key, email, email_key, password_hash, "
      "is_administrator, created_at, sealed_stream_key, stream_key_digest) "
      "VALUES (:id, :username, :username_key, :email, :email_key, :password_hash, "
      ":is_administrator, :created_at, decode(:sealed, 'hex'), decode(:digest, 'hex')) "
      "ON CONFLICT DO NOTHING RETURNING id",
      {{"id", user.id},
       {"username", user.username},
       {"username_key", keys.username_key},
       {"email", user.email},
       {"email_key", keys.email_key},
       {"password_hash", user.password_hash},
       {"is_administrator", std::int64_t{user.is_administrator}},
       {"created_at", user.created_at},
       {"sealed", byte_view(keys.sealed_stream_key)},
       {"digest", byte_view(keys.stream_key_digest)}},
      1);
  if (!added) {
    return fail(added.error());
  }
  return added->empty() ? fail(why_taken(keys)) : result<void>();
}

error user_table::why_taken(const user_keys& keys) {
  const auto taken = access_.read(
      "SELECT (SELECT COUNT(*) FROM users WHERE username_key = :username_key), "
      "(SELECT COUNT(*) FROM users WHERE email_key = :email_key)",
      {{"username_key", keys.username_key}, {"email_key", keys.email_key}}, 2);
  if (!taken) {
    return taken.error();
  }
  if (taken->front().number(0) != 0) {
    return make_error(errc::conflict, "username_taken", "this username is taken");
  }
  if (taken->front().number(1) != 0) {
    return make_error(errc::conflict, "email_taken", "this email address has an account");
  }
  return make_error(errc::internal, "a user's id or stream key is not unique");
}

result<user_record> user_table::find(user_id id) {
  return to_record(access_.read(select_user + "WHERE id = :id", {{"id", id}}, user_columns));
}

result<user_record> user_table::find_by_login(std::string_view key) {
  return to_record(access_.read(select_user + "WHERE username_key = :key OR email_key = :key2",
                                {{"key", key}, {"key2", key}}, user_columns));
}

result<user_record> user_table::find_by_stream_key(byte_view digest) {
  return to_record(access_.read(select_user + "WHERE stream_key_digest = decode(:digest, 'hex')",
                                {{"digest", digest}}, user_columns));
}

result<bytes> user_table::sealed_stream_key(user_id id) {
  const auto found =
      only_row(access_.read("SELECT encode(sealed_stream_key, 'hex') FROM users WHERE id = :id",
                            {{"id", id}}, 1),
               missing);
  if (!found) {
    return fail(found.error());
  }
  return found->binary(0);
}

result<void> user_table::replace_stream_key(user_id id, byte_view sealed, byte_view digest) {
  const auto changed = only_row(
      access_.write("UPDATE users SET sealed_stream_key = decode(:sealed, 'hex'), "
                    "stream_key_digest = decode(:digest, 'hex') WHERE id = :id RETURNING id",
                    {{"id", id}, {"sealed", sealed}, {"digest", digest}}, 1),
      missing);
  if (!changed) {
    return fail(changed.error());
  }
  return {};
}

result<void> user_table::set_password_hash(user_id id, std::string_view hash) {
  const auto changed =
      only_row(access_.write("UPDATE users SET password_hash = :hash WHERE id = :id RETURNING id",
                             {{"hash", hash}, {"id", id}}, 1),
               missing);
  if (!changed) {
    return fail(changed.error());
  }
  return {};
}

result<bool> user_table::has_administrator() {
  const auto found = access_.read("SELECT id FROM users WHERE is_administrator = 1 LIMIT 1", {}, 1);
  if (!found) {
    return fail(found.error());
  }
  return !found->empty();
}

}  // namespace troupe::storage::sql
