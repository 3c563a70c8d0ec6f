// SPDX-License-Identifier: GPL-3.0-or-later
// Everything of chat on one I/O thread: the feeds of its rooms, their passes, its sockets and what
// they wait for. A pass over a room's sockets begins at most every 20 ms, at once after a pause,
// and yields to the loop after every slice, so that other connections of the thread are not late.
// Thread: its loop's; deliver() and post() from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "net/ws/feed.hpp"
#include "net/ws/loop.hpp"

namespace troupe::ws {

class fanout;
class hub;

/// A socket as its hub sees it.
class member : public subscriber {
 public:
  /// About once a second.
  virtual void on_tick(steady_time now) = 0;
  /// A second has passed since it said something; see hub::watch().
  virtual void on_overdue(std::uint32_t number) = 0;

  /// The node gives away what it holds: the socket's client is to come back elsewhere.
  virtual void on_leaving() {}

 private:
  friend class hub;
  std::uint32_t slot_ = 0;
};

struct hub_metrics {
  explicit hub_metrics(metrics& m);

  metrics::counter& deliveries;
  metrics::counter& writes;
  metrics::counter& missed;
  metrics::counter& dropped;
  metrics::gauge& sockets;
};

struct hub_options {
  feed_limits feeds{};
  duration pass_interval = std::chrono::milliseconds(20);
  std::size_t slice = 256;  ///< sockets, then others of the loop: about 1.5 ms
  /// Broadcasts that wait for the loop; beyond it events are dropped and sockets told, and of
  /// notices the newest of each kind is kept.
  std::size_t inbox_limit = 16'384;
  /// Called on the loop's thread, every few seconds for each room with sockets, with the last
  /// number they got: for the relay, which may have been lost.
  std::function<void(user_id room, std::int64_t heard)> on_listening{};
};

class hub : public std::enable_shared_from_this<hub> {
 public:
  using events = std::shared_ptr<const std::vector<framed>>;

  /// Names a socket, also when it may be gone.
  struct ticket {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
  };

  hub(std::unique_ptr<loop> l, const clock& c, hub_metrics& m, const hub_options& o, fanout& f,
      std::size_t index);

  void deliver(user_id room, events what);
  void post(std::move_only_function<void(hub&)> what);

  bool is_current() const { return loop_->is_current(); }

  /// Keeps all that comes for a room from now on, for somebody who will enter or not: between
  /// hold() and release() nothing is lost. What it gives belongs into feed::arrival::notices.
  std::uint64_t hold(user_id room);
  void release(user_id room);

  /// While the room is held.
  ticket enter(user_id room, member& m, const feed::arrival& how);
  void leave(user_id room, member& m);
  /// Nothing when it is gone.
  member* find(ticket t) const;

  void serve(user_id room, member& m);
  void set_user(user_id room, member& m, user_id user, bool moderates, std::int64_t since);
  std::int64_t head(user_id room) const;
  /// Calls on_overdue(number) in a second.
  void watch(ticket t, std::uint32_t number);

  /// Tells every socket on_leaving(). On the loop's thread.
  void send_away();

  const clock& time() const { return clock_; }

  std::size_t rooms() const { return rooms_.size(); }

  std::size_t members() const { return live_; }

 private:
  struct room {
    explicit room(const feed_limits& l) : events(l) {}

    feed events;
    std::size_t holds = 0;
    bool is_scheduled = false;
    steady_time last_pass{};
    std::shared_ptr<void> timer;
    feed_counts reported;
  };

  struct slot {
    member* who = nullptr;
    std::uint32_t generation = 0;
  };

  struct overdue {
    steady_time due;
    ticket who;
    std::uint32_t number = 0;
  };

  /// What the inbox had no place for: the newest notice of each kind, which events, and those of
  /// them that change what sockets may still be sent.
  struct losses {
    std::int64_t from = 0;  // 0: no events
    std::int64_t to = 0;
    std::deque<framed> changes;
    std::vector<framed> notices;
  };

  void note_lost(losses& l, const std::vector<framed>& what);
  void take_inbox();
  room* find_room(user_id id) const;
  void schedule(user_id id, room& r);
  void pass(user_id id);
  void drop_if_empty(user_id id);
  void report(room& r);
  void keep_ticking();
  void tick();
  void tell_overdue(steady_time now);
  void tell_relays();

  const std::unique_ptr<loop> loop_;
  const clock& clock_;
  hub_metrics& counters_;
  const hub_options options_;
  fanout& fanout_;
  const std::size_t index_;

  std::mutex mutex_;
  std::vector<std::pair<user_id, events>> inbox_;
  std::size_t inbox_size_ = 0;
  std::unordered_map<user_id, losses> lost_;  // of rooms with sockets here; until the loop comes

  std::unordered_map<user_id, std::unique_ptr<room>> rooms_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t live_ = 0;
  std::deque<overdue> overdue_;  // by time; at most 64 of a socket
  std::shared_ptr<void> ticker_;
  std::size_t tick_at_ = 0;    // which tenth of the slots is next
  std::size_t relays_at_ = 0;  // which fiftieth of the rooms
};

}  // namespace troupe::ws
