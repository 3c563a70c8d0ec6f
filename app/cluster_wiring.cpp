// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cluster_wiring.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "app/media_wiring.hpp"
#include "app/version.hpp"
#include "base/log.hpp"
#include "runtime/detail/node.hpp"
#include "runtime/placement_core.hpp"

namespace troupe::app {
namespace {

// One for the read that proves the right to own, one for what may take longer.
constexpr std::size_t membership_threads = 2;
constexpr std::size_t membership_queue = 32;
constexpr auto longest_join = std::chrono::seconds(30);
constexpr auto longest_change = std::chrono::seconds(3);
constexpr auto gone_after = std::chrono::minutes(1);
constexpr int gone_at_once = 100;
constexpr std::array bound_kinds = {"chat_log", "presence", "relay", "replica", "viewer"};

runtime::entity_name name_of_housekeeping() {
  return {"house", "keeping"};
}

}  // namespace

bool is_bound_to_node(std::string_view kind) {
  return std::ranges::find(bound_kinds, kind) != bound_kinds.end();
}

std::string_view role_for(std::string_view kind) {
  return kind == "room" ? to_string(role::rooms) : std::string_view();
}

result<bool> cluster_wiring::is_wanted(const config& conf, storage::database& store) {
  if (store.kind() == storage::engine::sqlite) {
    if (conf.nodes.size() > 1) {
      return fail(errc::unsupported, "several_nodes_on_sqlite",
                  "several nodes cannot share an SQLite file: set cluster.store to "
                  "\"postgresql://…\", or list one node");
    }
    return false;
  }
  if (conf.nodes.size() > 1) {
    return true;
  }
  // A store that nodes have joined takes nothing from a node that has not.
  return map(store.cluster().read(), [](const storage::cluster_record& c) { return c.view > 0; });
}

cluster_wiring::cluster_wiring(cluster_needs n) : needs_(std::move(n)) {}

cluster_wiring::~cluster_wiring() {
  stop();
}

result<std::unique_ptr<cluster_wiring>> cluster_wiring::join(cluster_needs n) {
  std::unique_ptr<cluster_wiring> made(new cluster_wiring(std::move(n)));
  using step = result<void> (cluster_wiring::*)();
  for (const step s :
       {&cluster_wiring::open_port, &cluster_wiring::open_store, &cluster_wiring::come_in}) {
    if (auto done = (made.get()->*s)(); !done) {
      return fail(std::move(done.error()));
    }
  }
  return made;
}

result<void> cluster_wiring::open_port() {
  const auto& tls = needs_.conf.tls;
  runtime::grpc_link_options options;
  options.node = needs_.self.name;
  options.listen = needs_.self.listen;
  options.port = needs_.self.cluster;
  if (tls.is_set()) {
    options.certificates =
        runtime::link_certificates{.ca = tls.ca, .cert = tls.cert, .key = tls.key};
  } else {
    log::warn(
        "[cluster.tls] is not set: the cluster port is open on this machine's loopback alone, and "
        "nodes are who they say they are");
  }
  auto made = runtime::make_grpc_link(std::move(options), needs_.counters);
  if (!made) {
    return fail(made.error().with("opening the cluster port"));
  }
  link_ = std::move(*made);
  return {};
}

result<void> cluster_wiring::open_store() {
  auto opened = storage::database::open(needs_.conf.cluster.store, needs_.time, needs_.counters,
                                        {.connections = membership_threads, .observe = {}});
  if (!opened) {
    return fail(opened.error().with("opening the store for the table of nodes"));
  }
  store_ = std::move(*opened);
  pool_ = std::make_unique<worker_pool>("membership", membership_threads, membership_queue,
                                        needs_.counters);
  membership_ = std::make_unique<stored_membership>(store_->cluster(), *pool_, needs_.time,
                                                    std::string(version()));
  return {};
}

/// By which the others reach this node.
std::string cluster_wiring::address() const {
  const bool is_open = needs_.conf.tls.is_set() && !needs_.self.host.empty();
  const auto host = is_open ? needs_.self.host : std::string("127.0.0.1");
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, link_->port())
                                             : fmt::format("[{}]:{}", host, link_->port());
}

runtime::membership_config cluster_wiring::membership_options() const {
  runtime::membership_config c;
  c.node = needs_.self.name;
  c.address = address();
  for (const auto r : needs_.self.roles) {
    c.roles.emplace_back(to_string(r));
  }
  return c;
}

result<void> cluster_wiring::come_in() {
  threads_ = runtime::detail::make_caf_executor(1);
  member_ = std::make_unique<runtime::cluster_member>(
      membership_options(), needs_.time, needs_.counters, *threads_, *membership_, link_.get());
  peers_ = std::make_unique<peer_calls>(
      *link_, *member_, [m = member_.get()] { return m->incarnation(); }, *threads_);
  member_->subscribe(
      {.view_changed = [this](const std::shared_ptr<const runtime::view>&) { view_changed(); },
       .right_changed = {},
       .joined =
           [this](std::uint64_t incarnation) {
             const std::lock_guard lock(mutex_);
             joined_ = incarnation;
             changed_.notify_all();
           },
       .died = [this](std::string_view why) { died(why); },
       .left =
           [this] {
             const std::lock_guard lock(mutex_);
             has_left_ = true;
             changed_.notify_all();
           }});
  link_->start({.received = [this](std::string_view from, runtime::link_stream on,
                                   runtime::envelope what) { receive(from, on, std::move(what)); },
                .changed = [this](std::string_view node,
                                  runtime::peer_state now) { peer_changed(node, now); }});
  member_->start();
  if (!wait_for(longest_join, [this] { return joined_ != 0; })) {
    return fail(errc::unavailable, "not_joined",
                fmt::format("did not get into the cluster within {} s: this node {}",
                            longest_join.count(), member_->report().sentence));
  }
  incarnation_ = joined_;
  id_number_ = membership_->id_number(incarnation_).value_or(0);
  return {};
}

void cluster_wiring::receive(std::string_view from, runtime::link_stream on,
                             runtime::envelope what) {
  // Until the kinds are there nothing is answered, pings neither: so the node does not become
  // active among others before it can take entities.
  auto* const e = entities_.load();
  if (e == nullptr || member_->received(from, on, what) || peers_->received(from, on, what) ||
      files_.load()->received(from, on, what)) {
    return;
  }
  e->received(from, on, what);
}

void cluster_wiring::peer_changed(std::string_view node, runtime::peer_state now) {
  member_->link_changed(node, now);
  if (auto* const e = entities_.load()) {
    e->peer_changed(node, now);
    files_.load()->peer_changed(node, now);
  }
}

void cluster_wiring::view_changed() {
  if (auto* const e = entities_.load()) {
    e->view_changed();
    files_.load()->view_changed();
    for (const auto& node : newly_active()) {
      e->share(node, [node](const result<std::size_t>& stayed) {
        if (stayed && *stayed > 0) {
          log::info("not all of its share was given to node={} stayed={}", node, *stayed);
        }
      });
    }
  }
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    tell = on_view_;
    changed_.notify_all();
  }
  if (tell) {
    tell();
  }
}

/// The others that were not when this was called last.
std::vector<std::string> cluster_wiring::newly_active() {
  const auto view = member_->view();
  std::set<std::pair<std::string, std::uint64_t>> now;
  for (const auto& m : view->members) {
    if (m.state == runtime::member_state::active) {
      now.emplace(m.node, m.incarnation);
    }
  }
  std::vector<std::string> fresh;
  const std::lock_guard lock(mutex_);
  for (const auto& one : now) {
    if (one.first != needs_.self.name && !active_.contains(one)) {
      fresh.push_back(one.first);
    }
  }
  active_ = std::move(now);
  return fresh;
}

void cluster_wiring::died(std::string_view why) {
  membership_->refuse_joins();
  if (needs_.on_death) {
    needs_.on_death(why);
  }
}

void cluster_wiring::attach(runtime::entities& e, media_wiring& files,
                            std::function<void()> on_view) {
  {
    const std::lock_guard lock(mutex_);
    on_view_ = std::move(on_view);
  }
  files_ = &files;
  entities_ = &e;
  view_changed();
}

std::optional<std::string> cluster_wiring::why_not_ready() const {
  const auto now = member_->report();
  if (now.standing == runtime::membership::standing::active && now.may_serve) {
    return std::nullopt;
  }
  return "this node " + (now.standing == runtime::membership::standing::draining
                             ? std::string("gives away what it has")
                             : now.sentence);
}

bool cluster_wiring::is_housekeeper() const {
  return runtime::propose_owner(*member_->view(), name_of_housekeeping()) == needs_.self.name;
}

void cluster_wiring::sweep() {
  if (const auto removed = store_->cluster().remove_gone(gone_after, gone_at_once); !removed) {
    log::warn("nodes that are gone for long are not forgotten: {}", removed.error().message);
  }
}

bool cluster_wiring::wait_for(duration limit, const std::function<bool()>& is_so) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, is_so);
}

void cluster_wiring::drain() {
  member_->drain();
  const bool is_known = wait_for(longest_change, [this] {
    return member_->report().standing != runtime::membership::standing::active;
  });
  if (!is_known) {
    log::warn("the store was not told in time that this node drains");
  }
}

void cluster_wiring::leave() {
  member_->leave();
  if (!wait_for(longest_change, [this] { return has_left_; })) {
    log::warn("the store was not told in time that this node leaves; the others will find it gone");
  }
}

void cluster_wiring::stop() {
  if (stopped_.exchange(true)) {
    return;
  }
  entities_ = nullptr;
  if (peers_) {
    peers_->stop();
  }
  if (member_) {
    member_->stop();
  }
  if (pool_) {
    pool_->close();
  }
  if (link_) {
    link_->stop();
  }
}

}  // namespace troupe::app
