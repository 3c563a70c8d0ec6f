// SPDX-License-Identifier: GPL-3.0-or-later
// What the admin service answers, from the parts of a node.
// Thread: the calls from any thread; they do not block.
#pragma once

#include <functional>

#include "actors/account/make_accounts.hpp"
#include "app/admin/calls.hpp"
#include "app/config.hpp"
#include "base/clock.hpp"
#include "base/worker_pool.hpp"
#include "runtime/entities.hpp"
#include "storage/database.hpp"

namespace troupe::app {

struct node_facts {
  node_config self;
  steady_time started;
  std::uint16_t http_port = 0;
  std::uint16_t rtmp_port = 0;
  std::function<std::size_t()> connections;
  std::function<bool()> is_stopping;
};

/// All of it must outlive the service.
struct admin_parts {
  node_facts facts;
  runtime::entities& entities;
  account::administered_accounts& accounts;
  storage::database& store;
  worker_pool& pool;
  const clock& time;
};

admin::calls make_admin_calls(admin_parts p);

}  // namespace troupe::app
