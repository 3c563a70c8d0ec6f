// SPDX-License-Identifier: GPL-3.0-or-later
// How many different lists of live streams this node follows for its sockets: each costs time with
// every reading, and whoever connects names it. Thread: any.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include "net/ws/list_state.hpp"

namespace troupe::ws {

class list_places {
 public:
  struct give_back {
    list_topic topic;

    void operator()(list_places* all) const { all->leave(topic); }
  };

  /// A socket's share of a list's place.
  using place = std::unique_ptr<list_places, give_back>;

  /// most: lists of single games; those of all games are few, and always have a place.
  explicit list_places(std::size_t most) : most_(most) {}

  /// Null when this would be one list too many.
  place take(const list_topic& topic) {
    const std::lock_guard lock(mutex_);
    if (topic.game != 0 && counts_.size() >= most_ && !counts_.contains(topic)) {
      return place(nullptr, {topic});
    }
    if (topic.game != 0) {
      ++counts_[topic];
    }
    return place(this, {topic});
  }

  std::size_t lists() const {
    const std::lock_guard lock(mutex_);
    return counts_.size();
  }

 private:
  void leave(const list_topic& topic) {
    const std::lock_guard lock(mutex_);
    if (const auto at = counts_.find(topic); at != counts_.end() && --at->second == 0) {
      counts_.erase(at);
    }
  }

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<list_topic, std::size_t> counts_;  // sockets, of lists of single games
};

}  // namespace troupe::ws
