// SPDX-License-Identifier: GPL-3.0-or-later
// Whose an IP address is, as a number to count by. Thread: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace troupe {

/// One key per IPv4 address and per IPv6 /64, which is what one subscriber gets; an IPv4-mapped
/// IPv6 address counts as its IPv4 address. What is no address shares one key.
std::uint64_t address_key(std::string_view address);

/// The IPv6 /48 that an address_key() lies in, which is what a site gets; nothing for IPv4.
std::optional<std::uint64_t> block_key(std::uint64_t address_key);

}  // namespace troupe
