// SPDX-License-Identifier: GPL-3.0-or-later
// Says on this node that something was stored that the list of live streams shows, so that whoever
// follows the list need not wait for its next look. A hint: what is missed is seen at that look.
// Thread: any.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

namespace troupe::stream {

class list_signal {
 public:
  /// f must not block; once detach() has returned it is not called any more.
  void attach(std::function<void()> f) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(f);
  }

  void detach() { attach({}); }

  void raise() const {
    const std::lock_guard lock(mutex_);
    if (listener_) {
      listener_();
    }
  }

 private:
  mutable std::mutex mutex_;
  std::function<void()> listener_;
};

}  // namespace troupe::stream
