// SPDX-License-Identifier: GPL-3.0-or-later
// What was answered to the nonces of the last 10 minutes, so that a repeated message is said once.
// Bounded: beyond it the oldest go, which put() tells. Thread: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/chat/messages.hpp"
#include "base/clock.hpp"

namespace troupe::chat {

constexpr auto nonce_kept = std::chrono::minutes(10);  // docs/chat-protocol.md

class nonce_table {
 public:
  struct entry {
    std::string digest;
    /// Nothing: said, and not durable yet.
    std::optional<posted> answer;
    wall_time created_at;
  };

  explicit nonce_table(std::size_t limit) : limit_(limit) {}

  /// Valid until the next put() or remove().
  entry* find(std::string_view session, std::string_view nonce, wall_time now);
  /// Answers how many had to go before their time.
  std::size_t put(std::string_view session, std::string_view nonce, entry e);
  void remove(std::string_view session, std::string_view nonce);

  std::size_t size() const { return entries_.size(); }

 private:
  struct numbered : entry {
    std::uint64_t number = 0;  // to tell it from a later one under the same name
  };

  struct aged {
    std::string key;
    std::uint64_t number = 0;
    wall_time created_at;
  };

  void forget_old(wall_time now);

  std::size_t limit_;
  std::uint64_t numbers_ = 0;
  std::unordered_map<std::string, numbered> entries_;
  std::deque<aged> by_age_;
};

/// Tells one text from another: of the user, the reply and the text as it came.
std::string digest_of(user_id user, id reply_to, std::string_view text);

}  // namespace troupe::chat
