// SPDX-License-Identifier: GPL-3.0-or-later
// What is the same for all rooms of a node: limits, counters, and what rooms depend on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "actors/chat/audience.hpp"
#include "base/ids.hpp"
#include "base/metrics.hpp"
#include "storage/chat_store.hpp"

namespace troupe::chat {

/// The first group are limits of [limits] in cluster.conf, 0 = off; the others bound memory.
struct room_settings {
  std::size_t user_rate = 20;        ///< messages in rate_window
  std::size_t moderator_rate = 300;  ///< of moderators, the owner and administrators
  std::chrono::seconds rate_window{30};

  std::size_t message_length = 500;       ///< code points
  std::size_t most_waiting = 1000;        ///< messages that are not durable yet
  std::size_t most_staff_waiting = 200;   ///< commands of moderators that are not
  std::size_t most_behind_gate = 32;      ///< commands of one user that wait for an earlier one
  std::chrono::seconds longest_wait{60};  ///< then they are given up
  std::size_t ring = 100;                 ///< events kept for joins
  std::size_t nonces = 50'000;
  std::size_t members = 10'000;  ///< records of users kept in memory
  std::size_t held = 100;
  std::size_t words = 500;
  std::size_t word_length = 64;
  std::size_t moderators = 500;
  std::size_t relays = 1000;
  std::chrono::seconds relay_silence{10};
  std::size_t nodes = 1000;  ///< that report an audience
  std::chrono::seconds audience_silence{12};
  std::size_t most_in_batch = 500;  ///< messages and commands in one write
};

struct room_metrics {
  explicit room_metrics(metrics& m);

  /// Counts a message or command that was refused, under its code.
  void refuse(std::string_view code);

  metrics::counter& messages;
  metrics::counter& held;
  metrics::counter& held_dropped;
  metrics::counter& nonces_dropped;
  metrics::counter& withdrawn;
  metrics::counter& relays_refused;
  metrics::counter& commit_retries;
  // Of refusals, those at a bound of the room's own: most_waiting, most_staff_waiting,
  // most_behind_gate or the sender's rate, most_repeaters.
  metrics::counter& full_of_messages;
  metrics::counter& full_of_commands;
  metrics::counter& behind_earlier;
  metrics::counter& repeated_too_often;
  metrics::gauge& open;

 private:
  std::map<std::string, metrics::counter*, std::less<>> refused_;  // a closed set, and "other"
};

/// What all rooms of a node share; it must outlive them.
struct room_dependencies {
  storage::chat_store& store;
  id_generator& ids;
  room_metrics& counters;
  audience_sink* audience = nullptr;  ///< may be null: nobody keeps figures
  std::string node;                   ///< whose chat_log/NODE commits
  room_settings settings;
};

}  // namespace troupe::chat
