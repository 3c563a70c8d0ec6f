// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/cluster/peer_watch.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace troupe::runtime {

namespace {

/// A refusal that comes so soon after a row was seen may be of an attempt before the port opened.
constexpr duration refusal_may_be_old = std::chrono::milliseconds(100);
/// By then a link has tried again, and would have found the port open.
constexpr duration refusal_stands = std::chrono::seconds(1);

}  // namespace

void peer_watch::follow(const std::vector<node_row>& rows, steady_time now) {
  std::map<std::string, watched, std::less<>> next;
  for (const auto& row : rows) {
    if (!is_live(row.who.state) || row.who.node == config_.node) {
      continue;
    }
    watched w;
    const auto known = peers_.find(row.who.node);
    if (known != peers_.end() && known->second.who.incarnation == row.who.incarnation) {
      w = std::move(known->second);
    } else {
      w.since = now;
      if (known != peers_.end() && known->second.link == peer_state::refused) {
        w.link = peer_state::refused;  // links tell of changes only
        w.refused = now + refusal_stands;
      }
    }
    w.who = row.who;
    w.answered.reset();
    w.accuses.clear();
    next.emplace(row.who.node, std::move(w));
  }
  peers_ = std::move(next);
}

void peer_watch::tick(bool late) {
  for (auto& [name, w] : peers_) {
    w.misses = w.heard_since_tick || late ? 0 : w.misses + 1;
    w.heard_since_tick = false;
  }
}

void peer_watch::link_changed(std::string_view node, peer_state state, steady_time now) {
  const auto found = peers_.find(node);
  if (found == peers_.end()) {
    return;
  }
  auto& w = found->second;
  w.link = state;
  if (state == peer_state::refused) {
    w.refused = now - w.since >= refusal_may_be_old ? now : w.since + refusal_stands;
  } else if (state == peer_state::up) {
    w.refused.reset();
  }
}

void peer_watch::ponged(watched& w, const pong& what, std::uint64_t own, std::uint64_t number,
                        steady_time sent, steady_time now) {
  w.heard = now;
  w.heard_since_tick = true;
  w.misses = 0;
  if (w.refused && (sent >= *w.refused || now < *w.refused)) {
    w.refused.reset();
  }
  if (std::ranges::find(what.accuses, own) != what.accuses.end()) {
    w.answered.reset();
    return;
  }
  const bool as_known = w.who.state == member_state::joining
                            ? what.standing == member_state::joining && !what.settling
                            : is_owner(what.standing);
  if (what.view == number && as_known && (!w.answered || sent >= *w.answered)) {
    w.answered = sent;
    w.accuses = what.accuses;
  }
}

bool peer_watch::suspects(const watched& w, steady_time now) const {
  if (found_refused(w, now)) {
    return true;
  }
  return w.heard ? w.misses >= config_.misses : now - w.since >= config_.patience;
}

bool peer_watch::found_refused(const watched& w, steady_time now) const {
  return w.refused && *w.refused <= now;
}

watched* peer_watch::find(std::string_view node, std::uint64_t incarnation) {
  const auto found = peers_.find(node);
  return found != peers_.end() && found->second.who.incarnation == incarnation ? &found->second
                                                                               : nullptr;
}

std::optional<steady_time> peer_watch::proof(std::uint64_t own,
                                             const std::vector<std::uint64_t>& accuses,
                                             steady_time now) const {
  struct answer {
    steady_time sent;
    const watched* from;
  };

  std::vector<answer> answers;
  std::size_t members = 1;
  std::size_t doubtful = 0;  // joining nodes that may be active by now
  for (const auto& [name, w] : peers_) {
    (w.who.state == member_state::joining ? doubtful : members) += 1;
    if (w.answered) {
      answers.push_back({*w.answered, &w});
    }
  }
  std::ranges::sort(answers, std::greater{}, &answer::sent);

  std::size_t counted = 1;  // this node
  std::set<std::uint64_t> who{own};
  std::set<std::uint64_t> accused(accuses.begin(), accuses.end());
  const auto suffices = [&] {
    const auto shaken = static_cast<std::size_t>(
        std::ranges::count_if(who, [&](std::uint64_t i) { return accused.contains(i); }));
    return 2 * counted > members + doubtful + shaken;
  };
  if (suffices()) {
    return now;
  }
  for (const auto& [sent, from] : answers) {
    accused.insert(from->accuses.begin(), from->accuses.end());
    if (from->who.state == member_state::joining) {
      --doubtful;
    } else {
      ++counted;
      who.insert(from->who.incarnation);
    }
    if (suffices()) {
      return sent;
    }
  }
  return std::nullopt;
}

}  // namespace troupe::runtime
