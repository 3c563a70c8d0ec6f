// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/presence/network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace troupe::presence {

std::string network_of(std::string_view address) {
  constexpr std::size_t half = 8;
  constexpr std::array<char, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
  const std::string text(address.substr(0, INET6_ADDRSTRLEN));  // inet_pton wants the NUL
  std::array<char, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) {
    return {v4.begin(), v4.end()};
  }
  std::array<char, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) != 1) {
    return std::string(address);
  }
  if (std::equal(mapped.begin(), mapped.end(), v6.begin())) {
    return {v6.begin() + mapped.size(), v6.end()};
  }
  return {v6.begin(), v6.begin() + half};
}

}  // namespace troupe::presence
