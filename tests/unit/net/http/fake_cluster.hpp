// SPDX-License-Identifier: GPL-3.0-or-later
// Nodes that are whatever the test says.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "net/http/cluster_control.hpp"

namespace troupe::http::testing {

class fake_cluster final : public cluster_control {
 public:
  cluster_facts all;
  std::vector<tree_item> items;
  result<entity_move> moved = entity_move{};
  result<void> drained;
  std::vector<std::string> asked;

  void facts(callback<cluster_facts> done) override { done(all); }

  void tree(callback<std::vector<tree_item>> done) override { done(items); }

  void move(std::string name, std::string node, callback<entity_move> done) override {
    asked.push_back("move " + name + " " + node);
    done(moved);
  }

  void drain(std::string node, callback<void> done) override {
    asked.push_back("drain " + node);
    done(drained);
  }
};

}  // namespace troupe::http::testing
