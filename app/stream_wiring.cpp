// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/stream_wiring.hpp"

#include <chrono>

namespace troupe::app {
namespace {

media::cache_options options_of_copies(const config& conf) {
  media::cache_options o;
  o.max_bytes = static_cast<std::size_t>(conf.limits.segment_cache_bytes);
  o.labels = {{"of", "replicas"}};
  return o;
}

}  // namespace

stream_parts::copy_parts::copy_parts(const stream_needs& n)
    : media(options_of_copies(n.conf), n.time, n.counters),
      counters(n.counters),
      shared{.node = n.node,
             .incarnation = n.incarnation,
             .members = *n.members,
             .live = n.cache,
             .replicas = media,
             .counters = counters} {}

stream_parts::stream_parts(const stream_needs& n)
    : grace_(n.conf.stream.grace_period),
      copies_(n.members == nullptr ? nullptr : std::make_unique<copy_parts>(n)),
      counters_(n.counters),
      needs_{.store = n.store,
             .cache = n.cache,
             .counters = counters_,
             .settings = {.grace = grace_},
             .stored = &n.stored,
             .copies = copies_ ? &copies_->shared : nullptr} {}

void stream_parts::add_kinds(runtime::entities& entities) const {
  runtime::kind_options of_streams;
  of_streams.placed = runtime::placement::near_sender;  // where its publisher is connected
  // A stream waits for its publisher by a timer, which a passivation would forget.
  of_streams.idle = grace_ + std::chrono::minutes(10);
  of_streams.way = runtime::link_stream::media;
  entities.add_kind<stream::live_stream>(
      [this](const runtime::entity_name& name) {
        return std::make_unique<stream::live_stream>(name, needs_);
      },
      of_streams);
  if (!copies_) {
    return;
  }
  runtime::kind_options of_copies;
  of_copies.placed = runtime::placement::on_node;
  of_copies.idle = grace_ + std::chrono::minutes(5);  // nothing comes while the publisher is gone
  of_copies.way = runtime::link_stream::media;
  entities.add_kind<stream::stream_replica>(
      [this](const runtime::entity_name& name) {
        return std::make_unique<stream::stream_replica>(name, copies_->shared);
      },
      of_copies);
}

}  // namespace troupe::app
