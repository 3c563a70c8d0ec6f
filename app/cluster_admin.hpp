// SPDX-License-Identifier: GPL-3.0-or-later
// What the admin service answers on one of several nodes: for all of them. What only another node
// knows is asked of it, by the same calls that this one answers for itself.
// Thread: the calls from any thread; they do not block.
#pragma once

#include <functional>
#include <string>

#include "app/admin/calls.hpp"
#include "app/cluster_wiring.hpp"
#include "base/callback.hpp"
#include "base/clock.hpp"
#include "runtime/entities.hpp"
#include "runtime/entity_log.hpp"

namespace troupe::app {

/// All of it must outlive the service and the cluster's last call.
struct cluster_admin_parts {
  std::string node;
  admin::calls local;  ///< what it answers for itself
  cluster_wiring& cluster;
  runtime::entities& entities;
  runtime::entity_log& log;
  /// Gives away what this node holds: how much stayed.
  std::function<void(callback<std::size_t>)> drain;
  duration drain_limit;
  const clock& time;
};

/// Answers the other nodes' questions, too, from now on.
admin::calls make_cluster_calls(cluster_admin_parts p);

}  // namespace troupe::app
