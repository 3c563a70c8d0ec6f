// SPDX-License-Identifier: GPL-3.0-or-later
// What a node answers its operator, as plain data: the seam between the admin service, the command
// line and the wiring. No gRPC here. Thread: plain data.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/callback.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "runtime/tree_node.hpp"

namespace troupe::admin {

/// Another node as the one that was asked knows it.
struct member_status {
  std::string node;
  std::string state;  ///< joining, active, draining, left, dead
  std::uint64_t incarnation = 0;
  std::string address;
  std::vector<std::string> roles;
  std::optional<std::chrono::milliseconds> heard_ago;  ///< nothing: never
  bool is_suspected = false;
  /// It was asked and has answered: what follows is its own word.
  bool answers = false;
  std::string version;
  std::chrono::seconds uptime{};
  std::uint16_t http_port = 0;
  std::uint16_t rtmp_port = 0;
  std::vector<std::pair<std::string, std::int64_t>> counts;
};

struct node_status {
  std::string node;
  std::string state;  ///< joining, active, draining
  std::string version;
  std::chrono::seconds uptime{};
  std::string host;
  std::uint16_t http_port = 0;  ///< as bound
  std::uint16_t rtmp_port = 0;  ///< 0: no ingest role
  /// "entities", "streams_live", "connections", …; in the order to be shown.
  std::vector<std::pair<std::string, std::int64_t>> counts;
  // Of one of several nodes.
  std::uint64_t view = 0;  ///< 0: it is alone
  std::uint64_t incarnation = 0;
  std::string address;  ///< by which the others reach it
  std::vector<std::string> roles;
  std::string sentence;                ///< how it stands in the cluster, and what it waits for
  std::vector<member_status> members;  ///< itself not among them
};

/// One line of runtime::tree_node as the client gets it; parents stand before their children.
struct tree_line {
  std::uint32_t depth = 0;
  std::string name;
  std::string kind;  ///< supervisor, service, kind or entity
  std::string state;
  std::uint64_t restarts = 0;
  std::uint64_t mailbox = 0;  ///< messages waiting
};

struct location {
  std::string name;  ///< KIND/ID
  std::string node;
  std::string state;  ///< runtime::location's, or passive: it would be started on first use
  std::uint64_t epoch = 0;
};

struct moved {
  std::string name;  ///< KIND/ID
  std::string from;
  std::string to;
  std::chrono::nanoseconds pause{};  ///< how long nobody served it
};

struct drained {
  std::string node;
  std::uint64_t stayed =
      0;  ///< what could not be moved: it would be taken over once the node is gone
  std::chrono::milliseconds took{};
};

struct wanted_user {
  std::string username;
  std::string email;
  std::string password;
  bool is_administrator = false;
};

struct created_user {
  user_id id = 0;
  std::string username;
};

/// What signs access tokens now, or will.
struct signing_key {
  std::string name;  ///< "kid"
  wall_time signs_from;
};

/// What the service calls. Each is called on a gRPC thread, must not block, and may answer at once
/// or later, from any thread. All have to be set.
struct calls {
  std::function<void(callback<node_status>)> status;
  std::function<void(callback<runtime::tree_node>)> tree;
  /// Errors: invalid_argument for a name that is none, not_found for a kind that is none.
  std::function<void(std::string name, callback<location>)> where;
  /// Errors: as where; conflict (not_active, not_movable, is_there), invalid_argument
  /// (no_such_node), unavailable (busy, not_taken, no_cluster).
  std::function<void(std::string name, std::string node, callback<moved>)> move;
  /// Answers when nothing is left there that could be moved. Errors: not_found (no_such_node),
  /// unavailable (no_cluster), deadline_exceeded.
  std::function<void(std::string node, callback<drained>)> drain;
  std::function<void(wanted_user, callback<created_user>)> create_user;
  std::function<void(std::string username, std::string password, callback<void>)> set_password;
  /// ends_older: what older keys signed is refused at once.
  std::function<void(bool ends_older, callback<signing_key>)> rotate_token_key;
};

}  // namespace troupe::admin
