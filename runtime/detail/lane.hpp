// SPDX-License-Identifier: GPL-3.0-or-later
// The sender's half of "exactly once within a session": one session's commands to one entity, their
// numbers, and who waits for their answers. Numbers are dense and rising; all below floor() are
// closed: answered or given up, never to be sent again. The entity's half is sender_table.
// Thread: every function from any thread; callbacks are called without the lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "runtime/detail/command.hpp"
#include "runtime/detail/reply_path.hpp"
#include "runtime/entity_name.hpp"
#include "runtime/session.hpp"

namespace troupe::runtime::detail {

constexpr std::size_t most_in_flight = 64;  // design.md section 3
constexpr std::size_t most_lanes = 256;     // per session, of those with nothing in flight

class lane final : public reply_path, public std::enable_shared_from_this<lane> {
 public:
  using deliver = std::function<result<void>(const command_ptr&)>;

  enum class submitted : std::uint8_t { sent, refused, closed };

  lane(session_id session, entity_name to, std::uint64_t first_number)
      : session_(session), to_(std::move(to)), next_(first_number), floor_(first_number) {}

  const entity_name& to() const { return to_; }

  session_id session() const override { return session_; }

  bool is_local() const override { return true; }

  std::uint64_t floor() const { return floor_.load(std::memory_order_acquire); }

  claimed_order order_of(const command& what) const override;

  struct outcome {
    submitted how = submitted::sent;
    error why;              ///< when refused
    answer_callback done;   ///< given back when not sent
    bool must_arm = false;  ///< deadline() became earlier
  };

  /// Numbers what and delivers it under the lock, so that numbers arrive in order.
  outcome submit(const command_ptr& what, steady_time deadline, answer_callback done,
                 const deliver& send);

  /// Closes number and calls its callback; an answer to a closed number is dropped.
  void answer(std::uint64_t number, erased_answer with) override;

  std::vector<command_ptr> missing(std::uint64_t expected, std::uint64_t number) override;

  /// The open commands from number on, to be delivered again in this order: the entity answered
  /// "expected number".
  std::vector<command_ptr> open_from(std::uint64_t number) const;

  /// Answers what is due with deadline_exceeded; returns the next deadline, if any.
  std::optional<steady_time> expire(steady_time now);

  /// Answers everything with why.
  void abandon(const error& why);

  /// The entity does not know this sender: abandons everything, unless number is closed already
  /// (then it speaks of what was abandoned before).
  void session_lost(std::uint64_t number, const error& why) override;

  // For the router, which keeps lanes with commands for other nodes.

  /// Sends one command; closed_since as claimed_order has it. False ends with_open().
  using send_one = std::function<bool(const command_ptr& what, std::uint64_t closed_since)>;

  /// Calls send for the open commands from number on, in order and under the lock, so that nothing
  /// new overtakes them.
  void with_open(std::uint64_t number, const send_one& send) const;
  /// As it would be said of number; only inside of submit()'s deliver.
  std::uint64_t closed_since(std::uint64_t number) const;
  /// The type of an open command: what its answer is decoded as.
  const message_type* type_of(std::uint64_t number) const;
  /// Answers those that never left this node.
  void abandon_unsent(const error& why);
  /// Calls then, under the lock, when nothing is open.
  void if_idle(const std::function<void()>& then) const;

  /// The router has commands of it, and takes the later ones too. Written under the router's lock.
  std::atomic<bool> is_routed = false;

  /// When nothing is in flight: takes no more, and returns the number after the last one.
  std::optional<std::uint64_t> close_if_idle();

 private:
  struct open_command {
    command_ptr what;
    steady_time deadline;
    answer_callback done;
  };

  void move_floor();

  const session_id session_;
  const entity_name to_;
  mutable std::mutex mutex_;
  std::vector<open_command> open_;  // by number; a vector, because an idle deque has 576 bytes
  std::uint64_t next_;
  std::atomic<std::uint64_t> floor_;
  std::optional<steady_time> armed_;
  bool closed_ = false;
};

/// A session's lanes. A lane that was dropped while idle is made again above every number it used.
class session_state {
 public:
  session_state(session_id id, bool is_internal) : id_(id), is_internal_(is_internal) {}

  session_id id() const { return id_; }

  /// An activation's own: it may still send while the node drains.
  bool is_internal() const { return is_internal_; }

  std::shared_ptr<lane> lane_to(const entity_name& to);

 private:
  void drop_idle_lanes();

  const session_id id_;
  const bool is_internal_;
  std::mutex mutex_;
  std::unordered_map<entity_name, std::shared_ptr<lane>> lanes_;
  std::uint64_t first_number_ = 1;
  std::size_t drop_at_ = most_lanes;
};

}  // namespace troupe::runtime::detail
