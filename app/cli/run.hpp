// SPDX-License-Identifier: GPL-3.0-or-later
// From arguments to an exit code: 0 done, 1 refused or failed, 2 wrong arguments or configuration,
// 3 no node answers. Results go to standard output, everything else to standard error.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "app/config.hpp"

namespace troupe::cli {

/// Runs the node until it is told to end; the exit code of the program.
using serve_function = std::function<int(const app::config&, const app::node_config&)>;

struct streams {
  std::istream& in;  ///< passwords
  std::ostream& out;
  std::ostream& err;
};

/// arguments: without the program's name.
int run(std::vector<std::string> arguments, const serve_function& serve, streams io);

/// With the process's own streams: what main() calls.
int run(int argc, char** argv, const serve_function& serve);

}  // namespace troupe::cli
