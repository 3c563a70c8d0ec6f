// SPDX-License-Identifier: GPL-3.0-or-later
// The node's broadcaster: frames each event once and hands it to the I/O threads that have sockets
// in the room. It outlives every relay, and serves nobody before hubs are attached.
// Thread: every function from any thread; none blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "actors/chat/broadcaster.hpp"
#include "net/ws/hub.hpp"

namespace troupe::ws {

class fanout final : public chat::broadcaster {
 public:
  void publish(user_id room, std::vector<chat::broadcast> what) override;
  std::size_t listeners(user_id room) const override;

  /// In the order of their indices, before any socket comes.
  void attach(std::vector<std::shared_ptr<hub>> hubs);
  /// Ends their service: relays may still publish.
  void detach();

  /// From a hub: one more or one fewer listens there.
  void count(user_id room, std::size_t hub, int change);

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<hub>> hubs_;
  std::unordered_map<user_id, std::vector<std::uint32_t>> rooms_;  // listeners per hub
};

}  // namespace troupe::ws
