// SPDX-License-Identifier: GPL-3.0-or-later
#include "store.hpp"

#include <algorithm>
#include <utility>

#include "runtime/cluster/membership.hpp"

namespace troupe::simulation {

using namespace std::chrono_literals;
using runtime::member_state;

namespace {

constexpr duration vote_lapse = 5s;
/// What storage does with a call that hangs.
constexpr duration cut_after = 2s;
/// An outage that every node must have noticed: reads go out every 500 ms, and without a good one
/// for 1 s the store counts as away.
constexpr duration noticed_outage = 1600ms;
/// Clocks may run slow by so much against true time.
constexpr double slowest_clock = 0.995;

}  // namespace

void store::stop() {
  if (!is_away_) {
    is_away_ = true;
    away_since_ = world_.now();
    world_.trace("store: away");
  }
}

void store::start() {
  if (is_away_) {
    is_away_ = false;
    if (world_.now() - away_since_ >= noticed_outage) {
      back_ = world_.now();
    }
    world_.trace("store: back");
  }
}

void store::call(const std::string& node, const std::function<void()>& do_it,
                 const std::function<void(std::optional<error>)>& answered) {
  const auto lost = make_error(errc::deadline_exceeded, "the store did not answer");
  const bool reaches = !is_away_ && !cut_.contains(node);
  if (!reaches && world_.chance(0.5)) {
    world_.after(1ms, [answered] {
      answered(make_error(errc::unavailable, "store_unavailable", "connection refused"));
    });
    return;
  }
  if (!reaches || world_.chance(weather_.is_carried_out_late)) {
    if (reaches) {
      world_.after(world_.between(0s, 4500ms), [this, do_it] {
        if (!is_away_) {
          do_it();
        }
      });
    }
    world_.after(cut_after, [answered, lost] { answered(lost); });
    return;
  }
  if (world_.chance(weather_.fails)) {
    world_.after(world_.between(weather_.least, weather_.most), [answered] {
      answered(make_error(errc::unavailable, "store_busy", "deadlock detected"));
    });
    return;
  }
  const bool loses = world_.chance(weather_.loses_answer);
  const auto back = world_.between(weather_.least, weather_.most);
  world_.after(world_.between(weather_.least, weather_.most), [=, this] {
    if (is_away_) {
      world_.after(cut_after, [answered, lost] { answered(lost); });
      return;
    }
    do_it();
    world_.after(loses || cut_.contains(node) ? cut_after : back, [=, this] {
      const bool arrives = !loses && !is_away_ && !cut_.contains(node);
      answered(arrives ? std::nullopt : std::optional(lost));
    });
  });
}

runtime::node_table store::table() const {
  runtime::node_table t{.number = number_, .rows = {}, .ballots = {}};
  for (const auto& [name, row] : rows_) {
    t.rows.push_back(row);
  }
  for (const auto& [who, stored] : ballots_) {
    t.ballots.push_back({.accuser = who.first,
                         .accused = who.second,
                         .refused = stored.refused,
                         .age = plants_.votes_never_lapse ? 0s : world_.now() - stored.when});
  }
  return t;
}

result<runtime::join_answer> store::join(const runtime::join_request& what) {
  if (const auto old = rows_.find(what.node); old != rows_.end()) {
    if (runtime::is_live(old->second.who.state) && what.replaces != old->second.who.incarnation) {
      return fail(errc::conflict, "node_is_live", "another process has this name");
    }
    if (what.replaces && what.replaces != old->second.who.incarnation) {
      return fail(errc::conflict, "node_is_live", "that incarnation was replaced before");
    }
  }
  ++number_;
  const auto incarnation = ++newest_;
  rows_[what.node] = {.who = {.node = what.node,
                              .incarnation = incarnation,
                              .state = member_state::joining,
                              .address = what.address,
                              .roles = what.roles}};
  world_.trace("store: {}/{} joins view={}", what.node, incarnation, number_);
  return runtime::join_answer{incarnation, table()};
}

runtime::node_row* store::row_of(const std::string& node, std::uint64_t incarnation) {
  const auto found = rows_.find(node);
  return found != rows_.end() && found->second.who.incarnation == incarnation ? &found->second
                                                                              : nullptr;
}

bool store::lives(const std::string& node, std::uint64_t incarnation) const {
  const auto found = rows_.find(node);
  return found != rows_.end() && found->second.who.incarnation == incarnation &&
         runtime::is_live(found->second.who.state);
}

bool store::stands(std::uint64_t accuser, std::uint64_t accused) const {
  const auto found = ballots_.find({accuser, accused});
  return found != ballots_.end() &&
         (plants_.votes_never_lapse || world_.now() - found->second.when < vote_lapse);
}

void store::change(const runtime::state_change& what) {
  auto* row = row_of(what.node, what.incarnation);
  if (what.expected != number_ || row == nullptr || !runtime::is_live(row->who.state)) {
    return;
  }
  if (!plants_.accusers_are_not_looked_at &&
      !std::ranges::all_of(what.accusers,
                           [&](std::uint64_t a) { return stands(a, what.incarnation); })) {
    return;
  }
  if (what.to == member_state::dead) {
    check_verdict(*row);
    verdicts_.push_back(what.node);
  }
  ++number_;
  row->who.state = what.to;
  row->ended = what.ended;
  world_.trace("store: {}/{} is {}{} view={}", what.node, what.incarnation,
               runtime::to_string(what.to), what.ended ? " (ended)" : "", number_);
}

/// Independent of what the nodes believe: votes of a majority of the others, none older than 5 s,
/// and the store has been there for 3 s.
void store::check_verdict(const runtime::node_row& row) const {
  std::size_t others = 0;
  std::size_t votes = 0;
  std::size_t joining_votes = 0;
  for (const auto& [name, other] : rows_) {
    if (name == row.who.node || !runtime::is_live(other.who.state)) {
      continue;
    }
    const auto found = ballots_.find({other.who.incarnation, row.who.incarnation});
    const bool counts = found != ballots_.end() && world_.now() - found->second.when <= vote_lapse;
    const bool owns = runtime::is_owner(other.who.state);
    others += owns ? 1 : 0;
    (owns ? votes : joining_votes) += counts ? 1 : 0;
  }
  const bool enough = others > 0 ? 2 * votes > others : joining_votes > 0;
  if (!enough) {
    world_.violated("{} was declared dead by {} votes of {} others", row.who.node, votes, others);
  }
  if (back_ && std::chrono::duration<double>(world_.now() - *back_).count() < 3.0 * slowest_clock) {
    world_.violated("{} was declared dead less than 3 s after the store came back", row.who.node);
  }
}

void store::vote(const runtime::vote_request& what) {
  const auto key = std::pair(what.accuser, what.accused);
  if (what.withdrawn) {
    ballots_.erase(key);
  } else if (lives(what.accused_node, what.accused)) {
    ballots_[key] = {world_.now(), what.refused};
    world_.trace("store: {} votes against {}/{}{}", what.accuser, what.accused_node, what.accused,
                 what.refused ? " (refused)" : "");
  }
}

store::owned store::owner_of(const std::string& entity) const {
  const auto found = entities_.find(entity);
  return found == entities_.end() ? owned{} : found->second;
}

store::owned store::claim(const std::string& entity, const std::string& node,
                          std::uint64_t incarnation, std::uint64_t expected_epoch) {
  auto& row = entities_[entity];
  if (!lives(node, incarnation)) {
    return row;
  }
  const bool own = row.owner == node && row.incarnation == incarnation;
  if (!own && (row.epoch != expected_epoch || lives(row.owner, row.incarnation))) {
    return row;
  }
  world_.trace("store: {} now belongs to {}/{}, before {}/{}", entity, node, incarnation, row.owner,
               row.incarnation);
  row = {node, incarnation, row.epoch + 1};
  return row;
}

}  // namespace troupe::simulation
