// SPDX-License-Identifier: GPL-3.0-or-later
// An I/O thread as the parts of net/ws see it. Thread: see each.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"

namespace troupe::ws {

class loop {
 public:
  using job = std::move_only_function<void()>;

  virtual ~loop() = default;
  /// From any thread.
  virtual void post(job j) = 0;
  virtual bool is_current() const = 0;
  /// Not called once the handle is gone. Only on the loop's thread.
  virtual std::shared_ptr<void> after(duration delay, job j) = 0;
};

}  // namespace troupe::ws
