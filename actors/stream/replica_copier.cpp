// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/replica_copier.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe::stream {
namespace {

// What the owner waits for at most before it goes on without its standby. Nothing waits for a copy
// that is behind, and hundreds are made at once when a node has died.
constexpr auto longest_silence = std::chrono::seconds(1);
constexpr auto longest_silence_behind = std::chrono::seconds(5);
// Enough for a round trip of 10 ms at 400 MB/s; while it is behind, as little as keeps it busy.
constexpr std::size_t most_in_flight = 16;
constexpr std::size_t most_bytes_in_flight = std::size_t{4} << 20;
constexpr std::size_t most_bytes_in_flight_behind = std::size_t{1} << 20;
// A whole playlist at the highest bitrate, and then some: media is referred to, not copied.
constexpr std::size_t most_bytes_waiting = std::size_t{768} << 20;

}  // namespace

runtime::entity_name replica_on(const std::string& node, stream_id stream) {
  return {"replica", node + "/" + std::to_string(stream)};
}

replica_copier::replica_copier(std::string node, stream_id stream, std::uint64_t epoch,
                               const media::cache_archive& from, events e)
    : node_(std::move(node)), stream_(stream), epoch_(epoch), from_(from), events_(std::move(e)) {}

void replica_copier::start(runtime::context& ctx) {
  ctx.ask(replica_on(node_, stream_), describe_replica{}, longest_silence,
          [weak = weak_from_this()](runtime::context& then, result<replica_facts> there) {
            const auto self = weak.lock();
            if (!self || self->state_ != state::asking) {
              return;
            }
            if (there) {
              self->described(then, *there);
            } else {
              self->lose(then, there.error());
            }
          });
}

/// The segment that is not finished there is sent whole: what is there already is passed over.
void replica_copier::described(runtime::context& ctx, const replica_facts& there) {
  state_ = state::copying;
  queue(from_.copy(stream_, media::source_rendition, there.is_held ? there.next_msn : 0),
        appended_);
  if (waiting_.empty()) {
    state_ = state::following;
    const auto keep = shared_from_this();
    events_.arrived(ctx, appended_);
    if (state_ == state::following) {
      events_.caught_up(ctx);
    }
    return;
  }
  waiting_.back().ends_copy = true;
  send(ctx);
}

std::uint64_t replica_copier::append(runtime::context& ctx,
                                     std::span<const media::output> outputs) {
  ++appended_;
  if (state_ == state::copying || state_ == state::following) {
    queue(outputs, appended_);
    if (waiting_bytes_ > most_bytes_waiting) {
      lose(ctx, make_error(errc::unavailable, "too_slow", "too much waits for it"));
    } else {
      send(ctx);
    }
  }
  return appended_;
}

void replica_copier::queue(std::span<const media::output> outputs, std::uint64_t number) {
  for (auto& piece : cut_to_pieces(outputs)) {
    const auto size = size_of(piece);
    waiting_bytes_ += size;
    waiting_.push_back({std::move(piece), size, 0, false});
  }
  if (!waiting_.empty()) {
    waiting_.back().number = number;
  }
}

void replica_copier::send(runtime::context& ctx) {
  const bool is_behind = state_ == state::copying;
  const auto most_bytes = is_behind ? most_bytes_in_flight_behind : most_bytes_in_flight;
  while (state_ != state::over && in_flight_ < waiting_.size() && in_flight_ < most_in_flight &&
         in_flight_bytes_ < most_bytes) {
    const auto& next = waiting_[in_flight_++];
    in_flight_bytes_ += next.size;
    ctx.ask(replica_on(node_, stream_),
            extend_replica{
                .epoch = epoch_, .begins = !std::exchange(has_begun_, true), .piece = next.piece},
            is_behind ? longest_silence_behind : longest_silence,
            [weak = weak_from_this()](runtime::context& then, result<runtime::accepted> there) {
              const auto self = weak.lock();
              if (!self || self->state_ == state::over) {
                return;
              }
              if (there) {
                self->answered(then);
              } else {
                self->lose(then, there.error());
              }
            });
  }
}

/// Answers come in the order of what they answer: one sender, one entity.
void replica_copier::answered(runtime::context& ctx) {
  const auto keep = shared_from_this();
  const auto done = std::move(waiting_.front());
  waiting_.pop_front();
  --in_flight_;
  in_flight_bytes_ -= done.size;
  waiting_bytes_ -= done.size;
  if (done.ends_copy) {
    state_ = state::following;
  }
  if (done.number != 0) {
    events_.arrived(ctx, done.number);
  }
  if (done.ends_copy && state_ == state::following) {
    events_.caught_up(ctx);
  }
  send(ctx);
}

void replica_copier::lose(runtime::context& ctx, const error& why) {
  if (std::exchange(state_, state::over) == state::over) {
    return;
  }
  const auto keep = shared_from_this();
  waiting_.clear();
  events_.lost(ctx, why);
}

}  // namespace troupe::stream
