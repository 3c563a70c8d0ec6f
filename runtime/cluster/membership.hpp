// SPDX-License-Identifier: GPL-3.0-or-later
// One node's part in the cluster: who is in it, whether this node may serve what it owns, from when
// a dead node's entities may be taken (design.md section 3, "Membership", "The right to own"; what
// it leaves open: docs/decisions/0008). No clock, no thread, no I/O: step(event, now) -> actions,
// with now of this node's own monotonic clock. The shell around it is member.hpp.
// Life: outside -> joining -> active -> draining -> left; a death leads back to outside.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "runtime/cluster/membership_messages.hpp"
#include "runtime/cluster/peer_watch.hpp"

namespace troupe::runtime {

struct membership_config {
  std::string node;
  std::string address;  ///< "10.0.0.1:4040"
  std::vector<std::string> roles = {};
  /// The store is this process's alone (SQLite): there are no others, whatever it says.
  bool alone = false;

  duration ping_every = std::chrono::milliseconds(250);
  int misses = 3;
  duration read_every = std::chrono::milliseconds(500);
  duration right_lasts = std::chrono::milliseconds(1500);
  /// One hundredth more, for clocks that run at different rates.
  duration takeover_wait = std::chrono::milliseconds(1515);
  duration vote_lapse = std::chrono::seconds(5);
  /// Without a good read sent for so long, the store is away.
  duration store_away_after = std::chrono::milliseconds(1000);
  duration no_verdicts_after_return = std::chrono::seconds(3);
  duration join_again_after = std::chrono::seconds(1);
};

// Events.
namespace membership_event {

/// Every ping_every, and as early as possible after a pause.
struct tick {};

struct store_answered {
  std::uint64_t call = 0;
  result<node_table> table;
  std::uint64_t incarnation = 0;  ///< of a join
};

struct pinged {
  std::string from;
  ping what;
};

struct ponged {
  std::string from;
  pong what;
};

struct link_changed {
  std::string node;
  peer_state now = peer_state::connecting;
};

struct drain_wanted {};

/// Everything it owned has moved or ended.
struct leave_wanted {};

using any =
    std::variant<tick, store_answered, pinged, ponged, link_changed, drain_wanted, leave_wanted>;

}  // namespace membership_event

// Actions.
namespace membership_action {

struct read_nodes {};

struct ask_store {
  std::uint64_t call = 0;
  std::variant<read_nodes, join_request, state_change, vote_request> what;
};

struct tell {
  std::string node;
  std::variant<ping, pong> what;
};

struct connect_to {
  std::vector<peer> peers;
};

struct view_changed {};

/// From now on it is this incarnation.
struct joined {
  std::uint64_t incarnation = 0;
};

struct right_changed {
  bool may_serve = false;
  std::string why;
};

/// The incarnation is over: drop every entity. It joins again by itself.
struct died {
  std::string why;
};

struct has_left {};

struct note {
  log::level level = log::level::info;
  std::string sentence;
};

using any = std::variant<ask_store, tell, connect_to, view_changed, joined, right_changed, died,
                         has_left, note>;

}  // namespace membership_action

class membership {
 public:
  using actions = std::vector<membership_action::any>;

  enum class standing : std::uint8_t { outside, joining, active, draining, left };

  /// Counted since the start.
  struct figures {
    std::uint64_t view_changes = 0;
    std::uint64_t suspicions = 0;
    std::uint64_t votes = 0;
    std::uint64_t verdicts = 0;
    std::uint64_t rights_lost = 0;
    std::uint64_t deaths = 0;
    std::uint64_t store_failures = 0;
  };

  struct peer_status {
    member who;
    std::optional<duration> heard_ago;
    bool suspected = false;
    bool accused = false;  ///< this node votes against it
    std::size_t votes = 0;
  };

  struct status {
    std::string node;
    std::uint64_t incarnation = 0;
    membership::standing standing = standing::outside;
    std::uint64_t view = 0;
    bool may_serve = false;
    std::string sentence;  ///< why, or what it waits for
    bool store_answers = false;
    std::vector<peer_status> peers;
  };

  explicit membership(membership_config c);

  [[nodiscard]] actions step(const membership_event::any& event, steady_time now);

  /// The right to own ends there, if nothing comes that prolongs it; in the past: it has none.
  steady_time serves_until() const { return serves_until_; }

  bool may_serve(steady_time now) const { return now < serves_until_; }

  const runtime::view& view() const { return view_; }

  std::uint64_t incarnation() const { return incarnation_; }

  standing now_is() const { return standing_; }

  /// From when what that incarnation owned may be claimed; nothing: it lives, as far as is known.
  std::optional<steady_time> free_from(std::string_view node, std::uint64_t incarnation) const;

  bool may_take_from(std::string_view node, std::uint64_t incarnation, steady_time now) const {
    const auto from = free_from(node, incarnation);
    return from && now >= *from;
  }

  const figures& counted() const { return figures_; }

  membership::status report(steady_time now) const;

 private:
  enum class call_kind : std::uint8_t { read, join, change, vote };

  struct call {
    call_kind kind = call_kind::read;
    steady_time sent{};
    std::uint64_t target = 0;
    std::uint64_t expected = 0;
    bool activates = false;
    bool withdraws = false;
  };

  struct jury {
    std::vector<std::uint64_t> who;
    std::size_t needed = 1;
  };

  /// A vote of this node from before it leaves until it certainly counts no more.
  struct accusation {
    std::string node;
    bool refused = false;
    bool in_flight = false;
    steady_time asked{};                   ///< the last call about it
    steady_time settled{};                 ///< no call can be carried out any more
    std::optional<steady_time> withdrawn;  ///< when the store said so
  };

  // membership.cpp: events, and what the store says.
  void on(const membership_event::tick&);
  void on(const membership_event::store_answered& e);
  void on(const membership_event::pinged& e);
  void on(const membership_event::ponged& e);
  void on(const membership_event::link_changed& e);
  void on(const membership_event::drain_wanted&);
  void on(const membership_event::leave_wanted&);
  void failed(const call& c, const error& why);
  void store_answered_well(steady_time sent);
  void adopt(const node_table& table, std::optional<steady_time> sent);
  void take_view(const node_table& table);
  void note_freed(const std::vector<node_row>& before);
  void follow_own_row();
  void die(std::string why);
  void drop_overdue_calls();
  void read_soon();
  void ping_all();
  void ask(call c, decltype(membership_action::ask_store::what) what);
  void settle();
  void announce_verdict(const call& c);

  template <class... Args>
  void note(log::level l, fmt::format_string<Args...> format, Args&&... args) {
    out_.emplace_back(membership_action::note{l, fmt::format(format, std::forward<Args>(args)...)});
  }

  // membership_decisions.cpp: what it wants of the store.
  void decide();
  void come_in();
  void become_active();
  bool end_others();
  void go_on_leaving();
  void judge();
  void judge(const watched& w);
  void accuse(const watched& w);
  void withdraw(std::uint64_t accused, accusation& a);
  void declare_dead(const watched& w);
  std::vector<std::uint64_t> accusers_of(const watched& w, bool refused) const;
  const ballot* own_ballot(std::uint64_t accused) const;
  void forget_settled(steady_time sent);
  bool may_judge() const;
  jury jury_of(const watched& w) const;
  void change(state_change what);
  void remind(std::string sentence);
  std::size_t owners_besides(std::uint64_t incarnation) const;
  const node_row* own_row() const;
  std::vector<std::uint64_t> accused() const;
  bool is_settling() const;
  bool is_calling(call_kind kind) const;

  // membership_report.cpp
  std::string sentence(steady_time now) const;
  std::string waits_for(steady_time now) const;

  membership_config config_;
  standing standing_ = standing::outside;
  std::uint64_t incarnation_ = 0;
  steady_time now_{};
  actions out_;
  figures figures_;

  runtime::view view_;
  std::vector<node_row> rows_;
  steady_time adopted_{};  ///< when the present view was taken
  peer_watch watch_;
  std::vector<peer> connected_;
  /// By incarnation: from when its entities may be taken. Bounded: only what is in the view, or was
  /// within the last takeover_wait.
  std::map<std::uint64_t, steady_time> freed_;
  std::optional<steady_time> first_table_;
  steady_time own_name_free_{};

  std::map<std::uint64_t, call> calls_;
  std::uint64_t next_call_ = 1;
  std::optional<steady_time> read_sent_;
  std::optional<steady_time> good_read_sent_;
  steady_time store_back_{};
  std::vector<ballot> ballots_;
  steady_time ballots_sent_{};

  std::map<std::uint64_t, accusation> accusations_;
  std::optional<steady_time> activation_settled_;  ///< is being settled; reads from then on tell
  steady_time change_not_before_{};
  steady_time join_not_before_{};
  bool was_replaced_ = false;
  bool had_company_ = false;
  bool wants_drain_ = false;
  bool wants_leave_ = false;
  bool is_leaving_ = false;
  std::optional<steady_time> last_tick_;
  steady_time reminded_{};

  std::optional<steady_time> store_proof_;
  std::optional<steady_time> ping_proof_;
  steady_time serves_until_ = steady_time::min();
  bool served_ = false;
};

std::string_view to_string(membership::standing s);
std::string_view to_string(member_state s);

}  // namespace troupe::runtime
