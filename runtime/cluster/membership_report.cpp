// SPDX-License-Identifier: GPL-3.0-or-later
// What membership says of itself to people.
#include <algorithm>

#include "runtime/cluster/membership.hpp"

namespace troupe::runtime {

namespace {

double seconds(duration d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

std::string_view to_string(membership::standing s) {
  switch (s) {
    case membership::standing::outside:
      return "outside";
    case membership::standing::joining:
      return "joining";
    case membership::standing::active:
      return "active";
    case membership::standing::draining:
      return "draining";
    case membership::standing::left:
      return "left";
  }
  return "unknown";
}

std::string_view to_string(member_state s) {
  switch (s) {
    case member_state::joining:
      return "joining";
    case member_state::active:
      return "active";
    case member_state::draining:
      return "draining";
    case member_state::left:
      return "left";
    case member_state::dead:
      return "dead";
  }
  return "unknown";
}

std::string membership::waits_for(steady_time now) const {
  for (const auto& [name, w] : watch_.peers()) {
    if (!is_owner(w.who.state)) {
      continue;
    }
    if (!w.heard) {
      return fmt::format("waits for node {} at {}, which does not answer", name, w.who.address);
    }
    if (!w.answered || now - *w.answered >= config_.right_lasts) {
      return fmt::format("waits for node {}, which does not know this view yet", name);
    }
    if (!w.pings_us || now - *w.pings_us >= config_.right_lasts) {
      return fmt::format("waits for a ping of node {}: can it reach {}?", name, config_.address);
    }
  }
  return "waits for the store to make it active";
}

/// Why it may serve, or why not and what it waits for.
std::string membership::sentence(steady_time now) const {
  switch (standing_) {
    case standing::outside:
      return first_table_ ? "is not in the cluster: joins"
                          : "is not in the cluster: waits for the store";
    case standing::joining:
      return "is joining: " + waits_for(now);
    case standing::left:
      return "has left the cluster";
    case standing::active:
    case standing::draining:
      break;
  }
  if (is_leaving_) {
    return "is leaving the cluster and serves nothing any more";
  }
  if (store_proof_ && now - *store_proof_ < config_.right_lasts) {
    return "may serve: the store has confirmed this node";
  }
  if (may_serve(now)) {
    return "may serve: the store is away, and more than half of the nodes answer this one";
  }
  return fmt::format(
      "may not serve: for {:.1f} s neither the store nor more than half of the nodes "
      "have confirmed this one",
      seconds(now - std::max(store_proof_, ping_proof_).value_or(adopted_)));
}

membership::status membership::report(steady_time now) const {
  membership::status s{
      .node = config_.node,
      .incarnation = incarnation_,
      .standing = standing_,
      .view = view_.number,
      .may_serve = may_serve(now),
      .sentence = sentence(now),
      .store_answers = good_read_sent_ && now - *good_read_sent_ <= config_.store_away_after,
      .peers = {}};
  for (const auto& row : rows_) {
    if (row.who.node == config_.node) {
      continue;
    }
    peer_status p{.who = row.who,
                  .heard_ago = {},
                  .suspected = false,
                  .accused = accusations_.contains(row.who.incarnation),
                  .votes = static_cast<std::size_t>(
                      std::ranges::count(ballots_, row.who.incarnation, &ballot::accused))};
    const auto found = watch_.peers().find(row.who.node);
    if (found != watch_.peers().end() && found->second.who.incarnation == row.who.incarnation) {
      if (found->second.heard) {
        p.heard_ago = now - *found->second.heard;
      }
      p.suspected = watch_.suspects(found->second, now);
    }
    s.peers.push_back(std::move(p));
  }
  return s;
}

}  // namespace troupe::runtime
