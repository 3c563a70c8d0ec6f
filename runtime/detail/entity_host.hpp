// SPDX-License-Identifier: GPL-3.0-or-later
// One name on this node: carries out what placement_core decides, runs the behaviour's handlers one
// after another, holds back answers and messages until their commit, and keeps what waits across a
// passivation or a crash.
// Started by: node, at the first message. Owns: the behaviour, its senders, its timers. Talks to:
// node, committer, entity_log. Life: as placement_core has it; retired when nothing waits.
// Thread: its strand, except what is marked. Survives: a crash of the behaviour.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/context.hpp"
#include "runtime/detail/executor.hpp"
#include "runtime/detail/lane.hpp"
#include "runtime/detail/sender_table.hpp"
#include "runtime/detail/wire.hpp"
#include "runtime/entities.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::runtime::detail {

class node;
struct kind_state;

using locate_callback = std::move_only_function<void(result<entity_owner>)>;

class entity_host final : public activation, public std::enable_shared_from_this<entity_host> {
 public:
  entity_host(node& n, kind_state& kind, entity_name name);
  ~entity_host() override;
  entity_host(const entity_host&) = delete;
  entity_host& operator=(const entity_host&) = delete;

  /// Once, before the first command.
  void run_on(strand_ptr s) { strand_ = std::move(s); }

  const strand_ptr& on() const { return strand_; }

  void arrive(command_ptr what);
  /// Who owns the name? Claims it when nobody does.
  void locate(locate_callback then);
  /// To another node. done: how long it was away; errors: conflict (not_movable), unavailable
  /// (busy, not_taken).
  void hand_over(entity_owner to, callback<duration> done);
  /// A control message of a move; from: the node that sent it.
  void heed(const entity_owner& from, const envelope& what);
  /// Another owns the name, or may: the activation is gone and nothing more leaves it.
  void disown(const error& why);
  /// Passivate as soon as nothing waits.
  void drain();

  /// What others may read and count, from any thread.
  std::atomic<std::size_t> waiting{0};

  runtime::phase seen_phase() const { return seen_phase_.load(std::memory_order_relaxed); }

  std::uint64_t seen_epoch() const { return seen_epoch_.load(std::memory_order_relaxed); }

  std::uint64_t seen_restarts() const { return seen_restarts_.load(std::memory_order_relaxed); }

  const entity_name& self() const override { return name_; }

  kind_state& kind() const { return kind_; }

 private:
  struct queued {
    command_ptr what;
    bool may_be_stored = false;  // its commit got no answer
  };

  /// What a turn gave, to leave after its commit: an answer, or a message.
  struct output {
    command_ptr answers;
    std::uint64_t order = 0;
    erased_answer answer;
    command_ptr message;
    entity_name to;
    duration deadline{};
    continuation then;
  };

  using outputs = std::vector<output>;

  struct leaving_state {
    entity_owner to;
    callback<duration> done;
    steady_time began{};
    bool is_preparing = false;  ///< still active
    bool is_sealed = false;     ///< passivate() has run
    bool is_offered = false;
    bool is_swapping = false;
    bytes state;  ///< a wire::given_state
  };

  struct arriving_state {
    entity_owner from;
    std::uint64_t size = 0;
    bytes state;
    bool is_swapping = false;
    bool is_unknown = false;  ///< whether the swap was done
  };

  static output answer_to(command_ptr what, std::uint64_t order, erased_answer answer) {
    output o;
    o.answers = std::move(what);
    o.order = order;
    o.answer = std::move(answer);
    return o;
  }

  // What a context may do.
  std::uint64_t epoch() const override { return core_.epoch(); }

  const clock& time() const override;

  bool is_leaving() const override { return core_.phase() == phase::handing_over; }

  void send(entity_name to, command_ptr what, duration deadline, continuation then) override;
  timer after(duration delay, command_ptr what) override;
  void cancel(timer which) override;
  void run(std::move_only_function<void()> job, continuation then) override;

  void passivate() override { wants_to_passivate_ = true; }

  void fail(error why) override { failed_ = std::move(why); }

  // entity_host.cpp: life.
  void step(const placement_event& event);
  void carry_out(const placement_action& action);
  void begin_claim();
  void claim_answered(std::uint64_t attempt, result<claim_answer> got);
  void start_when_free(std::uint64_t attempt);
  void redirect_waiting();
  void answer_locates(const result<entity_owner>& with);
  bool has_row() const;
  void begin_activation();
  void activation_ended(const erased_answer& how);
  void serve_waiting();
  void refuse_waiting(const error& why);
  void begin_passivation();
  void passivated_if_done();
  void end_passivation();
  void lose(const error& why, bool stored_unknown = false);
  std::vector<std::pair<std::uint64_t, queued>> unanswered(bool stored_unknown);
  void end_activation();
  void retire_later();
  void try_retire();
  void watch_idleness(duration in);
  void passivate_if_wanted();
  bool is_quiet() const;

  // entity_move.cpp: from one node to another.
  void prepare_leaving();
  void leave_now();
  void begin_leaving();
  void stay(const error& why);
  void end_leaving(result<duration> how);
  void offer_if_quiet();
  bytes chunk_at(std::uint64_t offset) const;
  void tell(const entity_owner& to, envelope e);
  void swap_back();
  void swapped_back(result<claim_answer> got);
  void kept_by_us(std::uint64_t epoch);
  void gave_away(const entity_owner& owner);
  void take_over(const entity_owner& from, wire::offer_body offer);
  void decline(const entity_owner& from, const error& why);
  void give_up_arrival(const entity_owner& owner);
  void fetch_or_swap();
  void swap_arrival();
  void arrival_swapped(result<claim_answer> got);
  bool load_given();

  // entity_turn.cpp: handlers, their outputs, commits.
  void handle(const queued& q);
  bool admit(const command_ptr& what);
  bool admit_as(const command_ptr& what, const claimed_order& order);
  bool fetch_missing(const command_ptr& what, claimed_order order, std::uint64_t expected);
  void hold_on();
  void go_on();
  void repeat(const command_ptr& what, sender_table::admission admission);

  /// Calls body(context&); false when it threw or called fail(), with why in failed_.
  template <class F>
  bool turn(const sender& from, F&& body) {
    context ctx(*this, from);
    failed_.reset();
    in_turn_ = true;
    try {
      body(ctx);
    } catch (const std::exception& e) {
      failed_ = make_error(errc::internal, std::string("an exception: ") + e.what());
    } catch (...) {
      failed_ = make_error(errc::internal, "an exception of an unknown type");
    }
    in_turn_ = false;
    return !failed_;
  }

  void finish(const command_ptr& what, std::uint64_t order, erased_answer answer);
  void finish_later(std::uint64_t order, erased_answer answer);
  void end_turn(bool changed);
  void flush(outputs what);
  void start_commit();
  void commit_answered(const result<commit_outcome>& outcome);
  void watch_commit(duration in);
  void resume(continuation then, erased_answer with);
  /// From any thread: calls what with its argument on the strand, unless this activation has ended
  /// by then.
  answer_callback in_this_activation(std::move_only_function<void(entity_host&, erased_answer)> f);

  bool is_durable() const;
  erased_answer crashed_on(const command& what) const;

  node& node_;
  kind_state& kind_;
  const entity_name name_;
  strand_ptr strand_;
  placement_core core_;
  std::atomic<runtime::phase> seen_phase_{runtime::phase::idle};
  std::atomic<std::uint64_t> seen_epoch_{0};
  std::atomic<std::uint64_t> seen_restarts_{0};

  std::list<queued> queue_;  // mostly empty: then it holds no memory
  bool serve_is_posted_ = false;
  sender_table senders_;
  bool is_draining_ = false;
  bool retire_is_posted_ = false;
  bool holds_on_ = false;  // without the right to own, until it comes back
  std::vector<locate_callback> locates_;
  entity_owner owner_elsewhere_;
  std::unique_ptr<leaving_state> leaving_;
  std::unique_ptr<arriving_state> arriving_;
  std::unique_ptr<wire::given_state> given_;  // what the next activation goes on with

  // Of the present activation.
  std::uint64_t activation_ = 0;  // rises with each attempt to start one
  stored_entity loaded_;
  std::unique_ptr<any_behaviour> behaviour_;
  std::shared_ptr<session_state> session_;  // its own, as a sender
  steady_time last_used_{};
  bool wants_to_passivate_ = false;
  std::set<std::uint64_t> timers_;
  std::size_t continuations_ = 0;                 // asks and jobs on their way
  std::map<std::uint64_t, command_ptr> working_;  // by order: begun, answered later
  bool is_dirty_ = false;
  bool is_committing_ = false;
  outputs held_;             // wait for the next commit
  outputs held_for_commit_;  // wait for the one on its way
  outputs withheld_;         // wait for the right to own

  // Of the present turn.
  bool in_turn_ = false;
  std::optional<error> failed_;
  outputs turn_outputs_;

  std::uint64_t orders_ = 0;
  std::uint64_t timer_ids_ = 0;
  steady_time commit_began_{};
  bool commit_is_watched_ = false;
};

}  // namespace troupe::runtime::detail
