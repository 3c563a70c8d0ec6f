// SPDX-License-Identifier: GPL-3.0-or-later
// The request target (RFC 9112, 3.2) taken apart. One spelling per resource: what could mean
// another file behind another decoder is refused, not repaired. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace troupe::http {

struct target {
  std::string path;                                        ///< decoded, starts with '/'
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in order
};

/// Origin form ("/a?b=c") and absolute form ("http://host/a?b=c", whose host is ignored).
/// Errors: invalid_argument (invalid_target) for anything else, broken percent escapes, text that
/// is not UTF-8, control characters, backslashes, encoded slashes, empty, "." and ".." segments (a
/// slash at the end is fine), and more than 64 query parameters.
result<target> parse_target(std::string_view text);

}  // namespace troupe::http
