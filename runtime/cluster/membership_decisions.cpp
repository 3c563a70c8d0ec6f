// SPDX-License-Identifier: GPL-3.0-or-later
// What a node wants of the store: to join, to become active, to drain and leave, and the deaths of
// those who do not answer.
#include <algorithm>
#include <utility>

#include "runtime/cluster/membership.hpp"

namespace troupe::runtime {

namespace {

constexpr duration vote_gap = std::chrono::milliseconds(500);
constexpr duration reminder_gap = std::chrono::seconds(30);

}  // namespace

void membership::decide() {
  switch (standing_) {
    case standing::outside:
      come_in();
      return;
    case standing::joining:
      judge();
      become_active();
      break;
    case standing::active:
    case standing::draining:
      judge();
      break;
    case standing::left:
      return;
  }
  go_on_leaving();
}

void membership::come_in() {
  if (wants_leave_) {
    standing_ = standing::left;
    out_.emplace_back(membership_action::has_left{});
    return;
  }
  if (!first_table_ || is_calling(call_kind::join) || now_ < join_not_before_) {
    return;
  }
  std::optional<std::uint64_t> replaces;
  const auto* row = own_row();
  if (row != nullptr && is_live(row->who.state)) {
    // Whoever holds the port at the row's address has outlived the process that opened it.
    const bool is_ours = row->who.address == config_.address || config_.alone;
    if (!is_ours && (was_replaced_ || owners_besides(row->who.incarnation) > 0)) {
      join_not_before_ = now_ + config_.join_again_after;
      remind(
          fmt::format("the store knows node {} at {}, and this one is at {}: waits until the "
                      "others find that one dead. If it is still meant to run, give this one "
                      "another name",
                      config_.node, row->who.address, config_.address));
      return;
    }
    if (!is_ours) {
      own_name_free_ = now_ + config_.takeover_wait;  // there is nobody else to ask
    }
    replaces = row->who.incarnation;
  }
  ask({.kind = call_kind::join},
      join_request{config_.node, config_.address, config_.roles, replaces});
}

/// Pings both ways with every node that owns, in the present view: then each of them knows this
/// node, and nobody can be outvoted by nodes it has never heard of.
void membership::become_active() {
  if (standing_ != standing::joining || is_calling(call_kind::change) ||
      now_ < change_not_before_ || wants_leave_) {
    return;
  }
  if (config_.alone && end_others()) {
    return;
  }
  for (const auto& [name, w] : watch_.peers()) {
    if (!is_owner(w.who.state)) {
      continue;
    }
    const bool answers = w.answered && now_ - *w.answered < config_.right_lasts;
    const bool asks = w.pings_us && now_ - *w.pings_us < config_.right_lasts;
    if (!answers || !asks) {
      if (now_ - w.since >= reminder_gap) {
        remind(sentence(now_));
      }
      return;
    }
  }
  change({.expected = view_.number,
          .node = config_.node,
          .incarnation = incarnation_,
          .to = member_state::active});
}

/// In a store that is this process's alone nobody else can be: a row of another name is of a node
/// that was renamed, or of a cluster whose store was copied. True while there is one.
bool membership::end_others() {
  for (const auto& row : rows_) {
    if (is_live(row.who.state) && row.who.node != config_.node) {
      change({.expected = view_.number,
              .node = row.who.node,
              .incarnation = row.who.incarnation,
              .to = member_state::dead,
              .ended = true});
      return true;
    }
  }
  return false;
}

void membership::go_on_leaving() {
  if (is_calling(call_kind::change) || now_ < change_not_before_) {
    return;
  }
  if (wants_leave_) {
    is_leaving_ = true;  // answers and serves no more, from before the store is asked
    change({.expected = view_.number,
            .node = config_.node,
            .incarnation = incarnation_,
            .to = member_state::left});
  } else if (wants_drain_ && standing_ == standing::active) {
    change({.expected = view_.number,
            .node = config_.node,
            .incarnation = incarnation_,
            .to = member_state::draining});
  }
}

bool membership::may_judge() const {
  return !is_leaving_ && good_read_sent_ && now_ - *good_read_sent_ <= config_.store_away_after &&
         now_ - store_back_ >= config_.no_verdicts_after_return;
}

/// A majority of the others that own. Where nobody else does, one of those who join takes their
/// place: the accused needs the answer of each of them (peer_watch.hpp).
membership::jury membership::jury_of(const watched& w) const {
  jury owners;
  jury joining;
  for (const auto& row : rows_) {
    if (row.who.incarnation == w.who.incarnation) {
      continue;
    }
    if (is_owner(row.who.state)) {
      owners.who.push_back(row.who.incarnation);
    } else if (row.who.state == member_state::joining) {
      joining.who.push_back(row.who.incarnation);
    }
  }
  owners.needed = owners.who.size() / 2 + 1;
  return owners.who.empty() ? joining : owners;
}

void membership::judge() {
  if (!may_judge()) {
    return;
  }
  for (const auto& [name, w] : watch_.peers()) {
    judge(w);
  }
}

void membership::judge(const watched& w) {
  const auto known = accusations_.find(w.who.incarnation);
  bool suspect = watch_.suspects(w, now_);
  if (suspect && standing_ == standing::joining && !had_company_ &&
      !watch_.found_refused(w, now_)) {
    // A node that was alone may serve by itself for as long as the store is away from it: only
    // its closed port, or somebody who starts it anew, can say that it does not.
    suspect = false;
    remind(
        fmt::format("node {} at {} is the only member and does not answer: start it again, on "
                    "any machine, or make its port reachable",
                    w.who.node, w.who.address));
  }
  if (!suspect) {
    if (known != accusations_.end()) {
      withdraw(known->first, known->second);
    }
    return;
  }
  const auto judges = jury_of(w);
  if (std::ranges::find(judges.who, incarnation_) == judges.who.end()) {
    return;
  }
  accuse(w);
  declare_dead(w);
}

void membership::accuse(const watched& w) {
  const bool refused = watch_.found_refused(w, now_);
  auto [it, is_new] = accusations_.try_emplace(w.who.incarnation);
  auto& a = it->second;
  if (is_new) {
    ++figures_.suspicions;
    note(log::level::warn, "node {} is suspected: {}; this node votes that it is dead", w.who.node,
         refused ? "its port is closed" : "its pings are not answered");
  } else {
    const auto* cast = own_ballot(w.who.incarnation);
    const bool stands = cast != nullptr && !a.withdrawn &&
                        cast->age + (now_ - ballots_sent_) < config_.vote_lapse / 2;
    if (a.in_flight || (stands && refused == a.refused) ||
        (now_ - a.asked < vote_gap && refused == a.refused)) {
      return;
    }
  }
  a.node = w.who.node;
  a.refused = refused;
  a.withdrawn.reset();
  a.in_flight = true;
  a.asked = now_;
  ++figures_.votes;
  ask({.kind = call_kind::vote, .target = w.who.incarnation},
      vote_request{.accuser = incarnation_,
                   .accused_node = w.who.node,
                   .accused = w.who.incarnation,
                   .refused = refused});
}

void membership::withdraw(std::uint64_t accused, accusation& a) {
  if (a.in_flight || now_ - a.asked < vote_gap || (a.withdrawn && own_ballot(accused) == nullptr)) {
    return;
  }
  if (!a.withdrawn) {
    note(log::level::info, "node {} answers again; the vote against it is taken back", a.node);
  }
  a.in_flight = true;
  a.asked = now_;
  ask({.kind = call_kind::vote, .target = accused, .withdraws = true},
      vote_request{
          .accuser = incarnation_, .accused_node = a.node, .accused = accused, .withdrawn = true});
}

const ballot* membership::own_ballot(std::uint64_t accused) const {
  const auto found = std::ranges::find_if(
      ballots_, [&](const ballot& b) { return b.accuser == incarnation_ && b.accused == accused; });
  return found == ballots_.end() ? nullptr : &*found;
}

/// Whose votes make it a verdict; nobody: they do not suffice.
std::vector<std::uint64_t> membership::accusers_of(const watched& w, bool refused) const {
  const auto judges = jury_of(w);
  std::vector<std::uint64_t> accusers;
  for (const auto& b : ballots_) {
    if (b.accused == w.who.incarnation && (b.refused || !refused) &&
        b.age + (now_ - ballots_sent_) < config_.vote_lapse &&
        std::ranges::find(judges.who, b.accuser) != judges.who.end()) {
      accusers.push_back(b.accuser);
    }
  }
  if (accusers.size() < judges.needed) {
    accusers.clear();
  }
  return accusers;
}

void membership::declare_dead(const watched& w) {
  if (is_calling(call_kind::change) || now_ < change_not_before_) {
    return;
  }
  for (const bool refused : {true, false}) {
    auto accusers = accusers_of(w, refused);
    if (accusers.empty()) {
      continue;
    }
    change({.expected = view_.number,
            .node = w.who.node,
            .incarnation = w.who.incarnation,
            .to = member_state::dead,
            .ended = refused,
            .accusers = std::move(accusers)});
    return;
  }
}

void membership::announce_verdict(const call& c) {
  if (c.kind != call_kind::change || c.target == incarnation_ || config_.alone) {
    return;
  }
  for (const auto& row : rows_) {
    if (row.who.incarnation == c.target && row.who.state == member_state::dead) {
      ++figures_.verdicts;
      note(log::level::warn, "node {} is dead by the votes of the others: {} view={}", row.who.node,
           row.ended ? "its process has ended, and its entities are taken over at once"
                     : "its entities are taken over when its right to own has run out",
           view_.number);
    }
  }
}

/// A vote is over when it can no longer stand in the store, and no verdict can come that was
/// decided while it stood.
void membership::forget_settled(steady_time sent) {
  std::erase_if(accusations_, [&](const auto& entry) {
    const auto& [accused, a] = entry;
    return a.withdrawn && !a.in_flight && sent >= a.settled &&
           sent >= *a.withdrawn + membership_call_limit && own_ballot(accused) == nullptr;
  });
}

void membership::change(state_change what) {
  const call c{.kind = call_kind::change,
               .target = what.incarnation,
               .expected = what.expected,
               .activates = what.to == member_state::active};
  ask(c, std::move(what));
}

const node_row* membership::own_row() const {
  const auto found = std::ranges::find_if(
      rows_, [this](const node_row& row) { return row.who.node == config_.node; });
  return found == rows_.end() ? nullptr : &*found;
}

std::vector<std::uint64_t> membership::accused() const {
  std::vector<std::uint64_t> all;
  all.reserve(accusations_.size());
  for (const auto& [incarnation, a] : accusations_) {
    all.push_back(incarnation);
  }
  return all;
}

bool membership::is_settling() const {
  return activation_settled_ ||
         std::ranges::any_of(calls_, [](const auto& c) { return c.second.activates; });
}

bool membership::is_calling(call_kind kind) const {
  return std::ranges::any_of(calls_, [&](const auto& c) { return c.second.kind == kind; });
}

std::size_t membership::owners_besides(std::uint64_t incarnation) const {
  return static_cast<std::size_t>(std::ranges::count_if(rows_, [&](const node_row& row) {
    return is_owner(row.who.state) && row.who.incarnation != incarnation;
  }));
}

void membership::remind(std::string sentence) {
  if (reminded_ == steady_time{} || now_ - reminded_ >= reminder_gap) {
    reminded_ = now_;
    note(log::level::warn, "{}", sentence);
  }
}

}  // namespace troupe::runtime
