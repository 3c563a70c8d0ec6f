// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/token_table.hpp"

namespace troupe::storage::sql {

result<void> token_table::add(const token_family& token, wall_time now) {
  const auto added = access_.write(
      "INSERT INTO token_family (family, secret, user_id, used_at, expires_at, generation, "
      "network) "
      "VALUES (decode(:family, 'hex'), decode(:secret, 'hex'), :user_id, :now, :expires_at, "
      ":generation, :network)",
      {{"family", byte_view(token.family)},
       {"secret", byte_view(token.secret)},
       {"user_id", token.user},
       {"now", now},
       {"expires_at", token.expires_at},
       {"generation", token.generation},
       {"network", token.network}},
      0);
  if (!added) {
    return fail(added.error());
  }
  // Beside the insert, not one with it: a row too many until the next log-in does no harm.
  return without_rows(
      access_.write("DELETE FROM token_family WHERE family IN (SELECT family FROM token_family "
                    "WHERE user_id = :user_id ORDER BY used_at DESC LIMIT 1000 OFFSET :most)",
                    {{"user_id", token.user}, {"most", std::int64_t{most_per_user}}}, 0));
}

result<user_id> token_table::rotate(byte_view family, byte_view old_secret, byte_view new_secret,
                                    wall_time now, wall_time expires_at) {
  const auto rotated = access_.write(
      "UPDATE token_family SET secret = decode(:new_secret, 'hex'), used_at = :now, "
      "expires_at = :expires_at WHERE family = decode(:family, 'hex') "
      "AND secret = decode(:old_secret, 'hex') AND expires_at > :still "
      "AND generation = (SELECT generation FROM users WHERE id = token_family.user_id) "
      "RETURNING user_id",
      {{"new_secret", new_secret},
       {"now", now},
       {"expires_at", expires_at},
       {"family", family},
       {"old_secret", old_secret},
       {"still", now}},
      1);
  if (!rotated) {
    return fail(rotated.error());
  }
  if (!rotated->empty()) {
    return rotated->front().number(0);
  }
  // Reused, expired or unknown: in all three nothing of this family may be used again.
  if (auto gone = revoke(family); !gone) {
    return fail(std::move(gone.error()));
  }
  return fail(errc::unauthenticated, "invalid_grant",
              "this refresh token is used, expired or revoked");
}

result<user_id> token_table::find_owner(byte_view family, byte_view secret, wall_time now) {
  const auto found = only_row(
      access_.read("SELECT user_id FROM token_family WHERE family = decode(:family, 'hex') "
                   "AND secret = decode(:secret, 'hex') AND expires_at > :now AND generation = "
                   "(SELECT generation FROM users WHERE id = token_family.user_id)",
                   {{"family", family}, {"secret", secret}, {"now", now}}, 1),
      "no such log-in");
  if (!found) {
    return fail(found.error());
  }
  return found->number(0);
}

result<void> token_table::revoke(byte_view family) {
  return without_rows(access_.write(
      "DELETE FROM token_family WHERE family = decode(:family, 'hex')", {{"family", family}}, 0));
}

result<void> token_table::revoke_all(user_id user) {
  return without_rows(
      access_.write("DELETE FROM token_family WHERE user_id = :user_id", {{"user_id", user}}, 0));
}

result<bool> token_table::knows_network(user_id user, std::int64_t network) {
  const auto found = access_.read(
      "SELECT user_id FROM token_family WHERE user_id = :user AND network = :network LIMIT 1",
      {{"user", user}, {"network", network}}, 1);
  if (!found) {
    return fail(found.error());
  }
  return !found->empty();
}

result<std::size_t> token_table::remove_expired(wall_time now) {
  const auto gone = access_.write(
      "DELETE FROM token_family WHERE expires_at <= :now RETURNING user_id", {{"now", now}}, 1);
  if (!gone) {
    return fail(gone.error());
  }
  return gone->size();
}

}  // namespace troupe::storage::sql
