// SPDX-License-Identifier: GPL-3.0-or-later
// The sending side of a stream's copy on another node: first what that node lacks of what a cache
// here holds, then what is appended, in order, each answered when it is there. Ends at the first
// thing that is not answered in time. Memory: what waits is bounded (see lost). Thread: of the
// entity whose contexts it is given; it must be held by a shared_ptr, and dies with the entity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "actors/stream/replica_messages.hpp"
#include "base/ids.hpp"
#include "media/segment_cache.hpp"
#include "runtime/context.hpp"

namespace troupe::stream {

/// The copy of a stream on a node.
runtime::entity_name replica_on(const std::string& node, stream_id stream);

class replica_copier : public std::enable_shared_from_this<replica_copier> {
 public:
  struct events {
    /// Everything up to that number, as append() gave it, is there.
    std::function<void(runtime::context&, std::uint64_t number)> arrived;
    /// It has all there is, for the first time.
    std::function<void(runtime::context&)> caught_up;
    /// Once, the last event: it does not answer, refuses, or too much waits for it.
    std::function<void(runtime::context&, const error& why)> lost;
  };

  /// from outlives it. epoch: of the stream's activation that it copies for.
  replica_copier(std::string node, stream_id stream, std::uint64_t epoch,
                 const media::cache_archive& from, events e);

  void start(runtime::context& ctx);
  /// What was published since start(), whether it is in the cache yet or not. Numbers count from 1.
  std::uint64_t append(runtime::context& ctx, std::span<const media::output> outputs);

  const std::string& node() const { return node_; }

  bool has_caught_up() const { return state_ == state::following; }

  /// No more events.
  void end() { state_ = state::over; }

 private:
  enum class state : std::uint8_t { asking, copying, following, over };

  struct message {
    replica_piece piece;
    std::size_t size = 0;
    std::uint64_t number = 0;  ///< all up to it has arrived with this; 0: says nothing
    bool ends_copy = false;    ///< of what the cache held
  };

  void described(runtime::context& ctx, const replica_facts& there);
  void queue(std::span<const media::output> outputs, std::uint64_t number);
  void send(runtime::context& ctx);
  void answered(runtime::context& ctx);
  void lose(runtime::context& ctx, const error& why);

  const std::string node_;
  const stream_id stream_;
  const std::uint64_t epoch_;
  const media::cache_archive& from_;
  events events_;
  state state_ = state::asking;
  std::uint64_t appended_ = 0;
  std::deque<message> waiting_;  // the first in_flight_ are on their way
  std::size_t waiting_bytes_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t in_flight_bytes_ = 0;
  bool has_begun_ = false;
};

}  // namespace troupe::stream
