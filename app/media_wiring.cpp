// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/media_wiring.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "runtime/placement_core.hpp"

namespace troupe::app {
namespace {

// A sixth of a part: a stream that moved is followed in that time.
constexpr auto tick_period = std::chrono::milliseconds(50);

bool is_live(const runtime::view& view, const runtime::entity_owner& owner) {
  return std::ranges::any_of(view.members, [&](const runtime::member& m) {
    return m.node == owner.node && m.incarnation == owner.incarnation &&
           m.state != runtime::member_state::left && m.state != runtime::member_state::dead;
  });
}

bool is_unfinished(const stream::info& s) {
  return s.status == stream::status::live || s.status == stream::status::reconnecting;
}

}  // namespace

hls::standing standing_of(const runtime::entities& entities, stream_id stream) {
  using runtime::phase;
  const auto found = entities.where(runtime::entity_name_of("stream", stream));
  if (!found) {
    return hls::standing::elsewhere;
  }
  constexpr std::array early = {phase::claiming, phase::activating, phase::taking_over};
  const bool is_early =
      std::ranges::any_of(early, [&](phase p) { return found->state == runtime::to_string(p); });
  return is_early ? hls::standing::coming : hls::standing::here;
}

hls::stream_locator make_stream_locator(runtime::entity_log& log,
                                        const runtime::view_source& members,
                                        stream::streams& streams) {
  return [&](stream_id id, callback<std::optional<runtime::entity_owner>> done) {
    log.owner_of(runtime::entity_name_of("stream", id),
                 [&members, &streams, id, done = std::move(done)](
                     result<std::optional<runtime::entity_owner>> row) mutable {
                   if (!row || !*row || is_live(*members.view(), **row)) {
                     done(std::move(row));
                     return;
                   }
                   // Whoever takes it over is not known yet; of most such streams nobody ever will.
                   streams.find(id, [row = std::move(row), done = std::move(done)](
                                        const result<stream::info>& s) mutable {
                     if (s) {
                       done(is_unfinished(*s) ? std::move(row) : std::nullopt);
                     } else if (s.error().code == errc::not_found) {
                       done(std::nullopt);
                     } else {
                       done(fail(s.error()));
                     }
                   });
                 });
  };
}

media_wiring::media_wiring(const media_needs& n)
    : time_(n.time),
      home_(
          n.cache, [&e = n.entities](stream_id s) { return standing_of(e, s); }, n.copies),
      server_({.incarnation = n.incarnation}, home_, *n.cluster.way, n.time, n.counters),
      remote_({.node = n.node,
               .incarnation = n.incarnation,
               .kept_bytes =
                   n.kept_bytes == 0 ? std::numeric_limits<std::size_t>::max() : n.kept_bytes},
              {.home = home_,
               .way = *n.cluster.way,
               .members = *n.cluster.members,
               .locate = make_stream_locator(n.log, *n.cluster.members, n.streams),
               .time = n.time,
               .counters = n.counters}) {}

void media_wiring::start(net::io_thread& thread) {
  ticks_ = thread.call_every(tick_period, [this] {
    const auto now = time_.now();
    remote_.tick(now);
    server_.tick(now);
  });
}

bool media_wiring::received(std::string_view from, runtime::link_stream on,
                            runtime::envelope& what) {
  return server_.received(from, on, what) || remote_.received(from, on, what);
}

void media_wiring::peer_changed(std::string_view node, runtime::peer_state now) {
  server_.peer_changed(node, now);
  remote_.peer_changed(node, now);
}

void media_wiring::view_changed() {
  remote_.view_changed();
}

}  // namespace troupe::app
