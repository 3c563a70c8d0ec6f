// SPDX-License-Identifier: GPL-3.0-or-later
#include "actors/chat/audience.hpp"

#include <algorithm>

namespace troupe::chat {

bool audience::report(const std::string& node, std::int64_t people, steady_time now) {
  if (people <= 0) {
    nodes_.erase(node);
    return true;
  }
  if (!nodes_.contains(node) && nodes_.size() >= node_limit_) {
    return false;
  }
  nodes_[node] = {people, now};
  return true;
}

std::int64_t audience::count(steady_time now) {
  std::erase_if(nodes_, [&](const auto& n) { return now - n.second.at >= silence_; });
  std::int64_t sum = 0;
  for (const auto& [name, node] : nodes_) {
    sum += std::min(node.people, largest_id - sum);  // a report is a peer's word: no overflow
  }
  return sum;
}

std::map<std::string, std::int64_t> audience::by_node() const {
  std::map<std::string, std::int64_t> all;
  for (const auto& [name, node] : nodes_) {
    all.emplace(name, node.people);
  }
  return all;
}

}  // namespace troupe::chat
