// SPDX-License-Identifier: GPL-3.0-or-later
// Single byte ranges (RFC 9110, 14) over bodies made of several buffers. Pure functions; any
// thread.
#pragma once

#include <string_view>

#include "net/http/message.hpp"

namespace troupe::http {

/// Turns a 200 whose body is complete into the 206 or 416 that a Range header asks for. What is not
/// one well-formed byte range is ignored, as the RFC allows. No byte is copied.
void apply_range(response& whole, std::string_view range_header);

}  // namespace troupe::http
