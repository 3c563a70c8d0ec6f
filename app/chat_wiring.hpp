// SPDX-License-Identifier: GPL-3.0-or-later
// The parts of chat, put together for one node: rooms, their group commit, relays, and the facade
// that HTTP calls. Sockets come in by sockets(), to which the edge attaches itself.
// Thread: add_kinds() before the first message; the rest as the parts have it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "actors/chat/chat_log.hpp"
#include "actors/chat/chat_service.hpp"
#include "actors/chat/room_relay.hpp"
#include "actors/chat/room_settings.hpp"
#include "app/config.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "base/worker_pool.hpp"
#include "net/ws/fanout.hpp"
#include "runtime/entities.hpp"
#include "storage/database.hpp"

namespace troupe::app {

/// All of it must live longer.
struct chat_needs {
  storage::chat_store& store;
  worker_pool& store_pool;
  id_generator& ids;
  chat::audience_sink& audience;
  const clock& time;
  metrics& counters;
};

class chat_parts {
 public:
  chat_parts(const chat_needs& n, std::string node, const limits_config& limits);

  /// What relays speak to and the sockets' edge attaches itself to.
  ws::fanout& sockets() { return sockets_; }

  void add_kinds(runtime::entities& entities);
  std::shared_ptr<chat::chats> make_service(runtime::entities& entities) const;

  /// Removes what is older than the protocol keeps, and time-outs that are over, in small
  /// transactions with pauses. Blocks, for 20 s at most: a job for a pool.
  void sweep();
  /// Sweeps end at once from now on.
  void end_sweep();

 private:
  void sweep_rows(const char* which, steady_time until,
                  const std::function<result<std::size_t>()>& remove_some);

  chat_needs needs_;
  ws::fanout sockets_;
  chat::chat_log_metrics log_counters_;
  chat::room_metrics room_counters_;
  chat::relay_metrics relay_counters_;
  chat::chat_log_dependencies log_needs_;
  chat::room_dependencies room_needs_;
  chat::relay_dependencies relay_needs_;
  std::mutex sweep_mutex_;
  std::condition_variable sweep_wakes_;
  bool is_ending_ = false;
  worker_pool log_pool_;
};

}  // namespace troupe::app
