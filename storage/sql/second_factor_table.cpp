// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/second_factor_table.hpp"

namespace troupe::storage::sql {

namespace {

/// Whether a statement that answers the rows it changed changed any.
result<bool> changed_any(const result<std::vector<row>>& rows) {
  if (!rows) {
    return fail(rows.error());
  }
  return !rows->empty();
}

}  // namespace

result<second_factor_record> second_factor_table::find(user_id user) {
  const auto found =
      only_row(access_.read("SELECT encode(sealed_secret, 'hex'), is_confirmed, last_step, "
                            "encode(recovery, 'hex') FROM second_factor WHERE user_id = :user",
                            {{"user", user}}, 4),
               "the user has no second factor");
  if (!found) {
    return fail(found.error());
  }
  return second_factor_record{.sealed_secret = found->binary(0),
                              .is_confirmed = found->number(1) != 0,
                              .last_step = found->number(2),
                              .recovery = found->binary(3)};
}

/// Which of the two kept a statement from changing anything.
result<void> second_factor_table::unless_ended(user_id user, std::int64_t seen) {
  const auto same =
      changed_any(access_.write("SELECT id FROM users WHERE id = :user AND generation = :seen",
                                {{"user", user}, {"seen", seen}}, 1));
  if (!same) {
    return fail(same.error());
  }
  return *same ? result<void>()
               : fail(errc::conflict, "password_changed",
                      "the log-ins were ended by another request, prove who you are again");
}

result<void> second_factor_table::begin(user_id user, std::int64_t seen, byte_view sealed_secret) {
  const auto stored = changed_any(access_.write(
      "INSERT INTO second_factor (user_id, sealed_secret, is_confirmed, last_step, recovery) "
      "SELECT id, decode(:secret, 'hex'), 0, 0, decode('', 'hex') FROM users "
      "WHERE id = :user AND generation = :seen "
      "ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret "
      "WHERE second_factor.is_confirmed = 0 RETURNING user_id",
      {{"secret", sealed_secret}, {"user", user}, {"seen", seen}}, 1));
  if (!stored) {
    return fail(stored.error());
  }
  if (*stored) {
    return {};
  }
  if (auto still = unless_ended(user, seen); !still) {
    return still;
  }
  return fail(errc::conflict, "second_factor_enabled", "there is a second factor already");
}

result<std::int64_t> second_factor_table::confirm(user_id user, byte_view sealed_secret,
                                                  std::int64_t step, byte_view recovery,
                                                  wall_time now) {
  return access_.transact([&](connection& c) -> result<std::int64_t> {
    const auto confirmed = changed_any(c.query(
        "UPDATE second_factor SET is_confirmed = 1, last_step = :step, "
        "recovery = decode(:recovery, 'hex') WHERE user_id = :user AND is_confirmed = 0 "
        "AND sealed_secret = decode(:secret, 'hex') RETURNING user_id",
        {{"step", step}, {"recovery", recovery}, {"user", user}, {"secret", sealed_secret}}, 1));
    if (!confirmed) {
      return fail(confirmed.error());
    }
    if (!*confirmed) {
      return fail(errc::conflict, "no_enrolment", "no second factor waits for its code");
    }
    const auto ended =
        only_row(c.query("UPDATE users SET generation = generation + 1, log_ins_ended_at = :now "
                         "WHERE id = :user RETURNING generation",
                         {{"now", now}, {"user", user}}, 1),
                 "no such user");
    if (!ended) {
      return fail(ended.error());
    }
    return ended->number(0);
  });
}

result<bool> second_factor_table::use_step(user_id user, std::int64_t step) {
  return changed_any(
      access_.write("UPDATE second_factor SET last_step = :step WHERE user_id = :user "
                    "AND is_confirmed = 1 AND last_step < :step2 RETURNING user_id",
                    {{"user", user}, {"step", step}, {"step2", step}}, 1));
}

result<bool> second_factor_table::replace_recovery(user_id user, std::int64_t seen,
                                                   byte_view expected, byte_view recovery) {
  return changed_any(access_.write(
      "UPDATE second_factor SET recovery = decode(:recovery, 'hex') WHERE user_id = :user "
      "AND is_confirmed = 1 AND recovery = decode(:expected, 'hex') "
      "AND EXISTS (SELECT 1 FROM users WHERE id = :user2 AND generation = :seen) "
      "RETURNING user_id",
      {{"user", user},
       {"recovery", recovery},
       {"expected", expected},
       {"user2", user},
       {"seen", seen}},
      1));
}

result<void> second_factor_table::remove(user_id user, std::optional<std::int64_t> seen) {
  if (!seen) {
    return without_rows(
        access_.write("DELETE FROM second_factor WHERE user_id = :user", {{"user", user}}, 0));
  }
  const auto gone = changed_any(
      access_.write("DELETE FROM second_factor WHERE user_id = :user "
                    "AND EXISTS (SELECT 1 FROM users WHERE id = :user2 AND generation = :seen) "
                    "RETURNING user_id",
                    {{"user", user}, {"user2", user}, {"seen", *seen}}, 1));
  if (!gone) {
    return fail(gone.error());
  }
  return *gone ? result<void>() : unless_ended(user, *seen);
}

}  // namespace troupe::storage::sql
