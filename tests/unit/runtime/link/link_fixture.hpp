// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes with real links on free loopback ports, and waiting for what they hear.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <catch2/catch.hpp>

#include "base/metrics.hpp"
#include "runtime/link/grpc_link.hpp"

namespace troupe::runtime {

/// Longer than anything takes that does happen.
constexpr std::chrono::seconds patience{30};

class test_node {
 public:
  struct message {
    std::string from;
    link_stream on;
    envelope what;
  };

  explicit test_node(std::string name, const std::function<void(grpc_link_options&)>& adjust = {}) {
    grpc_link_options o;
    o.node = std::move(name);
    o.listen = "127.0.0.1";
    if (adjust) {
      adjust(o);
    }
    node = o.node;
    auto made = make_grpc_link(std::move(o), figures);
    if (!made) {
      FAIL(made.error().message);
    }
    way = std::move(*made);
    way->start({[this](std::string_view from, link_stream on, envelope what) {
                  if (on_received) {
                    on_received(from, on, what);
                    return;
                  }
                  const std::lock_guard lock(mutex);
                  got.push_back({std::string(from), on, std::move(what)});
                  changed.notify_all();
                },
                [this](std::string_view peer, peer_state now) {
                  const std::lock_guard lock(mutex);
                  states[std::string(peer)].push_back(now);
                  changed.notify_all();
                }});
  }

  std::string address() const { return fmt::format("127.0.0.1:{}", way->port()); }

  peer as_peer() const { return {node, address()}; }

  /// Whether it comes to be so in time.
  bool wait(const std::function<bool()>& so) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, so);
  }

  bool wait_state(const std::string& peer, peer_state s) {
    return wait([&] { return !states[peer].empty() && states[peer].back() == s; });
  }

  /// With s anywhere in what it has heard of the peer after the first `skip` states.
  bool wait_heard(const std::string& peer, peer_state s, std::size_t skip = 0) {
    return wait([&] {
      const auto& heard = states[peer];
      for (auto i = skip; i < heard.size(); ++i) {
        if (heard[i] == s) {
          return true;
        }
      }
      return false;
    });
  }

  std::size_t states_heard(const std::string& peer) {
    const std::lock_guard lock(mutex);
    return states[peer].size();
  }

  bool wait_messages(std::size_t count) {
    return wait([&] { return got.size() >= count; });
  }

  double dropped(const std::string& peer, const std::string& stream, const std::string& reason) {
    return figures
        .make_counter("troupe_link_dropped_total", "",
                      {{"peer", peer}, {"stream", stream}, {"reason", reason}})
        .value();
  }

  double turned_away(const std::string& reason) {
    return figures.make_counter("troupe_link_turned_away_total", "", {{"reason", reason}}).value();
  }

  std::string node;
  metrics figures;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<message> got;
  std::map<std::string, std::vector<peer_state>> states;
  /// In place of got; before anything can arrive. On the link's threads.
  std::function<void(std::string_view, link_stream, envelope&)> on_received;
  std::unique_ptr<listening_link> way;  // first to go
};

inline void connect(test_node& a, test_node& b) {
  a.way->set_peers({b.as_peer()});
  b.way->set_peers({a.as_peer()});
  REQUIRE(a.wait_state(b.node, peer_state::up));
  REQUIRE(b.wait_state(a.node, peer_state::up));
}

inline envelope numbered(std::uint64_t n) {
  envelope e;
  e.type = "test.message";
  e.number = n;
  return e;
}

}  // namespace troupe::runtime
