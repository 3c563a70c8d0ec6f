// SPDX-License-Identifier: GPL-3.0-or-later
// The list of live streams as its subscribers are told it (docs/stream-list.md): what a list is at
// one moment, and what changed since another. A stream's JSON is written once for all lists, a
// list's frames once for all sockets. Thread: what is here is immutable once made, or pure; any.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/stream/streams.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace troupe::ws {

/// The list that a subscriber wants: the newest live streams, of one game or of all.
struct list_topic {
  std::int64_t game = 0;  ///< 0: all
  int limit = 25;         ///< one of list_limits

  friend auto operator<=>(const list_topic&, const list_topic&) = default;
};

/// Few, so that many subscribers share a list; what is asked for is rounded up.
inline constexpr std::array list_limits = {25, 50, 100, 250, 500, 1000};
constexpr int longest_list = 1000;

/// wanted: 1 to longest_list.
int rounded_limit(int wanted);

/// A stream of the list, as it was last told.
struct listed {
  stream_id id = 0;
  std::int64_t game = 0;  ///< 0: none
  std::int64_t viewers = 0;
  std::string card;  ///< all that is shown of it but the count, to compare
  std::string json;
};

using listed_ptr = std::shared_ptr<const listed>;

listed_ptr make_listed(const stream::info& s);

/// What the store says now, in terms of what was told before: streams that look the same are the
/// same pointers. Newest first, both.
struct list_reading {
  std::vector<listed_ptr> streams;
  bool has_new_counts = false;   ///< taken over
  bool has_held_counts = false;  ///< not taken over, because counts are not due
};

list_reading read_list(const std::vector<listed_ptr>& before, const std::vector<stream::info>& rows,
                       bool counts_are_due);

/// One list at one moment.
class list_state {
 public:
  /// all: newest first. version: above those of earlier states.
  list_state(const list_topic& topic, std::uint64_t version, const std::vector<listed_ptr>& all);

  const list_topic& topic() const { return topic_; }

  std::uint64_t version() const { return version_; }

  const std::vector<listed_ptr>& items() const { return items_; }

  bool has_more() const { return has_more_; }

  /// A frame with the whole list; made when it is first wanted.
  shared_bytes snapshot() const;

  /// Whether it says the same.
  bool equals(const list_state& other) const;
  /// A frame that leads from an earlier state of the same topic to this one.
  shared_bytes changes_since(const list_state& before) const;

 private:
  const list_topic topic_;
  const std::uint64_t version_;
  std::vector<listed_ptr> items_;
  bool has_more_ = false;
  mutable std::mutex mutex_;
  mutable shared_bytes snapshot_;
};

using list_state_ptr = std::shared_ptr<const list_state>;

/// What the hubs are given.
struct list_update {
  list_state_ptr now;
  std::uint64_t since = 0;  ///< the version that changes lead from
  shared_bytes changes;     ///< empty: there is only the whole list
};

}  // namespace troupe::ws
