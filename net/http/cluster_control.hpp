// SPDX-License-Identifier: GPL-3.0-or-later
// What administrators see of the nodes and have them do, as the API needs it; app/ answers it, for
// one node that is alone, too.
// Thread: every function from any thread; none blocks; answers come on any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/callback.hpp"

namespace troupe::http {

struct node_facts {
  std::string node;
  std::string state;  ///< joining, active, draining, left, dead
  std::uint64_t incarnation = 0;
  std::string address;  ///< "host:4040"; empty: it is alone
  std::vector<std::string> roles;
  /// It has answered the node that was asked: what follows is its own word.
  bool answers = false;
  bool is_suspected = false;
  std::optional<std::chrono::milliseconds> heard_ago;  ///< nothing: never, or the node asked itself
  std::string version;
  std::chrono::seconds uptime{};
  std::uint16_t http_port = 0;
  std::uint16_t rtmp_port = 0;                               ///< 0: takes no encoders
  std::vector<std::pair<std::string, std::int64_t>> counts;  ///< "connections", "room entities"
};

struct cluster_facts {
  std::string asked;       ///< the node that answers
  std::uint64_t view = 0;  ///< 0: it is alone
  std::string sentence;    ///< how the node asked stands in the cluster; empty: it is alone
  std::vector<node_facts> nodes;
};

/// Parents stand before their children.
struct tree_item {
  std::uint32_t depth = 0;
  std::string name;
  std::string kind;  ///< node, supervisor, service, kind or entity
  std::string state;
  std::uint64_t restarts = 0;
  std::uint64_t waiting = 0;  ///< messages
};

struct entity_move {
  std::string name;  ///< KIND/ID
  std::string from;
  std::string to;
  std::chrono::nanoseconds pause{};  ///< how long nobody served it
};

class cluster_control {
 public:
  virtual ~cluster_control() = default;
  virtual void facts(callback<cluster_facts> done) = 0;
  /// What runs on all nodes.
  virtual void tree(callback<std::vector<tree_item>> done) = 0;
  /// Errors: not_found (unknown_kind), invalid_argument (invalid_name, no_such_node), conflict
  /// (not_active, not_movable, is_there), unavailable (busy, not_taken, no_cluster).
  virtual void move(std::string name, std::string node, callback<entity_move> done) = 0;
  /// Answers when it has begun; facts() shows how it goes on. Errors: not_found (no_such_node),
  /// unavailable (no_cluster).
  virtual void drain(std::string node, callback<void> done) = 0;
};

}  // namespace troupe::http
