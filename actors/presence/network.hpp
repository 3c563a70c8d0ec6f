// SPDX-License-Identifier: GPL-3.0-or-later
// Which addresses are one subscriber's. Thread: pure.
#pragma once

#include <string>
#include <string_view>

namespace troupe::presence {

/// The bytes of an IPv4 address, or of the first half of an IPv6 one: a /64 is what one subscriber
/// gets. An IPv4-mapped IPv6 address counts as its IPv4 address; what is no address stays as it is.
std::string network_of(std::string_view address);

}  // namespace troupe::presence
