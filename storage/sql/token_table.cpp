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
  const auto trimmed = without_rows(
      access_.write("DELETE FROM token_family WHERE family IN (SELECT family FROM token_family "
                    "WHERE user_id = :user_id ORDER BY used_at DESC LIMIT 1000 OFFSET :most)",
                    {{"user_id", token.user}, {"most", std::int64_t{most_per_user}}}, 0));
  return trimmed && token.network != 0 ? remember_network(token.user, token.network, now) : trimmed;
}

result<void> token_table::remember_network(user_id user, std::int64_t network, wall_time now) {
  const auto kept = access_.write(
      "INSERT INTO known_network (user_id, network, used_at) VALUES (:user, :network, :now) "
      "ON CONFLICT (user_id, network) DO UPDATE SET used_at = excluded.used_at",
      {{"user", user}, {"network", network}, {"now", now}}, 0);
  if (!kept) {
    return fail(kept.error());
  }
  return without_rows(access_.write(
      "DELETE FROM known_network WHERE user_id = :user AND network IN (SELECT network FROM "
      "known_network WHERE user_id = :user2 ORDER BY used_at DESC LIMIT 1000 OFFSET :most)",
      {{"user", user}, {"user2", user}, {"most", std::int64_t{most_networks_per_user}}}, 0));
}

result<token_owner> token_table::rotate(byte_view family, byte_view old_secret,
                                        byte_view new_secret, wall_time now, wall_time expires_at) {
  const auto rotated = access_.write(
      "UPDATE token_family SET secret = decode(:new_secret, 'hex'), used_at = :now, "
      "expires_at = :expires_at WHERE family = decode(:family, 'hex') "
      "AND secret = decode(:old_secret, 'hex') AND expires_at > :still "
      "AND generation = (SELECT generation FROM users WHERE id = token_family.user_id) "
      "RETURNING user_id, generation",
      {{"new_secret", new_secret},
       {"now", now},
       {"expires_at", expires_at},
       {"family", family},
       {"old_secret", old_secret},
       {"still", now}},
      2);
  if (!rotated) {
    return fail(rotated.error());
  }
  if (!rotated->empty()) {
    return token_owner{rotated->front().number(0), rotated->front().number(1)};
  }
  auto again = repeated(family, new_secret, now);
  if (again || again.error().code != errc::not_found) {
    return again;
  }
  // Reused, expired or unknown: in all three nothing of this family may be used again.
  if (auto gone = revoke(family); !gone) {
    return fail(std::move(gone.error()));
  }
  return fail(errc::unauthenticated, "invalid_grant",
              "this refresh token is used, expired or revoked");
}

/// That the new secret, which nobody can make from another one than the old, is there and was not
/// used yet shows that the old one was the last.
result<token_owner> token_table::repeated(byte_view family, byte_view new_secret, wall_time now) {
  const auto found = only_row(
      access_.write(
          "SELECT user_id, generation FROM token_family "
          "WHERE family = decode(:family, 'hex') AND secret = decode(:secret, 'hex') "
          "AND used_at > :since AND expires_at > :now AND generation = "
          "(SELECT generation FROM users WHERE id = token_family.user_id)",
          {{"family", family}, {"secret", new_secret}, {"since", now - repeat_grace}, {"now", now}},
          2),
      "no such log-in");
  if (!found) {
    return fail(found.error());
  }
  return token_owner{found->number(0), found->number(1)};
}

result<token_owner> token_table::find_owner(byte_view family, byte_view secret, wall_time now) {
  const auto found = only_row(
      access_.read("SELECT user_id, generation FROM token_family "
                   "WHERE family = decode(:family, 'hex') "
                   "AND secret = decode(:secret, 'hex') AND expires_at > :now AND generation = "
                   "(SELECT generation FROM users WHERE id = token_family.user_id)",
                   {{"family", family}, {"secret", secret}, {"now", now}}, 2),
      "no such log-in");
  if (!found) {
    return fail(found.error());
  }
  return token_owner{found->number(0), found->number(1)};
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
  const auto found =
      access_.read("SELECT user_id FROM known_network WHERE user_id = :user AND network = :network",
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
