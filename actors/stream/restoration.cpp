// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/stream/restoration.hpp"

#include <chrono>
#include <tuple>
#include <vector>

#include "base/log.hpp"

namespace troupe::stream {
namespace {

constexpr auto longest_answer = std::chrono::milliseconds(500);
// A whole playlist at 50 Mbit/s, over a link of 1 Gbit/s, takes 5 s; a stream waits no longer.
constexpr auto longest_copy = std::chrono::seconds(5);

bool is_beyond(const replica_facts& one, const replica_facts& other) {
  return one.is_held && (!other.is_held || std::tuple(one.next_msn, one.parts) >
                                               std::tuple(other.next_msn, other.parts));
}

}  // namespace

replica_facts restoration::own() const {
  replica_facts best;
  for (const auto* cache : {&r_.live, &r_.replicas}) {
    if (const auto p = cache->position(stream_, media::source_rendition)) {
      const replica_facts found{.is_held = true, .next_msn = p->next_msn, .parts = p->parts};
      best = is_beyond(found, best) ? found : best;
    }
  }
  return best;
}

void restoration::start(runtime::context& ctx, std::optional<std::int64_t> enough) {
  best_ = own();
  std::vector<std::string> others;
  if (!enough || !best_.is_held || best_.next_msn < *enough) {
    for (const auto& m : r_.members.view()->members) {
      const bool serves =
          m.state == runtime::member_state::active || m.state == runtime::member_state::draining;
      if (serves && m.node != r_.node) {
        others.push_back(m.node);
      }
    }
  }
  awaited_ = others.size();
  if (others.empty()) {
    finish(ctx);
    return;
  }
  for (const auto& node : others) {
    ctx.ask(replica_on(node, stream_), describe_replica{}, longest_answer,
            [self = shared_from_this(), node](runtime::context& then,
                                              const result<replica_facts>& there) {
              self->described(then, node, there);
            });
  }
}

void restoration::described(runtime::context& ctx, const std::string& node,
                            const result<replica_facts>& there) {
  if (there && is_beyond(*there, best_)) {
    best_ = *there;
    best_node_ = node;
  }
  if (--awaited_ == 0) {
    all_described(ctx);
  }
}

void restoration::all_described(runtime::context& ctx) {
  if (best_node_.empty()) {
    finish(ctx);
    return;
  }
  ctx.ask(
      replica_on(best_node_, stream_), give_replica{.node = r_.node, .epoch = epoch_}, longest_copy,
      [self = shared_from_this()](runtime::context& then, const result<runtime::accepted>& given) {
        if (!given) {
          log::warn("a stream's media was not copied here stream={} from={}: {}", self->stream_,
                    self->best_node_, given.error().message);
        }
        self->finish(then);
      });
}

void restoration::finish(runtime::context& ctx) {
  if (r_.replicas.position(stream_, media::source_rendition)) {
    // What is in both is passed over.
    r_.live.publish(stream_, media::source_rendition,
                    r_.replicas.copy(stream_, media::source_rendition, 0));
    ctx.send(replica_on(r_.node, stream_), drop_replica{epoch_});
    r_.counters.restored.add();
  }
  done_(ctx);
}

}  // namespace troupe::stream
