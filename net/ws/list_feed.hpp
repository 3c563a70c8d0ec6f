// SPDX-License-Identifier: GPL-3.0-or-later
// Follows the list of live streams for all its subscribers on this node. It reads the store, where
// every node's streams and counts are, twice a second while anybody listens, and at once when
// somebody here says that something was stored. What changed goes to the hubs, encoded once.
// Thread: its loop's; nudge(), open() and close() from any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/stream/streams.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/page.hpp"
#include "base/result.hpp"
#include "net/ws/list_state.hpp"
#include "net/ws/loop.hpp"

namespace troupe::ws {

class list_hub;

struct list_feed_options {
  duration read_period = std::chrono::milliseconds(500);
  /// Between two frames with counts. A stream's own count changes once a second at most.
  duration count_period = std::chrono::milliseconds(500);
  duration shortest_pause = std::chrono::milliseconds(100);  ///< between two reads
  duration longest_pause = std::chrono::seconds(5);          ///< while the store does not answer
  /// Reading, and making the lists of it, takes at most one part of so many of the time, however
  /// long and many they are.
  int idle_share = 10;
  std::size_t most_streams = 5'000;  ///< the newest; who is older than that is on no list
};

class list_feed : public std::enable_shared_from_this<list_feed> {
 public:
  /// All of it outlives the last call.
  list_feed(std::unique_ptr<loop> l, stream::streams& streams, const clock& time, metrics& m,
            const list_feed_options& o = {});

  /// In the order of their indices, before any socket comes.
  void attach(std::vector<std::shared_ptr<list_hub>> hubs) { hubs_ = std::move(hubs); }

  /// Something was stored that lists may show.
  void nudge();

  /// From a hub: somebody there wants the list; it gets the whole of it, then every change.
  void open(const list_topic& topic, std::size_t hub);
  /// Nobody does any more.
  void close(const list_topic& topic, std::size_t hub);

 private:
  struct list {
    std::vector<bool> hubs;  // that want it
    list_state_ptr state;    // nothing before the first reading
  };

  void add(const list_topic& topic, std::size_t hub);
  void drop(const list_topic& topic, std::size_t hub);
  bool is_fresh() const;
  void read_in(duration pause);
  void read();
  void read_page(std::optional<std::string> cursor);
  void on_page(result<page<stream::info>> found);
  void on_failure(const error& why);
  void on_read();
  void publish(const list_topic& topic, list& l);
  /// What of the present streams a list of that topic may show, newest first.
  const std::vector<listed_ptr>& streams_of(const list_topic& topic) const;
  void deliver(const list& l, const list_update& update) const;

  const std::unique_ptr<loop> loop_;
  stream::streams& streams_;
  const clock& time_;
  const list_feed_options options_;
  metrics::counter& reads_;
  metrics::counter& failures_;
  metrics::counter& changes_;
  metrics::gauge& lists_gauge_;
  std::atomic<bool> is_nudged_{false};

  std::vector<std::shared_ptr<list_hub>> hubs_;
  std::map<list_topic, list> lists_;
  std::vector<listed_ptr> streams_now_;                                // as of read_at_
  std::unordered_map<std::int64_t, std::vector<listed_ptr>> by_game_;  // the same
  std::vector<stream::info> rows_;                                     // of the reading under way
  std::uint64_t version_ = 0;
  steady_time began_at_{};  // the last reading
  steady_time read_at_{};   // the last that succeeded
  steady_time counted_at_{};
  bool is_reading_ = false;
  bool is_stale_ = false;  // nudged since the reading under way began
  int failed_in_a_row_ = 0;
  std::shared_ptr<void> timer_;
  steady_time due_{};
};

}  // namespace troupe::ws
