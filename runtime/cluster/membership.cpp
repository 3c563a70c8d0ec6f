// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/cluster/membership.hpp"

#include <algorithm>
#include <utility>

namespace troupe::runtime {

namespace {

/// Rows of all nodes, the dead and left ones too; more is not ours.
constexpr std::size_t most_rows = 1024;
constexpr std::size_t most_ballots = 16384;
constexpr std::size_t most_reads_in_flight = 4;
/// Being behind, a node reads at once, but not more often than this.
constexpr duration read_gap = std::chrono::milliseconds(20);

}  // namespace

membership::membership(membership_config c)
    : config_(std::move(c)), watch_({.node = config_.node, .misses = config_.misses}) {}

membership::actions membership::step(const membership_event::any& event, steady_time now) {
  out_.clear();
  now_ = now;
  std::visit([this](const auto& e) { on(e); }, event);
  settle();
  return std::exchange(out_, {});
}

void membership::on(const membership_event::tick&) {
  drop_overdue_calls();
  const bool late = last_tick_ && now_ - *last_tick_ > 2 * config_.ping_every;
  last_tick_ = now_;
  if (standing_ == standing::left) {
    return;
  }
  if (standing_ != standing::outside) {
    watch_.tick(late);
    ping_all();
  }
  // Half a period early, so that reads keep their rate whatever the ticks' jitter.
  if (!read_sent_ || now_ - *read_sent_ >= config_.read_every - config_.ping_every / 2) {
    read_soon();
  }
  decide();
}

void membership::on(const membership_event::store_answered& e) {
  const auto found = calls_.find(e.call);
  if (found == calls_.end()) {
    return;  // of an incarnation before, or long overdue
  }
  const auto c = found->second;
  calls_.erase(found);
  if (!e.table) {
    failed(c, e.table.error());
    decide();
    return;
  }
  if (e.table->rows.size() > most_rows || e.table->ballots.size() > most_ballots) {
    failed(c, make_error(errc::too_large, "the table of nodes has too many rows"));
    return;
  }
  if (c.kind == call_kind::join) {
    incarnation_ = e.incarnation;
    standing_ = standing::joining;
    out_.emplace_back(membership_action::joined{incarnation_});
    note(log::level::info, "joined the cluster as incarnation={}; pings decide when it is active",
         incarnation_);
  } else if (c.kind == call_kind::vote) {
    if (const auto a = accusations_.find(c.target); a != accusations_.end()) {
      a->second.in_flight = false;
      if (c.withdraws) {
        a->second.withdrawn = now_;
      }
    }
  } else if (c.kind == call_kind::change) {
    if (c.activates) {
      activation_settled_.reset();  // made or not, the table shows it
    }
    if (e.table->number == c.expected) {
      change_not_before_ = now_ + config_.ping_every;  // refused for another reason: not at once
    }
  }
  adopt(*e.table, c.sent);
  announce_verdict(c);
  decide();
}

void membership::failed(const call& c, const error& why) {
  ++figures_.store_failures;
  switch (c.kind) {
    case call_kind::read:
      break;
    case call_kind::join:
      join_not_before_ = now_ + config_.join_again_after;
      note(log::level::warn, "could not join the cluster, tries again: {}", why.message);
      break;
    case call_kind::change:
      change_not_before_ = now_ + config_.ping_every;
      if (c.activates) {
        activation_settled_ = c.sent + membership_call_limit;
      }
      break;
    case call_kind::vote:
      if (const auto a = accusations_.find(c.target); a != accusations_.end()) {
        a->second.in_flight = false;
        a->second.settled = std::max(a->second.settled, c.sent + membership_call_limit);
      }
      break;
  }
}

void membership::on(const membership_event::pinged& e) {
  if (incarnation_ == 0 || is_leaving_ || standing_ == standing::left) {
    return;
  }
  if (auto* w = watch_.find(e.from, e.what.from)) {
    w->pings_us = now_;
  }
  pong answer{.from = incarnation_,
              .to = e.what.from,
              .view = view_.number,
              .sent = e.what.sent,
              .standing = standing_ == standing::active     ? member_state::active
                          : standing_ == standing::draining ? member_state::draining
                                                            : member_state::joining,
              .settling = is_settling(),
              .accuses = accused(),
              .newer = {}};
  if (e.what.view < view_.number) {
    answer.newer = rows_;
  } else if (e.what.view > view_.number) {
    read_soon();
  }
  out_.emplace_back(membership_action::tell{e.from, std::move(answer)});
}

void membership::on(const membership_event::ponged& e) {
  const steady_time sent{duration(e.what.sent)};
  if (incarnation_ == 0 || e.what.to != incarnation_ || sent > now_) {
    return;
  }
  if (e.what.view > view_.number) {
    if (!e.what.newer.empty() && e.what.newer.size() <= most_rows) {
      adopt({.number = e.what.view, .rows = e.what.newer, .ballots = {}}, std::nullopt);
    }
    read_soon();
  }
  auto* w = watch_.find(e.from, e.what.from);
  if (w == nullptr || incarnation_ == 0) {
    return;
  }
  watch_.ponged(*w, e.what, incarnation_, view_.number, sent, now_);
  if (standing_ == standing::joining) {
    decide();
  }
}

void membership::on(const membership_event::link_changed& e) {
  watch_.link_changed(e.node, e.now, now_);
  decide();
}

void membership::on(const membership_event::drain_wanted&) {
  wants_drain_ = true;
  decide();
}

void membership::on(const membership_event::leave_wanted&) {
  wants_leave_ = true;
  decide();
}

void membership::store_answered_well(steady_time sent) {
  if (good_read_sent_ && sent <= *good_read_sent_) {
    return;
  }
  if (!good_read_sent_ || sent - *good_read_sent_ > config_.store_away_after) {
    if (good_read_sent_) {
      note(log::level::warn, "the store answers again after {} ms; no verdicts for {} s",
           std::chrono::duration_cast<std::chrono::milliseconds>(now_ - *good_read_sent_).count(),
           std::chrono::duration_cast<std::chrono::seconds>(config_.no_verdicts_after_return)
               .count());
    }
    store_back_ = now_;
  }
  good_read_sent_ = sent;
}

/// sent: when the store was asked; nothing: it comes from another node.
void membership::adopt(const node_table& table, std::optional<steady_time> sent) {
  if (sent) {
    store_answered_well(*sent);
    if (!first_table_) {
      first_table_ = now_;
    }
  }
  if (incarnation_ != 0 && table.number < view_.number) {
    if (sent && *sent > adopted_) {
      die("the store has lost what it had: its table of nodes is older than before");
    }
    return;  // an answer that was overtaken
  }
  if (table.number != view_.number || rows_ != table.rows) {
    take_view(table);
  }
  if (sent && *sent >= ballots_sent_) {
    ballots_ = table.ballots;
    ballots_sent_ = *sent;
  }
  if (incarnation_ == 0) {
    return;
  }
  follow_own_row();
  if (incarnation_ == 0 || !sent) {
    return;
  }
  if (standing_ == standing::active || standing_ == standing::draining) {
    store_proof_ = store_proof_ ? std::max(*store_proof_, *sent) : *sent;
  }
  if (activation_settled_ && !is_calling(call_kind::change) && *sent >= *activation_settled_) {
    activation_settled_.reset();
  }
  forget_settled(*sent);
}

void membership::take_view(const node_table& table) {
  const auto before = std::exchange(rows_, table.rows);
  view_.number = table.number;
  view_.members.clear();
  std::size_t owners = 0;
  for (const auto& row : rows_) {
    if (config_.alone && row.who.node != config_.node) {
      continue;
    }
    view_.members.push_back(row.who);
    owners += is_owner(row.who.state) ? 1 : 0;
  }
  had_company_ = had_company_ || (incarnation_ != 0 && owners > 1);
  adopted_ = now_;
  ++figures_.view_changes;
  note_freed(before);
  out_.emplace_back(membership_action::view_changed{});
  if (config_.alone) {
    return;
  }
  watch_.follow(rows_, now_);
  std::erase_if(accusations_,
                [this](const auto& a) { return watch_.find(a.second.node, a.first) == nullptr; });
  std::vector<peer> wanted;
  for (const auto& [name, w] : watch_.peers()) {
    wanted.push_back({name, w.who.address});
  }
  if (wanted != connected_) {
    connected_ = std::move(wanted);
    out_.emplace_back(membership_action::connect_to{connected_});
  }
  if (incarnation_ != 0 && standing_ != standing::left) {
    ping_all();  // the others learn of the number, and answers count anew
  }
}

void membership::note_freed(const std::vector<node_row>& before) {
  std::erase_if(freed_, [this](const auto& f) {
    return f.second <= now_ && std::ranges::none_of(rows_, [&](const node_row& r) {
             return r.who.incarnation == f.first;
           });
  });
  for (const auto& row : rows_) {
    if (row.who.state == member_state::left || (row.who.state == member_state::dead && row.ended)) {
      freed_.try_emplace(row.who.incarnation, now_);
    } else if (row.who.state == member_state::dead) {
      freed_.try_emplace(row.who.incarnation, now_ + config_.takeover_wait);
    }
    const auto old = std::ranges::find(before, row.who.node,
                                       [](const node_row& r) -> auto& { return r.who.node; });
    if (old != before.end() && old->who.incarnation != row.who.incarnation &&
        is_live(old->who.state)) {
      // Replaced by one that holds its port: it has ended. Elsewhere: an operator's word, no more.
      const bool same_port = old->who.address == row.who.address;
      freed_.try_emplace(old->who.incarnation, same_port ? now_ : now_ + config_.takeover_wait);
    }
  }
}

void membership::follow_own_row() {
  const auto* row = own_row();
  if (row == nullptr || row->who.incarnation != incarnation_) {
    was_replaced_ = row != nullptr && is_live(row->who.state);
    die(was_replaced_ ? "another process has taken this node's name"
                      : "the store no longer knows this node");
    return;
  }
  const auto before = standing_;
  switch (row->who.state) {
    case member_state::joining:
      break;
    case member_state::active:
      standing_ = standing::active;
      activation_settled_.reset();
      break;
    case member_state::draining:
      standing_ = standing::draining;
      break;
    case member_state::left:
      standing_ = standing::left;
      break;
    case member_state::dead:
      die("the others found this node dead");
      return;
  }
  if (standing_ == before) {
    return;
  }
  note(log::level::info, "this node is {} view={}", to_string(standing_), view_.number);
  if (standing_ == standing::left) {
    out_.emplace_back(membership_action::has_left{});
  }
}

void membership::die(std::string why) {
  note(log::level::error, "this node drops its entities and joins again: {} incarnation={}", why,
       incarnation_);
  ++figures_.deaths;
  standing_ = standing::outside;
  incarnation_ = 0;
  calls_.clear();
  accusations_.clear();
  ballots_.clear();
  activation_settled_.reset();
  store_proof_.reset();
  ping_proof_.reset();
  had_company_ = false;
  read_sent_.reset();
  first_table_.reset();  // what comes and goes meanwhile is not seen
  out_.emplace_back(membership_action::died{std::move(why)});
}

void membership::drop_overdue_calls() {
  for (auto it = calls_.begin(); it != calls_.end();) {
    if (now_ - it->second.sent < membership_call_limit) {
      ++it;
      continue;
    }
    const auto c = it->second;
    it = calls_.erase(it);
    failed(c, make_error(errc::deadline_exceeded, "the store did not answer"));
  }
}

void membership::read_soon() {
  const auto reads =
      std::ranges::count_if(calls_, [](const auto& c) { return c.second.kind == call_kind::read; });
  if (static_cast<std::size_t>(reads) >= most_reads_in_flight ||
      (read_sent_ && now_ - *read_sent_ < read_gap)) {
    return;
  }
  read_sent_ = now_;
  ask({.kind = call_kind::read}, membership_action::read_nodes{});
}

void membership::ping_all() {
  for (const auto& [name, w] : watch_.peers()) {
    out_.emplace_back(membership_action::tell{name, ping{.from = incarnation_,
                                                         .to = w.who.incarnation,
                                                         .view = view_.number,
                                                         .sent = now_.time_since_epoch().count()}});
  }
}

void membership::ask(call c, decltype(membership_action::ask_store::what) what) {
  c.sent = now_;
  calls_.emplace(next_call_, c);
  out_.emplace_back(membership_action::ask_store{next_call_++, std::move(what)});
}

/// The right to own, as of now.
void membership::settle() {
  const bool owns =
      (standing_ == standing::active || standing_ == standing::draining) && !is_leaving_;
  serves_until_ = steady_time::min();
  if (owns) {
    const auto proof = watch_.proof(incarnation_, accused(), now_);
    if (proof && (!ping_proof_ || *proof > *ping_proof_)) {
      ping_proof_ = proof;
    }
    if (const auto latest = std::max(store_proof_, ping_proof_)) {
      serves_until_ = *latest + config_.right_lasts;
    }
  }
  const bool serves = may_serve(now_);
  if (serves == served_) {
    return;
  }
  served_ = serves;
  figures_.rights_lost += serves ? 0 : 1;
  auto why = sentence(now_);
  note(serves ? log::level::info : log::level::warn, "{}", why);
  out_.emplace_back(membership_action::right_changed{serves, std::move(why)});
}

std::optional<steady_time> membership::free_from(std::string_view node,
                                                 std::uint64_t incarnation) const {
  if (!first_table_) {
    return std::nullopt;
  }
  if (config_.alone) {
    return steady_time::min();
  }
  for (const auto& row : rows_) {
    if (row.who.incarnation == incarnation && row.who.node == node && is_live(row.who.state)) {
      return std::nullopt;
    }
  }
  if (const auto known = freed_.find(incarnation); known != freed_.end()) {
    return known->second;
  }
  if (node == config_.node) {
    return own_name_free_;
  }
  // Gone from the table before this node looked, or never active while it did: nobody becomes
  // active without this node's answers, and those show whom it knows.
  return *first_table_ + config_.takeover_wait;
}

}  // namespace troupe::runtime
