// SPDX-License-Identifier: GPL-3.0-or-later
#include "network.hpp"

namespace troupe::simulation {

network::door network::knock(const std::string& from, const std::string& to) const {
  const auto found = doors_.find(to);
  if (found == doors_.end() || !carries(from, to) || !carries(to, from)) {
    return door::silent;
  }
  return found->second;
}

void network::send(const std::string& from, const std::string& to,
                   const std::function<void()>& deliver) {
  if (!carries(from, to)) {
    return;
  }
  const int copies = world_.chance(weather_.twice) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (world_.chance(weather_.loss)) {
      continue;
    }
    world_.after(world_.between(weather_.least, weather_.most), [this, from, to, deliver] {
      const auto found = doors_.find(to);
      if (carries(from, to) && found != doors_.end() && found->second == door::open) {
        deliver();
      }
    });
  }
}

}  // namespace troupe::simulation
