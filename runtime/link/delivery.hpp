// SPDX-License-Identifier: GPL-3.0-or-later
// Between gRPC's threads and the link's handlers: none runs before open() or after close(), news of
// a peer's state comes in order. And a count of what gRPC still holds, so that the end of a link
// can wait for it. Thread: any.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/link/link.hpp"

namespace troupe::runtime::detail {

class link_delivery {
 public:
  void open(link::handlers h);
  bool is_open() const;
  /// Returns when no handler runs any more. Not from a handler.
  void close();

  void received(std::string_view from, link_stream on, std::vector<envelope> what);

  /// Puts the news in line, under whatever lock orders it; tell() then, without that lock, hands
  /// out what is in line, unless another thread does it already.
  void queue(std::string node, peer_state now);
  void tell();

 private:
  bool enter();
  void leave();

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  link::handlers handlers_;  // set once, by open()
  bool is_open_ = false;
  std::size_t running_ = 0;
  bool is_telling_ = false;
  std::deque<std::pair<std::string, peer_state>> news_;
};

/// Counts calls and timers from their start until gRPC is done with them.
class live_count {
 public:
  /// Held by what is counted. Goes last.
  class token {
   public:
    explicit token(std::shared_ptr<live_count> count);
    ~token();
    token(const token&) = delete;
    token& operator=(const token&) = delete;

   private:
    std::shared_ptr<live_count> count_;
  };

  void wait_for_none();

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

}  // namespace troupe::runtime::detail
