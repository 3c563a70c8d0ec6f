// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/address_key.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstddef>
#include <string>

namespace troupe {

namespace {

template <std::size_t Size>
std::uint64_t big_endian(const std::array<std::uint8_t, Size>& octets, std::size_t from,
                         std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = from; i < from + count; ++i) {
    value = (value << 8) | octets[i];
  }
  return value;
}

}  // namespace

std::uint64_t address_key(std::string_view address) {
  // ffff:a.b.c.d, where IPv4-mapped addresses have it; no IPv6 /64 in use begins with 0:ffff.
  constexpr std::uint64_t ipv4_tag = 0xffffULL << 32;
  const std::string text(address.substr(0, INET6_ADDRSTRLEN));  // inet_pton wants the NUL
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) {
    return ipv4_tag | big_endian(v4, 0, 4);
  }
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) != 1) {
    return 0;
  }
  const bool is_mapped = big_endian(v6, 0, 8) == 0 && big_endian(v6, 8, 4) == 0xffff;
  return is_mapped ? ipv4_tag | big_endian(v6, 12, 4) : big_endian(v6, 0, 8);
}

std::optional<std::uint64_t> block_key(std::uint64_t address_key) {
  const bool is_ipv6 = address_key != 0 && address_key >> 32 != 0xffff;
  return is_ipv6 ? std::optional(address_key >> 16) : std::nullopt;
}

}  // namespace troupe
