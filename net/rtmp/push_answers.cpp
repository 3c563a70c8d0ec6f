// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/rtmp/push_answers.hpp"

#include <utility>

namespace troupe::rtmp {

bool push_answers::put(std::uint64_t opening, result<stream::resume_point> answer) {
  const std::lock_guard lock(mutex_);
  if (opening < waiting_.opening) {
    return false;
  }
  if (opening > waiting_.opening) {
    waiting_ = {.opening = opening, .count = 0, .reached = std::nullopt, .failure = std::nullopt};
  }
  ++waiting_.count;
  if (answer) {
    waiting_.reached = std::move(*answer);
  } else if (!waiting_.failure) {
    waiting_.failure = std::move(answer.error());
  }
  const bool is_due = waiting_.failure || waiting_.count >= patience_;
  return is_due && !std::exchange(is_woken_, true);
}

push_answers::summary push_answers::take() {
  const std::lock_guard lock(mutex_);
  is_woken_ = false;
  auto taken = std::exchange(waiting_, {});
  waiting_.opening = taken.opening;
  return taken;
}

}  // namespace troupe::rtmp
