// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/user_table.hpp"

namespace troupe::storage::sql {

namespace {

constexpr const char* missing = "no such user";
constexpr const char* email_taken = "this email address has an account";

const std::string select_user =
    "SELECT id, username, email, password_hash, is_administrator, created_at, "
    "generation FROM users ";
constexpr std::size_t user_columns = 7;

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
                     .created_at = found->time(5),
                     .generation = found->number(6)};
}

}  // namespace

result<void> user_table::add(const user_record& user, const user_keys& keys) {
  const auto added = access_.write(
      "INSERT INTO users (id, username, username_key, email, email_key, password_hash, "
      "is_administrator, created_at, sealed_stream_key, stream_key_digest, username_skeleton) "
      "VALUES (:id, :username, :username_key, :email, :email_key, :password_hash, "
      ":is_administrator, :created_at, decode(:sealed, 'hex'), decode(:digest, 'hex'), "
      ":skeleton) ON CONFLICT DO NOTHING RETURNING id",
      {{"id", user.id},
       {"username", user.username},
       {"username_key", keys.username_key},
       {"email", user.email},
       {"email_key", keys.email_key},
       {"password_hash", user.password_hash},
       {"is_administrator", std::int64_t{user.is_administrator}},
       {"created_at", user.created_at},
       {"sealed", byte_view(keys.sealed_stream_key)},
       {"digest", byte_view(keys.stream_key_digest)},
       {"skeleton",
        keys.username_skeleton.empty() ? std::nullopt : std::optional(keys.username_skeleton)}},
      1);
  if (!added) {
    return fail(added.error());
  }
  return added->empty() ? fail(why_taken(keys)) : result<void>();
}

error user_table::why_taken(const user_keys& keys) {
  const auto taken = access_.read(
      "SELECT (SELECT COUNT(*) FROM users WHERE username_key = :username_key), "
      "(SELECT COUNT(*) FROM users WHERE username_skeleton = :skeleton), "
      "(SELECT COUNT(*) FROM users WHERE email_key = :email_key)",
      {{"username_key", keys.username_key},
       {"skeleton", keys.username_skeleton},
       {"email_key", keys.email_key}},
      3);
  if (!taken) {
    return taken.error();
  }
  if (taken->front().number(0) != 0) {
    return make_error(errc::conflict, "username_taken", "this username is taken");
  }
  if (taken->front().number(1) != 0) {
    return make_error(errc::conflict, "username_taken",
                      "a username that looks like this one is taken");
  }
  if (taken->front().number(2) != 0) {
    return make_error(errc::conflict, "email_taken", email_taken);
  }
  return make_error(errc::internal, "a user's id or stream key is not unique");
}

result<user_record> user_table::find(user_id id) {
  return to_record(access_.read(select_user + "WHERE id = :id", {{"id", id}}, user_columns));
}

result<user_record> user_table::find_by_login(std::string_view key) {
  // Not "OR": PostgreSQL reads two indexes for that by bitmaps alone, which are switched off.
  return to_record(access_.read(select_user +
                                    "WHERE id IN (SELECT id FROM users WHERE username_key = :key "
                                    "UNION ALL SELECT id FROM users WHERE email_key = :key2)",
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

result<std::int64_t> user_table::set_password_hash(user_id id,
                                                   const std::optional<std::string>& expected,
                                                   std::string_view hash, wall_time now) {
  const auto changed = access_.write(
      "UPDATE users SET password_hash = :hash, generation = generation + 1, "
      "log_ins_ended_at = :now WHERE id = :id AND (:any = 1 OR password_hash = :expected) "
      "RETURNING generation",
      {{"hash", hash},
       {"now", now},
       {"id", id},
       {"any", std::int64_t{!expected}},
       {"expected", std::string_view(expected ? *expected : std::string_view())}},
      1);
  if (!changed) {
    return fail(changed.error());
  }
  if (changed->empty()) {
    return expected ? fail(errc::conflict, "password_changed",
                           "the password was changed by another request")
                    : fail(errc::not_found, missing);
  }
  return changed->front().number(0);
}

result<void> user_table::renew_password_hash(user_id id, std::string_view expected,
                                             std::string_view hash) {
  return without_rows(access_.write(
      "UPDATE users SET password_hash = :hash WHERE id = :id AND password_hash = :expected",
      {{"hash", hash}, {"id", id}, {"expected", expected}}, 0));
}

result<void> user_table::set_email(user_id id, std::int64_t seen, std::string_view email,
                                   std::string_view email_key) {
  const auto changed = access_.write(
      "UPDATE users SET email = :email, email_key = :key WHERE id = :id AND generation = :seen "
      "AND NOT EXISTS "
      "(SELECT 1 FROM users AS other WHERE other.email_key = :key2 AND other.id <> :id2) "
      "RETURNING id",
      {{"email", email},
       {"key", email_key},
       {"id", id},
       {"seen", seen},
       {"key2", email_key},
       {"id2", id}},
      1);
  // Somebody else took it between the question and the change: only the index saw that.
  const bool was_taken = !changed && changed.error().reason == "constraint_violation";
  if (!changed && !was_taken) {
    return fail(changed.error());
  }
  if (changed && !changed->empty()) {
    return {};
  }
  const auto now = find(id);
  if (!now) {
    return fail(now.error());
  }
  return !was_taken && now->generation != seen
             ? fail(errc::conflict, "password_changed",
                    "the log-ins were ended by another request, prove who you are again")
             : fail(errc::conflict, "email_taken", email_taken);
}

result<std::int64_t> user_table::end_log_ins(user_id id, wall_time now) {
  const auto ended = only_row(
      access_.write("UPDATE users SET generation = generation + 1, log_ins_ended_at = :now "
                    "WHERE id = :id RETURNING generation",
                    {{"now", now}, {"id", id}}, 1),
      missing);
  if (!ended) {
    return fail(ended.error());
  }
  return ended->number(0);
}

result<std::vector<ended_log_ins>> user_table::log_ins_ended_since(wall_time t) {
  const auto found = access_.read(
      "SELECT id, generation, log_ins_ended_at FROM users WHERE log_ins_ended_at IS NOT NULL "
      "AND log_ins_ended_at > :since ORDER BY log_ins_ended_at DESC LIMIT 10000",
      {{"since", t}}, 3);
  if (!found) {
    return fail(found.error());
  }
  std::vector<ended_log_ins> all;
  for (const auto& each : *found) {
    all.push_back({each.number(0), each.number(1), each.time(2)});
  }
  return all;
}

result<std::vector<unfinished_name>> user_table::names_without_skeleton() {
  const auto found = access_.read(
      "SELECT id, username FROM users WHERE username_skeleton IS NULL LIMIT 500", {}, 2);
  if (!found) {
    return fail(found.error());
  }
  std::vector<unfinished_name> all;
  for (const auto& each : *found) {
    all.push_back({each.number(0), each.text(1)});
  }
  return all;
}

result<void> user_table::set_skeleton(user_id id, std::string_view skeleton) {
  const auto instead = "#" + std::to_string(id);
  const auto set = without_rows(access_.write(
      "UPDATE users SET username_skeleton = CASE WHEN EXISTS (SELECT 1 FROM users AS other "
      "WHERE other.username_skeleton = :taken AND other.id <> :id2) THEN :instead "
      "ELSE :skeleton END WHERE id = :id AND username_skeleton IS NULL",
      {{"taken", skeleton},
       {"id2", id},
       {"instead", std::string_view(instead)},
       {"skeleton", skeleton},
       {"id", id}},
      0));
  if (set || set.error().reason != "constraint_violation") {
    return set;
  }
  // Another node gave it to another user at the same moment.
  return without_rows(access_.write(
      "UPDATE users SET username_skeleton = :instead WHERE id = :id AND username_skeleton IS NULL",
      {{"instead", std::string_view(instead)}, {"id", id}}, 0));
}

result<bool> user_table::has_administrator() {
  const auto found = access_.read("SELECT id FROM users WHERE is_administrator = 1 LIMIT 1", {}, 1);
  if (!found) {
    return fail(found.error());
  }
  return !found->empty();
}

}  // namespace troupe::storage::sql
