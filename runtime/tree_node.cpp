// SPDX-License-Identifier: GPL-3.0-or-later
#include "runtime/tree_node.hpp"

#include <spdlog/fmt/fmt.h>

namespace troupe::runtime {

namespace {

void append(std::string& out, const tree_node& node, std::size_t level) {
  out += fmt::format("{:{}}{}  {}  {}", "", level * 2, node.name, node.kind, node.state);
  if (node.restarts > 0) {
    out += fmt::format("  restarts={}", node.restarts);
  }
  if (node.mailbox > 0) {
    out += fmt::format("  waiting={}", node.mailbox);
  }
  out += '\n';
  for (const auto& child : node.children) {
    append(out, child, level + 1);
  }
}

}  // namespace

std::string to_text(const tree_node& root) {
  std::string out;
  append(out, root, 0);
  return out;
}

}  // namespace troupe::runtime
