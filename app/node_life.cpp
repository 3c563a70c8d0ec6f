// SPDX-License-Identifier: GPL-3.0-or-later
// A node while it runs, and its end: housekeeping, readiness, the drain, the order of the stop.
#include <algorithm>
#include <chrono>
#include <future>

#include "app/node_parts.hpp"
#include "app/orphaned_streams.hpp"
#include "base/log.hpp"

namespace troupe::app {
namespace {

constexpr auto housekeeping_period = std::chrono::seconds(2);
constexpr int periods_per_sweep = 30;
constexpr auto sockets_deadline = std::chrono::seconds(2);

// The end, which has ten seconds in all: the edges take edges_deadline at most, and what runs in
// the store when the entities are done may take the last of them.
constexpr auto queue_patience = std::chrono::milliseconds(1500);
constexpr auto entities_end = std::chrono::seconds(6);
constexpr auto pools_end = std::chrono::milliseconds(7500);

duration left_until(steady_time end) {
  return std::max(end - system_clock().now(), duration::zero());
}

}  // namespace

result<void> node::parts::start_services() {
  std::vector<runtime::child_spec> ports;
  if (rtmp_server) {
    ports.push_back(listener("rtmp", *rtmp_server));
  }
  ports.push_back(listener("http", http_server->tcp()));
  if (auto ok = entities->supervise(edges(std::move(ports))); !ok) {
    return ok;
  }
  auto& thread = threads->at(0);
  return entities->supervise(
      upkeep({periodic("housekeeping", thread, housekeeping_period,
                       [this, period = 0](const failure_callback& failed) mutable {
                         keep_house(period++, failed);
                       }),
              periodic("presence", thread, presence::tick_period,
                       [this, tick = presence->ticker(*entities)](const failure_callback&) {
                         if (!stopping) {
                           tick();
                         }
                       })}));
}

void node::parts::keep_house(int period, const failure_callback& failed) {
  if (stopping) {
    return;
  }
  // A full queue is an answer too: the store does not keep up.
  const bool accepted = house_pool->submit([this, period, failed] {
    try {
      keep_stored_house(period);
    } catch (const std::exception& e) {
      failed(e);
    }
  });
  if (!accepted) {
    store_answers = false;
  }
  if (orphans_wanted) {
    wake_orphans();  // the store did not answer, or the pool had no room
  }
  counters.make_gauge("troupe_log_dropped_lines", "Log lines lost because the queue was full")
      .set(static_cast<double>(log::dropped_lines()));
}

void node::parts::keep_stored_house(int period) {
  store_answers = store->ping().has_value();
  if (const auto looked = accounts->look_after(); !looked && store_answers) {
    log::warn("accounts not looked after: {}", looked.error().message);
  }
  look_for_strangers();
  // Of several nodes one sweeps what all have.
  if (period % periods_per_sweep == 0 && (!cluster || cluster->is_housekeeper())) {
    sweep();
  }
}

void node::parts::sweep() {
  chat->sweep();
  if (const auto ended = streams->end_unpublished(conf.stream.unpublished_timeout); !ended) {
    log::warn("unpublished streams not ended: {}", ended.error().message);
  }
  if (const auto removed = store->tokens().remove_expired(time.wall()); !removed) {
    log::warn("expired tokens not removed: {}", removed.error().message);
  }
  if (cluster) {
    cluster->sweep();
  }
}

/// Two that do not know each other would both take what is in the store.
void node::parts::look_for_strangers() {
  if (cluster || store->kind() == storage::engine::sqlite) {
    return;
  }
  const auto found = store->cluster().read();
  if (found && found->view > 0 && !has_strangers.exchange(true)) {
    log::error(
        "another node has joined this store, and this one runs as if it were alone: start it again "
        "with the cluster.conf that lists both");
  }
}

void node::parts::wake_orphans() {
  orphans_wanted = true;
  // No room: the housekeeping tries again.
  static_cast<void>(house_pool->submit([this] {
    if (stopping || cluster->why_not_ready() || !orphans_wanted.exchange(false)) {
      return;
    }
    const auto view = cluster->member().view();
    const auto woken = wake_orphaned_streams(*store, *entities, *view, self.name);
    if (!woken) {
      orphans_wanted = true;
      log::warn("streams of nodes that are gone were not found: {}", woken.error().message);
    } else if (*woken > 0) {
      log::info("streams that were live wait for their publishers count={}", *woken);
    }
  }));
}

std::optional<std::string> node::parts::why_not_ready() const {
  if (stopping) {
    return "the node is stopping";
  }
  if (!store_answers) {
    return "the store does not answer";
  }
  if (has_strangers) {
    return "another node has joined the store: this one is to be started again";
  }
  if (http_server &&
      (!http_server->tcp().is_accepting() || (rtmp_server && !rtmp_server->is_accepting()))) {
    return "a port is closed: see troupe tree";
  }
  return cluster ? cluster->why_not_ready() : std::nullopt;
}

void node::parts::drain(callback<std::size_t> done) {
  {
    const std::lock_guard lock(drain_mutex);
    if (!drained) {
      waiting_for_the_drain.push_back(std::move(done));
      if (!std::exchange(is_draining, true)) {
        drain_thread = std::thread([this] { give_away(); });
      }
      return;
    }
  }
  done(*drained);  // it is not written again
}

/// Encoders and chat sockets first: they come back elsewhere, and what they were here ends with
/// them. Then rooms and streams, which go on meanwhile.
void node::parts::give_away() {
  log::info("this node gives away what it holds");
  cluster->drain();
  if (rtmp_server) {
    rtmp_server->stop(edges_deadline / 2);
  }
  const auto told = std::make_shared<std::promise<void>>();
  auto all_told = told->get_future();
  viewers->edge().send_away([told] { told->set_value(); });
  if (all_told.wait_for(sockets_deadline) != std::future_status::ready) {
    log::warn("not every chat socket was sent away in time");
  }
  entities->drain([this](const result<std::size_t>& stayed) { end_drain(stayed); });
}

void node::parts::end_drain(const result<std::size_t>& stayed) {
  std::vector<callback<std::size_t>> waiting;
  {
    const std::lock_guard lock(drain_mutex);
    if (stayed && !drained) {
      drained = *stayed;
      log::info("this node has given away what it held stayed={}", *stayed);
    }
    waiting.swap(waiting_for_the_drain);
  }
  for (auto& done : waiting) {
    done(stayed);
  }
}

void node::parts::drain_and_wait() {
  const auto ended = std::make_shared<std::promise<void>>();
  auto is_over = ended->get_future();
  drain([ended](const result<std::size_t>&) { ended->set_value(); });
  if (is_over.wait_for(conf.cluster.drain_timeout) != std::future_status::ready) {
    log::warn("not everything was given away within cluster.drain_timeout_s; the others take it");
    end_drain(fail(errc::deadline_exceeded, "the node stops before everything was given away"));
  }
  if (drain_thread.joinable()) {
    drain_thread.join();
  }
}

void node::parts::stop_edges(duration limit) {
  // Encoders first: their last frames become parts, which viewers can still fetch.
  if (rtmp_server) {
    rtmp_server->stop(limit / 2);
  }
  if (http_server) {
    http_server->stop(limit / 2);
  }
}

void node::parts::stop_entities(duration limit) {
  if (!entities) {
    return;
  }
  std::promise<result<void>> stopped;
  entities->stop(limit, [&stopped](result<void> r) { stopped.set_value(std::move(r)); });
  if (const auto r = stopped.get_future().get(); !r) {
    log::warn("not everything was finished in time: {}", r.error().message);
  }
}

void node::give_away() {
  if (parts_->cluster && parts_->http_server && !parts_->stopping) {
    parts_->drain_and_wait();
  }
}

void node::stop(bool in_haste) {
  auto& p = *parts_;
  if (p.stopping.exchange(true)) {
    return;
  }
  const auto began = p.time.now();
  if (p.chat) {
    p.chat->end_sweep();
  }
  {
    net::timer enough;
    if (p.threads) {  // a store that stalls: who waits for it is answered while there is a socket
      enough = p.threads->at(0).call_after(queue_patience,
                                           [pool = p.store_pool.get()] { pool->refuse_waiting(); });
    }
    p.stop_edges(in_haste ? edges_deadline / 4 : edges_deadline);
  }
  if (!in_haste) {
    p.stop_entities(left_until(began + entities_end));
  }
  if (p.cluster) {
    if (!in_haste) {
      p.cluster->leave();
    }
    p.cluster->stop();
  }
  if (in_haste && p.drain_thread.joinable()) {
    p.end_drain(fail(errc::unavailable, "node_stopping", "the node begins anew"));
    p.drain_thread.join();
  }
  p.admin_server.reset();
  p.nodes_page->end();
  if (p.threads) {
    p.threads->stop(std::chrono::seconds(1));
  }
  // What still waits there speaks to entities and facades: it ends before they go.
  for (auto* pool : {p.house_pool.get(), p.store_pool.get()}) {
    if (pool != nullptr) {
      pool->close(left_until(began + pools_end));
    }
  }
}

}  // namespace troupe::app
