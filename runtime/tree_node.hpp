// SPDX-License-Identifier: GPL-3.0-or-later
// The supervision tree as data, for `troupe tree`. Thread: plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::runtime {

struct tree_node {
  std::string name;   ///< "troupe", "poll", "poll/7", "rtmp"
  std::string kind;   ///< supervisor, service, kind or entity
  std::string state;  ///< "running", "active", "backing_off", …
  std::uint64_t restarts = 0;
  std::uint64_t mailbox = 0;  ///< messages waiting; of all children for a kind
  std::vector<tree_node> children;
};

/// One line a node, indented by two spaces a level.
std::string to_text(const tree_node& root);

}  // namespace troupe::runtime
