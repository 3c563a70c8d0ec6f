// SPDX-License-Identifier: GPL-3.0-or-later
#include "storage/sql/cluster_table.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include "storage/sql/batch_rows.hpp"
#include "storage/sql/view_change.hpp"

namespace troupe::storage::sql {

namespace {

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> roles;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    roles.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return roles;
}

/// From microseconds; a store whose clock stepped back tells of no future.
std::chrono::milliseconds to_age(std::int64_t micros) {
  return std::chrono::milliseconds(std::max<std::int64_t>(micros, 0) / 1000);
}

std::int64_t bit_of(node_state s) {
  return std::int64_t{1} << std::to_underlying(s);
}

result<void> check(const node_change& c) {
  if (c.from.empty() || !std::ranges::all_of(c.from, is_live)) {
    return fail(errc::invalid_argument, "a node that left or died has no way back");
  }
  if (c.to == node_state::joining) {
    return fail(errc::invalid_argument, "a node comes to join by join() alone");
  }
  return {};
}

node_record to_node(const row& r) {
  return {.name = r.text(1),
          .incarnation = r.number(2),
          .state = static_cast<node_state>(r.number(3)),
          .address = r.text(4),
          .roles = split_at_commas(r.text(5)),
          .version = r.text(6),
          .id_number = static_cast<int>(r.number(7)),
          .facts = r.text(8),
          .was_refused = r.number(9) != 0,
          .since_join = to_age(r.number(10)),
          .since_change = to_age(r.number(11)),
          .votes = {}};
}

}  // namespace

error too_many_facts() {
  return make_error(errc::too_large,
                    fmt::format("the facts of a node are over {} bytes", most_facts));
}

result<cluster_record> cluster_table::read() {
  // One row per node and vote. Its condition leads to the index of names, which every name is in.
  const auto rows = access_.read(
      fmt::format("SELECT cluster.view_number, node.name, node.incarnation, node.state, "
                  "node.address, node.roles, node.version, node.id_number, node.facts, "
                  "node.was_refused, {0} - node.joined_at, {0} - node.changed_at, v.voter, "
                  "v.voter_incarnation, v.saw_refused, {0} - v.cast_at "
                  "FROM cluster LEFT JOIN node ON node.name >= '' LEFT JOIN death_vote AS v "
                  "ON v.target = node.name AND v.target_incarnation = node.incarnation "
                  "WHERE cluster.id = 1",
                  store_time(kind_)),
      {}, 16);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    return fail(errc::data_corrupt, "store_corrupt", "the row of the table cluster is missing");
  }
  cluster_record all;
  all.view = rows->front().number(0);
  std::map<std::string, node_record> nodes;
  for (const auto& r : *rows) {
    if (!r.optional_number(2)) {
      continue;  // nobody is there
    }
    auto& node = nodes.try_emplace(r.text(1), to_node(r)).first->second;
    if (r.optional_number(13)) {
      node.votes.push_back({r.text(12), r.number(13), r.number(14) != 0, to_age(r.number(15))});
    }
  }
  for (auto& [_, node] : nodes) {
    std::ranges::sort(node.votes, {}, &death_vote::voter);
    all.nodes.push_back(std::move(node));
  }
  return all;
}

result<change_outcome> cluster_table::change(const node_change& wanted) {
  if (auto good = check(wanted); !good) {
    return fail(std::move(good.error()));
  }
  std::int64_t from = 0;
  for (const auto state : wanted.from) {
    from |= bit_of(state);
  }
  std::string condition =
      "view_number = :expected AND EXISTS (SELECT 1 FROM node WHERE node.name = :name "
      "AND node.incarnation = :incarnation AND ((1 << node.state) & :from) <> 0)";
  std::vector<parameter> parameters = {{"expected", wanted.expected_view},
                                       {"name", wanted.name},
                                       {"incarnation", wanted.incarnation},
                                       {"from", from}};
  batch_rows accusers("accusers", "n");
  for (const auto accuser : wanted.accusers) {
    accusers.begin().add(accuser);
  }
  if (!accusers.empty()) {
    condition += fmt::format(
        " AND NOT EXISTS (SELECT 1 FROM {} WHERE NOT EXISTS (SELECT 1 FROM death_vote "
        "WHERE death_vote.target = :name AND death_vote.target_incarnation = :incarnation "
        "AND death_vote.voter_incarnation = v.a AND {} - death_vote.cast_at < {}{}))",
        accusers.source(kind_), store_time(kind_), std::chrono::microseconds(vote_lapse).count(),
        wanted.was_refused ? " AND death_vote.saw_refused <> 0" : "");
    parameters.push_back(accusers.json());
  }
  view_change change(kind_);
  change.raise("", condition, std::move(parameters));
  change.then(fmt::format("UPDATE node SET state = :to, was_refused = :refused, changed_at = {} "
                          "WHERE name = :name{}",
                          store_time(kind_), change.if_raised()),
              {{"to", std::int64_t{std::to_underlying(wanted.to)}},
               {"refused", std::int64_t{wanted.was_refused && wanted.to == node_state::dead}},
               {"name", wanted.name}});
  if (!is_live(wanted.to)) {
    change.then(fmt::format("UPDATE node_number SET used_at = {} WHERE number = "
                            "(SELECT id_number FROM node WHERE name = :name){}",
                            store_time(kind_), change.if_raised()),
                {{"name", wanted.name}});
    change.then(fmt::format("DELETE FROM death_vote WHERE target = :name{}", change.if_raised()),
                {{"name", wanted.name}});
  }
  const auto view = change.apply(access_);
  if (!view) {
    return fail(view.error());
  }
  if (*view) {
    return change_outcome{true, **view};
  }
  return map(present_view(), [](std::int64_t v) { return change_outcome{false, v}; });
}

result<std::int64_t> cluster_table::present_view() {
  return map(only_row(access_.read("SELECT view_number FROM cluster WHERE id = 1", {}, 1),
                      "the row of the table cluster is missing"),
             [](const row& r) { return r.number(0); });
}

result<bool> cluster_table::vote(const vote_request& wanted) {
  const auto rows = access_.write(
      fmt::format(
          "INSERT INTO death_vote (target, target_incarnation, voter, voter_incarnation, "
          "saw_refused, cast_at) SELECT t.name, t.incarnation, v.name, v.incarnation, "
          "CAST(:refused AS INTEGER), {} FROM node AS t CROSS JOIN node AS v "
          "WHERE t.name = :target AND t.incarnation = :target_incarnation AND t.state < 3 "
          "AND v.name = :voter AND v.incarnation = :voter_incarnation AND v.state < 3 "
          "ON CONFLICT (target, voter) DO UPDATE SET "
          "target_incarnation = excluded.target_incarnation, "
          "voter_incarnation = excluded.voter_incarnation, saw_refused = excluded.saw_refused, "
          "cast_at = excluded.cast_at RETURNING target",
          store_time(kind_)),
      {{"refused", std::int64_t{wanted.saw_refused}},
       {"target", wanted.target},
       {"target_incarnation", wanted.target_incarnation},
       {"voter", wanted.voter},
       {"voter_incarnation", wanted.voter_incarnation}},
      1);
  return map(rows, [](const std::vector<row>& r) { return !r.empty(); });
}

result<void> cluster_table::withdraw_vote(std::string_view target, std::int64_t target_incarnation,
                                          std::string_view voter, std::int64_t voter_incarnation) {
  return without_rows(
      access_.write("DELETE FROM death_vote WHERE target = :target "
                    "AND target_incarnation = :target_incarnation AND voter = :voter "
                    "AND voter_incarnation = :voter_incarnation",
                    {{"target", target},
                     {"target_incarnation", target_incarnation},
                     {"voter", voter},
                     {"voter_incarnation", voter_incarnation}},
                    0));
}

result<std::optional<refresh_outcome>> cluster_table::refresh(std::string_view name,
                                                              std::int64_t incarnation,
                                                              std::string_view facts) {
  if (facts.size() > most_facts) {
    return fail(too_many_facts());
  }
  const auto rows = access_.write(
      "UPDATE node SET facts = :facts WHERE name = :name AND incarnation = :incarnation "
      "RETURNING state, (SELECT view_number FROM cluster WHERE id = 1)",
      {{"facts", facts}, {"name", name}, {"incarnation", incarnation}}, 2);
  if (!rows) {
    return fail(rows.error());
  }
  if (rows->empty()) {
    return std::nullopt;
  }
  return refresh_outcome{static_cast<node_state>(rows->front().number(0)), rows->front().number(1)};
}

result<std::size_t> cluster_table::remove_gone(std::chrono::milliseconds longer_than, int limit) {
  const auto gone = access_.read(
      fmt::format("SELECT node.name, node.incarnation, cluster.view_number FROM node "
                  "JOIN cluster ON cluster.id = 1 WHERE node.state > 2 "
                  "AND node.changed_at < {} - :age ORDER BY node.changed_at LIMIT :limit",
                  store_time(kind_)),
      {{"age", longer_than.count() * 1000}, {"limit", std::int64_t{limit}}}, 3);
  if (!gone) {
    return fail(gone.error());
  }
  if (gone->empty()) {
    return 0;
  }
  batch_rows names("names", "tn");
  for (const auto& r : *gone) {
    names.begin().add(r.text(0)).add(r.number(1));
  }
  view_change change(kind_);
  change.raise("", "view_number = :expected", {{"expected", gone->front().number(2)}});
  change.then(fmt::format("DELETE FROM node WHERE (name, incarnation) IN (SELECT v.a, v.b FROM {}) "
                          "AND state > 2{}",
                          names.source(kind_), change.if_raised()),
              {names.json()});
  change.then(fmt::format("DELETE FROM death_vote WHERE target IN (SELECT v.a FROM {}){}",
                          names.source(kind_), change.if_raised()),
              {names.json()});
  // Whoever changed the view in between: these rows can wait for the next time.
  return map(change.apply(access_), [&](const std::optional<std::int64_t>& view) {
    return view ? gone->size() : std::size_t{0};
  });
}

}  // namespace troupe::storage::sql
