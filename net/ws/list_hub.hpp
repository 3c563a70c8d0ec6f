// SPDX-License-Identifier: GPL-3.0-or-later
// The sockets of one I/O thread that follow lists of live streams. A socket has no queue: it is
// sent each change while it reads, and the whole list as it then is when it had fallen behind.
// Thread: its loop's; deliver() from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "base/metrics.hpp"
#include "net/ws/list_state.hpp"
#include "net/ws/loop.hpp"
#include "net/ws/roster.hpp"

namespace troupe::ws {

class list_feed;

/// A socket as its hub sees it.
class list_member : public rostered {
 public:
  virtual ~list_member() = default;

  /// All that was written has gone to the kernel.
  virtual bool is_ready() const = 0;
  /// Only called when ready.
  virtual void write(const shared_bytes& frame) = 0;

 private:
  friend class list_hub;

  std::uint64_t version_ = 0;  // of the list it has; 0: none yet
};

struct list_hub_metrics {
  explicit list_hub_metrics(metrics& m);

  metrics::counter& writes;
  metrics::counter& resent;
  metrics::gauge& sockets;
};

class list_hub : public std::enable_shared_from_this<list_hub> {
 public:
  /// slice: sockets that are served, then others of the loop: about 1.5 ms.
  list_hub(std::unique_ptr<loop> l, std::weak_ptr<list_feed> feed, list_hub_metrics& m,
           std::size_t index, std::size_t slice = 256);

  bool is_current() const { return loop_->is_current(); }

  /// What the loop has not taken yet is replaced by what is newer.
  void deliver(list_update update);

  void enter(const list_topic& topic, list_member& m);
  void leave(const list_topic& topic, list_member& m);
  /// It has become ready.
  void serve(const list_topic& topic, list_member& m);

  std::size_t lists() const { return rooms_.size(); }

 private:
  struct room {
    list_update latest;  // now: nothing before the feed's first answer
    roster<list_member> members;
    bool has_news = false;  // since the pass began
  };

  void take_inbox();
  void pass(const list_topic& topic);
  void bring_up_to_date(const room& r, list_member& m);
  void drop(const list_topic& topic);

  const std::unique_ptr<loop> loop_;
  const std::weak_ptr<list_feed> feed_;
  list_hub_metrics& counters_;
  const std::size_t index_;
  const std::size_t slice_;

  std::mutex mutex_;
  std::map<list_topic, list_update> inbox_;  // one of each list

  std::map<list_topic, room> rooms_;  // that have members, or had when a pass began
};

}  // namespace troupe::ws
