// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stored_membership.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

namespace troupe::app {
namespace {

/// A call of the store is cut after 2 s of silence and its statement after 1 s: what is begun this
/// long after it was asked for is over before membership_call_limit.
constexpr duration latest_begin = std::chrono::milliseconds(2000);

runtime::member_state to_runtime(storage::node_state s) {
  switch (s) {
    case storage::node_state::joining:
      return runtime::member_state::joining;
    case storage::node_state::active:
      return runtime::member_state::active;
    case storage::node_state::draining:
      return runtime::member_state::draining;
    case storage::node_state::left:
      return runtime::member_state::left;
    case storage::node_state::dead:
      return runtime::member_state::dead;
  }
  return runtime::member_state::dead;
}

storage::node_state to_storage(runtime::member_state s) {
  switch (s) {
    case runtime::member_state::joining:
      return storage::node_state::joining;
    case runtime::member_state::active:
      return storage::node_state::active;
    case runtime::member_state::draining:
      return storage::node_state::draining;
    case runtime::member_state::left:
      return storage::node_state::left;
    case runtime::member_state::dead:
      return storage::node_state::dead;
  }
  return storage::node_state::dead;
}

runtime::node_table to_table(storage::cluster_record all) {
  runtime::node_table table;
  table.number = static_cast<std::uint64_t>(all.view);
  for (auto& n : all.nodes) {
    const auto incarnation = static_cast<std::uint64_t>(n.incarnation);
    for (const auto& v : n.votes) {
      table.ballots.push_back({.accuser = static_cast<std::uint64_t>(v.voter_incarnation),
                               .accused = incarnation,
                               .refused = v.saw_refused,
                               .age = v.age});
    }
    table.rows.push_back({.who = {.node = std::move(n.name),
                                  .incarnation = incarnation,
                                  .state = to_runtime(n.state),
                                  .address = std::move(n.address),
                                  .roles = std::move(n.roles)},
                          .ended = n.was_refused});
  }
  return table;
}

/// Those a node may come from.
std::vector<storage::node_state> before(runtime::member_state to) {
  using state = storage::node_state;
  switch (to) {
    case runtime::member_state::active:
      return {state::joining};
    case runtime::member_state::draining:
      return {state::active};
    case runtime::member_state::joining:
    case runtime::member_state::left:
    case runtime::member_state::dead:
      break;
  }
  return {state::joining, state::active, state::draining};
}

}  // namespace

template <class T, class Job>
void stored_membership::on_pool(Job job, callback<T> done) {
  // Shared, because a refused job is destroyed with what it captured.
  auto answer = std::make_shared<callback<T>>(std::move(done));
  pool_.submit(
      [this, answer, job = std::move(job), asked = time_.now()]() mutable -> void {
        if (time_.now() - asked > latest_begin) {
          (*answer)(fail(errc::unavailable, "store_busy", "the store was asked too late"));
          return;
        }
        (*answer)(job());
      },
      [answer] {
        (*answer)(fail(errc::unavailable, "queue_full", "too many calls wait for the store"));
      });
}

result<runtime::node_table> stored_membership::table() {
  return map(store_.read(), to_table);
}

void stored_membership::read(callback<runtime::node_table> done) {
  on_pool<runtime::node_table>([this] { return table(); }, std::move(done));
}

void stored_membership::join(runtime::join_request what, callback<runtime::join_answer> done) {
  on_pool<runtime::join_answer>([this, what = std::move(what)] { return join_now(what); },
                                std::move(done));
}

result<runtime::join_answer> stored_membership::join_now(const runtime::join_request& what) {
  {
    const std::lock_guard lock(mutex_);
    if (refuses_joins_) {
      return fail(errc::unavailable, "begins_anew", "this process is about to begin anew");
    }
  }
  storage::join_request wanted{.name = what.node,
                               .address = what.address,
                               .roles = what.roles,
                               .version = version_,
                               .facts = "{}",
                               .replaces = {}};
  if (what.replaces) {
    wanted.replaces = static_cast<std::int64_t>(*what.replaces);
  }
  const auto joined = store_.join(wanted);
  if (!joined) {
    return fail(joined.error());
  }
  const auto incarnation = static_cast<std::uint64_t>(joined->incarnation);
  {
    const std::lock_guard lock(mutex_);
    numbers_.clear();
    numbers_[incarnation] = static_cast<unsigned>(joined->id_number);
  }
  return map(table(), [&](runtime::node_table t) {
    return runtime::join_answer{.incarnation = incarnation, .table = std::move(t)};
  });
}

void stored_membership::change(runtime::state_change what, callback<runtime::node_table> done) {
  on_pool<runtime::node_table>([this, what = std::move(what)] { return change_now(what); },
                               std::move(done));
}

result<runtime::node_table> stored_membership::change_now(const runtime::state_change& what) {
  std::vector<std::int64_t> accusers;
  for (const auto accuser : what.accusers) {
    accusers.push_back(static_cast<std::int64_t>(accuser));
  }
  const auto changed = store_.change({.expected_view = static_cast<std::int64_t>(what.expected),
                                      .name = what.node,
                                      .incarnation = static_cast<std::int64_t>(what.incarnation),
                                      .from = before(what.to),
                                      .to = to_storage(what.to),
                                      .was_refused = what.ended,
                                      .accusers = std::move(accusers)});
  if (!changed) {
    return fail(changed.error());
  }
  return table();
}

void stored_membership::vote(runtime::vote_request what, callback<runtime::node_table> done) {
  on_pool<runtime::node_table>([this, what = std::move(what)] { return vote_now(what); },
                               std::move(done));
}

result<runtime::node_table> stored_membership::vote_now(const runtime::vote_request& what) {
  // A vote names its voter, which membership knows by its incarnation alone.
  const auto seen = store_.read();
  if (!seen) {
    return fail(seen.error());
  }
  const auto accuser = static_cast<std::int64_t>(what.accuser);
  const auto voter = std::ranges::find(seen->nodes, accuser, &storage::node_record::incarnation);
  if (voter == seen->nodes.end()) {
    return to_table(*seen);  // it is not in the table any more, nor are its votes
  }
  const auto accused = static_cast<std::int64_t>(what.accused);
  if (what.withdrawn) {
    if (auto done = store_.withdraw_vote(what.accused_node, accused, voter->name, accuser); !done) {
      return fail(std::move(done.error()));
    }
  } else if (auto cast = store_.vote({.target = what.accused_node,
                                      .target_incarnation = accused,
                                      .voter = voter->name,
                                      .voter_incarnation = accuser,
                                      .saw_refused = what.refused});
             !cast) {
    return fail(std::move(cast.error()));
  }
  return table();
}

std::optional<unsigned> stored_membership::id_number(std::uint64_t incarnation) const {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(incarnation);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

void stored_membership::refuse_joins() {
  const std::lock_guard lock(mutex_);
  refuses_joins_ = true;
}

}  // namespace troupe::app
