// SPDX-License-Identifier: GPL-3.0-or-later
// Claims. Both engines first judge each claim against one snapshot: the name's row, its owner's and
// its claimer's; then they swap where the judgement was good and the epoch is still the judged one.
// PostgreSQL does all in one statement, SQLite, which has no such thing, in a transaction that
// nobody else writes beside.
//
// A judgement cannot grow old in a harmful way: an incarnation that does not live never does again,
// so what may be taken from its owner may be taken as long as the epoch stands.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/batch_rows.hpp"
#include "storage/sql/entity_rows.hpp"
#include "storage/sql/entity_table.hpp"

namespace troupe::storage::sql {

namespace {

/// Each is lost to somebody who took one of the names in that very moment.
constexpr int attempts = 5;

constexpr std::pair<claim_verdict, int> codes[] = {
    {claim_verdict::claimed, 0},       {claim_verdict::owned_elsewhere, 1},
    {claim_verdict::newer_version, 2}, {claim_verdict::moved, 3},
    {claim_verdict::not_a_member, 4},
};

claim_verdict to_verdict(std::int64_t code) {
  const auto* found =
      std::ranges::find_if(codes, [&](const auto& known) { return known.second == code; });
  return found == std::end(codes) ? claim_verdict::contended : found->first;
}

/// Name, owner, incarnation, newest version it can read, expected epoch.
batch_rows to_batch(const std::vector<const entity_claim*>& claims) {
  batch_rows batch("batch", "ttnnN");
  for (const auto* c : claims) {
    batch.begin().add(c->name).add(c->owner).add(c->incarnation);
    batch.add(std::int64_t{c->kind_version}).add(c->expected_epoch);
  }
  return batch;
}

/// A row for each claim: what it asks for (a, b, c), how the entity stands, and the verdict's code.
std::string judgement(const batch_rows& batch, engine kind) {
  return fmt::format(
      "SELECT v.a AS a, COALESCE(v.b, '') AS b, COALESCE(v.c, 0) AS c, entity.owner AS owner, "
      "entity.incarnation AS incarnation, entity.epoch AS epoch, "
      "entity.kind_version AS kind_version, CASE "
      "WHEN claimer.name IS NOT NULL "
      "AND (claimer.incarnation <> COALESCE(v.c, 0) OR claimer.state > 2) THEN 4 "
      "WHEN entity.name IS NULL THEN CASE WHEN COALESCE(v.e, 0) = 0 THEN 0 ELSE 3 END "
      "WHEN entity.kind_version > COALESCE(v.d, 0) THEN 2 "
      "WHEN v.e IS NOT NULL THEN CASE WHEN v.e = entity.epoch THEN 0 ELSE 3 END "
      "WHEN entity.owner = COALESCE(v.b, '') AND entity.incarnation = COALESCE(v.c, 0) THEN 0 "
      "WHEN holder.name IS NOT NULL THEN 1 ELSE 0 END AS verdict "
      "FROM {} LEFT JOIN entity ON entity.name = v.a "
      "LEFT JOIN node AS claimer ON claimer.name = v.b "
      "LEFT JOIN node AS holder ON holder.name = entity.owner "
      "AND holder.incarnation = entity.incarnation AND holder.state < 3",
      batch.source(kind));
}

constexpr const char* new_entity =
    "INSERT INTO entity (name, owner, incarnation, epoch, version, kind_version, state, answers) "
    "SELECT v.a, COALESCE(v.b, ''), COALESCE(v.c, 0), 1, 0, 0, decode('', 'hex'), "
    "decode('', 'hex') FROM ";

/// What is claimed comes with code 0 and all its columns, what is refused as it stands.
std::string postgresql_statement(const batch_rows& batch) {
  return fmt::format(
      "WITH judged AS MATERIALIZED ({}), "
      // Taken in the order of names: two batches of the same never wait for each other.
      "taken AS (UPDATE entity SET owner = v.b, incarnation = v.c, epoch = entity.epoch + 1 "
      "FROM (SELECT judged.a, judged.b, judged.c, judged.owner AS seen_owner, "
      "judged.incarnation AS seen_incarnation, judged.epoch AS seen_epoch FROM judged "
      "JOIN entity AS locked ON locked.name = judged.a WHERE judged.verdict = 0 "
      "ORDER BY judged.a FOR NO KEY UPDATE OF locked) AS v "
      "WHERE entity.name = v.a AND entity.epoch = v.seen_epoch "
      "RETURNING entity.*, seen_owner, seen_incarnation, seen_epoch), "
      "made AS ({} judged AS v WHERE v.verdict = 0 AND v.epoch IS NULL ORDER BY v.a "
      "ON CONFLICT (name) DO NOTHING RETURNING entity.*) "
      "SELECT 0, {}, seen_owner, seen_incarnation, seen_epoch FROM taken "
      "UNION ALL SELECT 0, {}, NULL, NULL, NULL FROM made UNION ALL "
      "SELECT verdict, a, owner, incarnation, epoch, 0, kind_version, '', '', NULL, NULL, NULL "
      "FROM judged WHERE verdict <> 0",
      judgement(batch, engine::postgresql), new_entity, entity_columns, entity_columns);
}

using outcomes = std::map<std::string, claim_outcome, std::less<>>;

/// The code of the verdict, the entity.
claim_outcome to_outcome(const row& r) {
  return {to_verdict(r.number(0)), to_entity(r, 1), {}};
}

entity_owner owner_in(const row& r, std::size_t first, const std::string& name) {
  return {.name = name,
          .owner = r.text(first),
          .incarnation = r.number(first + 1),
          .epoch = r.number(first + 2)};
}

result<outcomes> claim_postgresql(const access& a, const std::vector<const entity_claim*>& claims) {
  const auto batch = to_batch(claims);
  const auto rows = a.write(postgresql_statement(batch), {batch.json()}, entity_column_count + 4);
  if (!rows) {
    return fail(rows.error());
  }
  outcomes answers;
  for (const auto& r : *rows) {
    auto outcome = to_outcome(r);
    outcome.before = owner_in(r, entity_column_count + 1, outcome.entity.name);
    auto name = outcome.entity.name;
    answers[std::move(name)] = std::move(outcome);
  }
  return answers;
}

result<outcomes> claim_sqlite(connection& c, const std::vector<const entity_claim*>& claims) {
  const auto all = to_batch(claims);
  const auto judged =
      c.query("SELECT verdict, a, owner, incarnation, epoch, 0, kind_version, '', '' FROM (" +
                  judgement(all, engine::sqlite) + ")",
              {all.json()}, entity_column_count + 1);
  if (!judged) {
    return fail(judged.error());
  }
  outcomes answers;
  for (const auto& r : *judged) {
    answers[r.text(1)] = to_outcome(r);
  }
  std::vector<const entity_claim*> good;
  std::ranges::copy_if(claims, std::back_inserter(good), [&](const entity_claim* claim) {
    return answers.at(claim->name).verdict == claim_verdict::claimed;
  });
  if (good.empty()) {
    return answers;
  }
  const auto batch = to_batch(good);
  const auto rows = c.query(
      fmt::format("{}{} WHERE 1 = 1 ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, "
                  "incarnation = excluded.incarnation, epoch = entity.epoch + 1 RETURNING 0, {}",
                  new_entity, batch.source(engine::sqlite), entity_columns),
      {batch.json()}, entity_column_count + 1);
  if (!rows) {
    return fail(rows.error());
  }
  for (const auto& r : *rows) {
    auto& present = answers.at(r.text(1));
    auto& had = present.entity;
    entity_owner before{had.name, std::move(had.owner), had.incarnation, had.epoch};
    present = to_outcome(r);
    present.before = std::move(before);
  }
  return answers;
}

error why_refused(const entity_claim& wanted, const claim_outcome& outcome) {
  const auto& present = outcome.entity;
  const auto owned = present.epoch == 0 ? wanted.name + " is owned by nobody"
                                        : fmt::format("{} is owned by {} since epoch {}",
                                                      wanted.name, present.owner, present.epoch);
  switch (outcome.verdict) {
    case claim_verdict::newer_version:
      return make_error(errc::conflict, "newer_version",
                        fmt::format("the state of {} is of version {}, this program reads up to {}",
                                    wanted.name, present.kind_version, wanted.kind_version));
    case claim_verdict::moved:
      return make_error(errc::conflict, "moved", owned);
    case claim_verdict::not_a_member:
      return make_error(errc::conflict, "not_a_member",
                        fmt::format("incarnation {} of {} is no member of the cluster any more",
                                    wanted.incarnation, wanted.owner));
    case claim_verdict::owned_elsewhere:
      return make_error(errc::conflict, "owned_elsewhere", owned);
    case claim_verdict::claimed:
    case claim_verdict::contended:
      break;
  }
  return make_error(errc::unavailable, "store_busy",
                    "others claim " + wanted.name + " at this moment");
}

}  // namespace

result<entity_record> entity_table::claim(const entity_claim& wanted) {
  auto done = claim_batch({&wanted, 1});
  if (!done) {
    return fail(std::move(done.error()));
  }
  auto& outcome = done->front();
  if (outcome.verdict != claim_verdict::claimed) {
    return fail(why_refused(wanted, outcome));
  }
  return std::move(outcome.entity);
}

result<std::vector<claim_outcome>> entity_table::claim_batch(std::span<const entity_claim> wanted) {
  if (wanted.size() > most_claims) {
    return fail(errc::invalid_argument,
                fmt::format("at most {} names are claimed at once", most_claims));
  }
  std::map<std::string_view, std::size_t> places;
  std::vector<const entity_claim*> open;
  std::vector<claim_outcome> answers(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!places.emplace(wanted[i].name, i).second) {
      return fail(errc::invalid_argument, wanted[i].name + " is claimed twice at once");
    }
    open.push_back(&wanted[i]);
    answers[i].entity.name = wanted[i].name;
  }
  if (!to_batch(open).is_storable()) {
    return fail(errc::invalid_argument, "invalid_text",
                "a name is not text in UTF-8 without zero bytes");
  }
  for (int i = 0; i < attempts && !open.empty(); ++i) {
    auto done = kind_ == engine::postgresql
                    ? claim_postgresql(access_, open)
                    : access_.transact([&](connection& c) { return claim_sqlite(c, open); });
    if (!done) {
      return fail(std::move(done.error()));
    }
    for (auto& [name, outcome] : *done) {
      answers.at(places.at(name)) = std::move(outcome);
    }
    std::erase_if(open, [&](const entity_claim* c) { return done->contains(c->name); });
  }
  return answers;
}

}  // namespace troupe::storage::sql
