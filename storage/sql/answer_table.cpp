// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/answer_table.hpp"

#include <algorithm>
#include <optional>

namespace troupe::storage::sql {
namespace {

/// What is there under the key; nothing: it may be claimed.
result<std::optional<claimed_answer>> look(connection& c, const answer_key& k,
                                           byte_view fingerprint, const answer_bounds& b,
                                           wall_time now) {
  const auto found = c.query(
      "SELECT encode(fingerprint, 'hex'), since, answered, encode(answer, 'hex') FROM kept_answer "
      "WHERE user_id = :user AND route = :route AND key = :key",
      {{"user", k.user}, {"route", std::string_view(k.route)}, {"key", std::string_view(k.key)}},
      4);
  if (!found) {
    return fail(found.error());
  }
  if (found->empty()) {
    return std::nullopt;
  }
  const auto& there = found->front();
  const auto since = there.time(1);
  const bool is_answered = there.number(2) != 0;
  const bool is_over = now - since >= b.life;
  if (!is_over && !std::ranges::equal(there.binary(0), fingerprint)) {
    return claimed_answer{.what = answer_claim::reused};
  }
  if (!is_over && is_answered) {
    return claimed_answer{.what = answer_claim::answered, .answer = there.binary(3)};
  }
  if (!is_over && now - since < b.lease) {
    return claimed_answer{.what = answer_claim::in_use};
  }
  // Old, or of a request that was lost on its way: whoever takes it now.
  const auto taken = c.query(
      "UPDATE kept_answer SET since = :now, answered = 0, answer = decode('', 'hex'), "
      "fingerprint = decode(:fingerprint, 'hex') "
      "WHERE user_id = :user AND route = :route AND key = :key AND since = :since "
      "AND answered = :answered RETURNING user_id",
      {{"now", now},
       {"fingerprint", fingerprint},
       {"user", k.user},
       {"route", std::string_view(k.route)},
       {"key", std::string_view(k.key)},
       {"since", since},
       {"answered", is_answered ? 1 : 0}},
      1);
  if (!taken) {
    return fail(taken.error());
  }
  return claimed_answer{.what = taken->empty() ? answer_claim::in_use : answer_claim::first,
                        .since = now};
}

/// Makes room for one more; answers how many went.
result<std::size_t> make_room(connection& c, user_id user, std::size_t most) {
  const auto counted = only_row(
      c.query("SELECT COUNT(*) FROM kept_answer WHERE user_id = :user", {{"user", user}}, 1),
      "a count has a row");
  if (!counted) {
    return fail(counted.error());
  }
  const auto there = static_cast<std::size_t>(counted->number(0));
  if (there < most) {
    return 0;
  }
  const auto surplus = there - most + 1;
  const auto gone = c.query(
      "DELETE FROM kept_answer WHERE (user_id, route, key) IN (SELECT user_id, route, key "
      "FROM kept_answer WHERE user_id = :user AND answered = 1 ORDER BY since LIMIT :surplus) "
      "RETURNING user_id",
      {{"user", user}, {"surplus", static_cast<std::int64_t>(surplus)}}, 1);
  if (!gone) {
    return fail(gone.error());
  }
  if (gone->size() < surplus) {
    return fail(errc::unavailable, "overloaded",
                "too many requests with an Idempotency-Key are under way");
  }
  return gone->size();
}

}  // namespace

result<claimed_answer> answer_table::claim(const answer_key& k, byte_view fingerprint,
                                           const answer_bounds& b, wall_time now) {
  return access_.transact([&](connection& c) -> result<claimed_answer> {
    auto there = look(c, k, fingerprint, b, now);
    if (!there) {
      return fail(std::move(there.error()));
    }
    if (*there) {
      return **std::move(there);
    }
    const auto dropped = make_room(c, k.user, b.most_of_user);
    if (!dropped) {
      return fail(dropped.error());
    }
    // Two at once: the second waits for the first one's row, and has none then.
    const auto made = c.query(
        "INSERT INTO kept_answer (user_id, route, key, fingerprint, since, answered, answer) "
        "VALUES (:user, :route, :key, decode(:fingerprint, 'hex'), :now, 0, decode('', 'hex')) "
        "ON CONFLICT DO NOTHING RETURNING user_id",
        {{"user", k.user},
         {"route", std::string_view(k.route)},
         {"key", std::string_view(k.key)},
         {"fingerprint", fingerprint},
         {"now", now}},
        1);
    if (!made) {
      return fail(made.error());
    }
    return claimed_answer{.what = made->empty() ? answer_claim::in_use : answer_claim::first,
                          .since = now,
                          .dropped = *dropped};
  });
}

result<void> answer_table::keep(const answer_key& k, wall_time since, byte_view answer) {
  return without_rows(
      access_.write("UPDATE kept_answer SET answered = 1, answer = decode(:answer, 'hex') "
                    "WHERE user_id = :user AND route = :route AND key = :key AND since = :since "
                    "AND answered = 0",
                    {{"answer", answer},
                     {"user", k.user},
                     {"route", std::string_view(k.route)},
                     {"key", std::string_view(k.key)},
                     {"since", since}},
                    0));
}

result<void> answer_table::release(const answer_key& k, wall_time since) {
  return without_rows(
      access_.write("DELETE FROM kept_answer WHERE user_id = :user AND route = :route "
                    "AND key = :key AND since = :since AND answered = 0",
                    {{"user", k.user},
                     {"route", std::string_view(k.route)},
                     {"key", std::string_view(k.key)},
                     {"since", since}},
                    0));
}

result<std::size_t> answer_table::remove_old(wall_time before, int limit) {
  const auto gone = access_.write(
      "DELETE FROM kept_answer WHERE (user_id, route, key) IN (SELECT user_id, route, key "
      "FROM kept_answer WHERE since < :before ORDER BY since LIMIT :most) RETURNING user_id",
      {{"before", before}, {"most", static_cast<std::int64_t>(limit)}}, 1);
  if (!gone) {
    return fail(gone.error());
  }
  return gone->size();
}

}  // namespace troupe::storage::sql
