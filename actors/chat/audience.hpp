// SPDX-License-Identifier: GPL-3.0-or-later
// How many people watch a channel, added up over the nodes that report them; and who is told.
// Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/clock.hpp"
#include "base/ids.hpp"

namespace troupe::chat {

class audience {
 public:
  audience(duration silence, std::size_t node_limit) : silence_(silence), node_limit_(node_limit) {}

  /// False when there are too many nodes to note one more.
  bool report(const std::string& node, std::int64_t people, steady_time now);
  /// Without the nodes that were silent for too long.
  std::int64_t count(steady_time now);

  bool is_empty() const { return nodes_.empty(); }

  /// By node, as they reported.
  std::map<std::string, std::int64_t> by_node() const;

 private:
  struct entry {
    std::int64_t people = 0;
    steady_time at;
  };

  duration silence_;
  std::size_t node_limit_;
  std::map<std::string, entry> nodes_;
};

/// Who keeps the figures of a live stream. Called on the room's thread: it must not block.
class audience_sink {
 public:
  virtual ~audience_sink() = default;
  /// So many from now on; when the stream goes live, and at each change.
  virtual void on_audience(stream_id stream, std::int64_t viewers) = 0;
  /// It is live no more.
  virtual void on_audience_end(stream_id stream) = 0;
};

}  // namespace troupe::chat
