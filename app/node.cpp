// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/node.hpp"

#include <sys/resource.h>

#include <string>
#include <utility>

#include "app/cluster_admin.hpp"
#include "app/kept_answers.hpp"
#include "app/node_admin.hpp"
#include "app/node_parts.hpp"
#include "base/log.hpp"

namespace troupe::app {
namespace {

constexpr std::size_t store_threads = 4;
constexpr std::size_t store_queue = 4'000;  // a second of a busy store; beyond it requests get 503
constexpr unsigned only_node_number = 0;    // one of several has the store's
constexpr std::size_t house_threads = 2;    // a sweep may take one for 20 s, pings go on
constexpr std::size_t house_queue = 4;

/// Each viewer is a descriptor, and the usual soft limit is 1,024: all that may be had is taken.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      log::warn("the limit of open files stays at its soft value");
    }
  }
}

/// A room that is not awake has nothing to forget; but with several nodes only its own knows.
std::function<void(user_id, user_id)> tell_room_of_follows(runtime::entities& entities,
                                                           bool is_alone) {
  return
      [&entities, is_alone, session = entities.open_session()](user_id channel, user_id follower) {
        const auto room = runtime::entity_name_of("room", channel);
        if (!is_alone || entities.where(room)) {
          entities.tell(session, room, chat::follow_changed{follower});
        }
      };
}

}  // namespace

result<void> node::parts::open_store() {
  auto opened = storage::database::open(conf.cluster.store, time, counters);
  if (!opened) {
    return fail(opened.error().with("opening the store"));
  }
  store = std::move(*opened);
  store_pool = std::make_unique<worker_pool>("store", store_threads, store_queue, counters);
  house_pool = std::make_unique<worker_pool>("housekeeping", house_threads, house_queue, counters);
  if (auto joined = join_cluster(); !joined) {
    return joined;
  }
  account::settings s;
  s.data_folder = conf.cluster.data;
  s.issuer = conf.cluster.name;
  auto made = account::make_accounts(s, {.store = *store,
                                         .store_pool = *store_pool,
                                         .time = time,
                                         .ids = *ids,
                                         .counters = counters});
  if (!made) {
    return fail(std::move(made.error()));
  }
  accounts = std::move(*made);
  return {};
}

result<void> node::parts::join_cluster() {
  const auto is_wanted = cluster_wiring::is_wanted(conf, *store);
  if (!is_wanted) {
    return fail(is_wanted.error());
  }
  if (*is_wanted) {
    auto joined = cluster_wiring::join(
        {.conf = conf, .self = self, .time = time, .counters = counters, .on_death = on_death});
    if (!joined) {
      return fail(std::move(joined.error()));
    }
    cluster = std::move(*joined);
    log::info("joined the cluster incarnation={} id_number={} port={}", cluster->incarnation(),
              cluster->id_number(), cluster->port());
  }
  ids.emplace(time, cluster ? cluster->id_number() : only_node_number);
  return {};
}

result<void> node::parts::start_actors() {
  entity_log = std::make_unique<stored_entity_log>(store->entities(), *store_pool);
  media::cache_options kept;
  kept.max_bytes = static_cast<std::size_t>(conf.limits.segment_cache_bytes);
  cache = std::make_unique<media::segment_cache>(kept, time, counters);
  presence = std::make_unique<presence_parts>(
      *store, time, counters, self.name, static_cast<std::size_t>(conf.limits.connections_total),
      stored);
  chat = std::make_unique<chat_parts>(chat_needs{.store = store->chat(),
                                                 .store_pool = *store_pool,
                                                 .ids = *ids,
                                                 .audience = presence->sums(),
                                                 .time = time,
                                                 .counters = counters},
                                      self.name, conf.limits);
  runtime::node_options options;
  options.node = self.name;
  options.incarnation =
      cluster ? cluster->incarnation() : static_cast<std::uint64_t>(to_unix_ms(time.wall()));
  live = std::make_unique<stream_parts>(
      stream_needs{.store = store->streams(),
                   .cache = *cache,
                   .stored = stored,
                   .time = time,
                   .counters = counters,
                   .conf = conf,
                   .node = self.name,
                   .incarnation = options.incarnation,
                   .members = cluster ? cluster->parts().members : nullptr});
  entities = std::make_unique<runtime::entities>(
      options, time, counters,
      [pool = store_pool.get()](worker_pool::job j) { return pool->submit(std::move(j)); },
      *entity_log, cluster ? cluster->parts() : runtime::cluster_parts{});
  presence->add_kind(*entities);
  chat->add_kinds(*entities);
  viewers = std::make_unique<viewer_parts>(self.name, options.incarnation, store->chat());
  viewers->add_kind(*entities);
  live->add_kinds(*entities);
  streams = std::make_shared<stream::stream_service>(
      stream::service_dependencies{.store = store->streams(),
                                   .store_pool = *store_pool,
                                   .entities = *entities,
                                   .ids = *ids,
                                   .time = time,
                                   .stored = &stored});
  follows = std::make_shared<follow::follow_service>(
      follow::settings{.most_followed = conf.limits.follows_per_user},
      follow::service_dependencies{.store = store->follows(),
                                   .users = store->users(),
                                   .store_pool = *store_pool,
                                   .time = time,
                                   .counters = counters,
                                   .on_change = tell_room_of_follows(*entities, !cluster)});
  if (cluster) {
    files = std::make_unique<media_wiring>(
        media_needs{.node = self.name,
                    .incarnation = options.incarnation,
                    .kept_bytes = static_cast<std::size_t>(conf.limits.fetched_media_bytes),
                    .cache = *cache,
                    .copies = live->copies(),
                    .entities = *entities,
                    .cluster = cluster->parts(),
                    .log = *entity_log,
                    .streams = *streams,
                    .time = time,
                    .counters = counters});
    cluster->attach(*entities, *files, [this] { wake_orphans(); });
    return {};
  }
  const auto woken = streams->reconcile_all();
  if (!woken) {
    return fail(woken.error().with("finding the streams that were live"));
  }
  if (*woken > 0) {
    log::info("streams that were live wait for their publishers count={}", *woken);
  }
  return {};
}

result<void> node::parts::start_rtmp(const net::trusted_addresses& trusted) {
  rtmp::ingest_settings s;
  s.streams_total = static_cast<std::size_t>(conf.limits.streams_total);
  s.bitrate_limit_bps = conf.limits.bitrate_per_stream_bps;
  ingest = std::make_unique<rtmp::ingest>(s, rtmp::ingest_dependencies{.accounts = *accounts,
                                                                       .streams = *streams,
                                                                       .entities = *entities,
                                                                       .ids = *ids,
                                                                       .time = time,
                                                                       .counters = counters});
  net::tcp_options options;
  options.name = "rtmp";
  options.address = self.listen;
  options.port = self.rtmp;
  options.max_connections = static_cast<std::size_t>(conf.limits.encoder_connections_total);
  options.max_per_address = static_cast<std::size_t>(conf.limits.connections_per_address);
  options.trusted = trusted;
  auto listening =
      net::tcp_server::listen(*threads, options, counters,
                              [edge = ingest.get()](const std::shared_ptr<net::tcp_connection>& c) {
                                return edge->make_session(c);
                              });
  if (!listening) {
    return fail(listening.error().with("listening for encoders"));
  }
  rtmp_server = std::move(*listening);
  return {};
}

result<void> node::parts::start_http(const net::trusted_addresses& trusted) {
  const auto web = self.web.empty() ? find_web_folder() : self.web;
  auto loaded = web.empty() ? result<http::static_files>() : http::static_files::load(web);
  if (!loaded) {
    return fail(loaded.error().with("reading the page"));
  }
  page = std::move(*loaded);
  if (files) {
    files->start(threads->at(0));
  }
  hls = std::make_unique<hls::edge>(files ? files->reader() : *cache, counters,
                                    static_cast<std::size_t>(conf.limits.connections_per_address),
                                    &presence->people());
  hls->start_expiry(threads->at(0), time);
  http::api_settings s;
  s.limits.requests_per_minute_per_user = static_cast<int>(conf.limits.requests_per_minute_user);
  s.limits.requests_per_minute_per_address =
      static_cast<int>(conf.limits.requests_per_minute_address);
  s.limits.log_ins_per_minute_per_address =
      static_cast<int>(conf.limits.log_ins_per_minute_address);
  s.rtmp_port = rtmp_server ? rtmp_server->port() : self.rtmp;
  auto answers =
      open_kept_answers(store->answers(), *store_pool, time, counters, conf.cluster.data);
  if (!answers) {
    return fail(std::move(answers.error()));
  }
  api = http::api::make({.accounts = accounts,
                         .changes = accounts,
                         .streams = streams,
                         .chats = chat->make_service(*entities),
                         .follows = follows,
                         .cluster = nodes_page,
                         .why_not_ready = [this] { return why_not_ready(); },
                         .idempotency = *answers,
                         .clock = time,
                         .metrics = counters},
                        s);
  const viewer_needs of_viewers{.entities = *entities,
                                .accounts = *accounts,
                                .streams = *streams,
                                .presence = &presence->people(),
                                .sockets = chat->sockets(),
                                .time = time,
                                .counters = counters};
  if (auto ok = viewers->open(of_viewers, *threads, conf.limits, conf.cluster.data); !ok) {
    return ok;
  }
  lists = std::make_unique<list_parts>(
      ws::list_dependencies{.streams = *streams, .time = time, .counters = counters}, *threads,
      conf.limits, stored);
  net::http_options options;
  options.tcp.name = "http";
  options.tcp.address = self.http_address();
  options.tcp.port = self.http;
  options.body_limit_for = http::api::body_limit;
  options.tcp.max_connections = static_cast<std::size_t>(conf.limits.connections_total);
  options.tcp.max_per_address = static_cast<std::size_t>(conf.limits.connections_per_address);
  options.tcp.trusted = trusted;
  auto listening = net::http_server::listen(
      *threads, options, counters,
      [this](http::request r, http::responder to) { answer(std::move(r), std::move(to)); },
      [this](http::request r, std::unique_ptr<net::upgrade_request> upgrade) {
        if (ws::chat_edge::serves(r.path)) {
          viewers->edge().upgrade(std::move(r), std::move(upgrade));
        } else if (ws::list_edge::serves(r.path)) {
          lists->edge().upgrade(r, std::move(upgrade));
        } else {  // elsewhere an upgrade is not wanted, and passed over (RFC 9110, 7.8)
          answer(std::move(r),
                 [u = std::move(upgrade)](http::response x) mutable { u->refuse(std::move(x)); });
        }
      });
  if (!listening) {
    return fail(listening.error().with("listening for viewers"));
  }
  http_server = std::move(*listening);
  return {};
}

void node::parts::answer(http::request r, http::responder to) {
  if (hls::edge::serves(r.path)) {
    hls->answer(r, std::move(to));
  } else if (ws::chat_edge::serves(r.path)) {
    to(viewers->edge().answer(r));
  } else if (ws::list_edge::serves(r.path)) {
    to(lists->edge().answer(r));
  } else if (http::api::owns(r.path)) {
    api->handle(std::move(r), std::move(to));
  } else {
    to(page.answer(r));
  }
}

result<void> node::parts::start_edges() {
  const auto trusted = net::trusted_addresses::parse(conf.limits.trusted);
  if (!trusted) {
    return fail(trusted.error().with("limits.trusted"));
  }
  threads = std::make_unique<net::io_threads>();
  if (self.roles.contains(role::ingest)) {
    if (auto ok = start_rtmp(*trusted); !ok) {
      return ok;
    }
  }
  return start_http(*trusted);
}

result<void> node::parts::start_admin() {
  node_facts facts{.self = self,
                   .started = started,
                   .http_port = http_server->port(),
                   .rtmp_port = rtmp_server ? rtmp_server->port() : std::uint16_t{0},
                   .connections =
                       [this] {
                         return http_server->connections() +
                                (rtmp_server ? rtmp_server->connections() : 0);
                       },
                   .is_stopping = [this] { return stopping.load(); }};
  auto calls = make_admin_calls({.facts = std::move(facts),
                                 .entities = *entities,
                                 .accounts = *accounts,
                                 .store = *store,
                                 .pool = *store_pool,
                                 .time = time});
  if (cluster) {
    calls = make_cluster_calls({.node = self.name,
                                .local = std::move(calls),
                                .cluster = *cluster,
                                .entities = *entities,
                                .log = *entity_log,
                                .drain = [this](callback<std::size_t> d) { drain(std::move(d)); },
                                .drain_limit = conf.cluster.drain_timeout,
                                .time = time});
  }
  nodes_page->set_calls(calls);
  auto started_server =
      admin::start_server(admin::socket_path(conf.cluster.data, self.name), std::move(calls));
  if (!started_server) {
    return fail(started_server.error().with("opening the admin socket"));
  }
  admin_server = std::move(*started_server);
  return {};
}

node::node(std::unique_ptr<parts> p) : parts_(std::move(p)) {}

result<std::unique_ptr<node>> node::start(const config& c, const node_config& self,
                                          death_callback on_death) {
  raise_descriptor_limit();
  auto folder = data_folder::open(c.cluster.data, self.name);
  if (!folder) {
    return fail(std::move(folder.error()));
  }
  std::unique_ptr<node> made(
      new node(std::make_unique<parts>(c, self, std::move(*folder), std::move(on_death))));
  using step = result<void> (parts::*)();
  for (const step s : {&parts::open_store, &parts::start_actors, &parts::start_edges,
                       &parts::start_services, &parts::start_admin}) {
    if (auto done = (made->parts_.get()->*s)(); !done) {
      return fail(std::move(done.error()));
    }
  }
  return made;
}

node::~node() {
  stop();
}

std::uint16_t node::http_port() const {
  return parts_->http_server->port();
}

std::uint16_t node::rtmp_port() const {
  return parts_->rtmp_server ? parts_->rtmp_server->port() : 0;
}

}  // namespace troupe::app
