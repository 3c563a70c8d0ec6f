// SPDX-License-Identifier: GPL-3.0-or-later
// One message on its way to an entity, and where its answer goes. Thread: immutable once sent,
// but for its sender (via), which has its own lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "runtime/message.hpp"

namespace troupe::runtime::detail {

class reply_path;

class command {
 public:
  explicit command(const message_type& type) : type_(type) {}

  virtual ~command() = default;
  command(const command&) = delete;
  command& operator=(const command&) = delete;

  const message_type& type() const { return type_; }

  virtual const void* body() const = 0;

  /// Set once by the lane that numbers it, or where it comes in from another node; none for timers.
  std::shared_ptr<reply_path> via;
  std::uint64_t number = 0;
  /// Written under the lane's lock. 0: it has not left this node; else 1 + the epoch it was first
  /// sent to another node under.
  std::atomic<std::uint64_t> sent_under{0};

 private:
  const message_type& type_;
};

template <message M>
class typed_command final : public command {
 public:
  explicit typed_command(M m) : command(type_of<M>()), message_(std::move(m)) {}

  const void* body() const override { return &message_; }

 private:
  const M message_;
};

using command_ptr = std::shared_ptr<command>;
using answer_callback = std::move_only_function<void(erased_answer)>;

}  // namespace troupe::runtime::detail
