// SPDX-License-Identifier: GPL-3.0-or-later
#include "net/ws/fanout.hpp"

#include <algorithm>
#include <numeric>

namespace troupe::ws {

void fanout::publish(user_id room, std::vector<chat::broadcast> what) {
  std::vector<std::shared_ptr<hub>> to;
  {
    const std::lock_guard lock(mutex_);
    const auto at = rooms_.find(room);
    if (at == rooms_.end()) {
      return;
    }
    for (std::size_t i = 0; i < hubs_.size(); ++i) {
      if (at->second[i] != 0) {
        to.push_back(hubs_[i]);
      }
    }
  }
  if (to.empty() || what.empty()) {
    return;
  }
  auto framed_once = std::make_shared<std::vector<framed>>();
  framed_once->reserve(what.size());
  std::ranges::transform(what, std::back_inserter(*framed_once), make_framed);
  for (const auto& h : to) {
    h->deliver(room, framed_once);
  }
}

std::size_t fanout::listeners(user_id room) const {
  const std::lock_guard lock(mutex_);
  const auto at = rooms_.find(room);
  return at == rooms_.end() ? 0
                            : std::accumulate(at->second.begin(), at->second.end(), std::size_t{0});
}

void fanout::attach(std::vector<std::shared_ptr<hub>> hubs) {
  const std::lock_guard lock(mutex_);
  hubs_ = std::move(hubs);
}

void fanout::detach() {
  std::vector<std::shared_ptr<hub>> gone;
  const std::lock_guard lock(mutex_);
  gone.swap(hubs_);
}

void fanout::count(user_id room, std::size_t hub, int change) {
  const std::lock_guard lock(mutex_);
  auto& here = rooms_[room];
  here.resize(std::max(here.size(), std::max(hubs_.size(), hub + 1)));
  here[hub] = static_cast<std::uint32_t>(static_cast<int>(here[hub]) + change);
  if (std::ranges::all_of(here, [](auto n) { return n == 0; })) {
    rooms_.erase(room);
  }
}

}  // namespace troupe::ws
