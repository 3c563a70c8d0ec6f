// SPDX-License-Identifier: GPL-3.0-or-later
// What a node is made of. node.cpp builds it, node_life.cpp keeps its house, drains and ends it.
// Thread: as node.hpp; what is called by others says so.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "actors/account/make_accounts.hpp"
#include "actors/follow/follow_service.hpp"
#include "actors/stream/stream_service.hpp"
#include "app/admin/server.hpp"
#include "app/chat_wiring.hpp"
#include "app/cluster_page.hpp"
#include "app/cluster_wiring.hpp"
#include "app/data_folder.hpp"
#include "app/list_wiring.hpp"
#include "app/media_wiring.hpp"
#include "app/node.hpp"
#include "app/presence_wiring.hpp"
#include "app/services.hpp"
#include "app/stored_entity_log.hpp"
#include "app/stream_wiring.hpp"
#include "app/viewer_wiring.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "base/worker_pool.hpp"
#include "media/segment_cache.hpp"
#include "net/asio/http_server.hpp"
#include "net/asio/io_threads.hpp"
#include "net/asio/tcp_server.hpp"
#include "net/hls/edge.hpp"
#include "net/http/api.hpp"
#include "net/http/static_files.hpp"
#include "net/rtmp/ingest.hpp"
#include "runtime/entities.hpp"
#include "storage/database.hpp"

namespace troupe::app {

constexpr auto edges_deadline = std::chrono::seconds(4);

/// Members stand in the order in which they are made; they go in the opposite one.
struct node::parts {
  parts(const config& c, const node_config& n, data_folder f, death_callback d)
      : conf(c), self(n), folder(std::move(f)), on_death(std::move(d)) {}

  config conf;
  node_config self;
  data_folder folder;
  death_callback on_death;
  const clock& time = system_clock();
  steady_time started = time.now();
  troupe::metrics counters;
  std::optional<id_generator> ids;
  std::unique_ptr<storage::database> store;
  std::unique_ptr<worker_pool> store_pool;
  std::unique_ptr<cluster_wiring> cluster;  // nothing: the node is alone
  std::shared_ptr<account::administered_accounts> accounts;
  std::unique_ptr<stored_entity_log> entity_log;
  std::unique_ptr<media::segment_cache> cache;
  stream::list_signal stored;
  std::unique_ptr<presence_parts> presence;
  std::unique_ptr<chat_parts> chat;
  std::unique_ptr<stream_parts> live;
  std::unique_ptr<runtime::entities> entities;
  std::shared_ptr<stream::stream_service> streams;
  std::shared_ptr<follow::follow_service> follows;
  std::unique_ptr<net::io_threads> threads;
  std::unique_ptr<media_wiring> files;  // nothing: the node is alone
  std::unique_ptr<viewer_parts> viewers;
  std::unique_ptr<list_parts> lists;
  std::unique_ptr<rtmp::ingest> ingest;
  std::unique_ptr<net::tcp_server> rtmp_server;
  http::static_files page;
  std::unique_ptr<hls::edge> hls;
  std::shared_ptr<cluster_page> nodes_page = std::make_shared<cluster_page>();
  std::shared_ptr<http::api> api;
  std::unique_ptr<net::http_server> http_server;
  std::unique_ptr<admin::server> admin_server;
  std::atomic<bool> store_answers = true;
  std::atomic<bool> has_strangers = false;   // nodes have joined the store of one that is alone
  std::atomic<bool> orphans_wanted = false;  // there may be streams that nobody looks after
  std::atomic<bool> stopping = false;
  std::mutex drain_mutex;
  bool is_draining = false;                                  // guarded
  std::optional<std::size_t> drained;                        // guarded: how much stayed
  std::vector<callback<std::size_t>> waiting_for_the_drain;  // guarded
  std::thread drain_thread;
  std::unique_ptr<worker_pool> house_pool;

  result<void> open_store();
  result<void> join_cluster();
  result<void> start_actors();
  result<void> start_edges();
  result<void> start_rtmp(const net::trusted_addresses& trusted);
  result<void> start_http(const net::trusted_addresses& trusted);
  result<void> start_admin();
  void answer(http::request r, http::responder to);

  // node_life.cpp
  result<void> start_services();
  void keep_house(int period, const failure_callback& failed);
  void keep_stored_house(int period);                // blocks
  void sweep();                                      // blocks
  void look_for_strangers();                         // blocks
  void wake_orphans();                               // from any thread
  std::optional<std::string> why_not_ready() const;  // from any thread
  /// Gives away what the node holds, so that it may stop; again: the answer of the first time.
  /// done: how much stayed. From any thread.
  void drain(callback<std::size_t> done);
  void give_away();  // blocks
  void end_drain(const result<std::size_t>& stayed);
  void drain_and_wait();  // blocks, for drain_timeout at most
  void stop_edges(duration limit);
  void stop_entities(duration limit);
};

}  // namespace troupe::app
