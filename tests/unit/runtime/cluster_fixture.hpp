// SPDX-License-Identifier: GPL-3.0-or-later
// Three nodes with the sample behaviours, and what each node's activations were seen doing.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "runtime/placement_core.hpp"
#include "runtime/testing/cluster_bench.hpp"
#include "sample_behaviours.hpp"

namespace troupe::runtime::sample {

using testing::cluster_bench;

class sample_cluster : public cluster_bench {
  // With the factories: the nodes end after the members here.
  std::shared_ptr<std::map<std::string, observed>> kept_ =
      std::make_shared<std::map<std::string, observed>>();

 public:
  explicit sample_cluster(const kind_options& options = {.idle = 1min}) {
    for (const auto* node : {"a", "b", "c"}) {
      seen[node];
    }
    add<kept>(options);
    add<brief>(options);
    add<tabled>(options);
  }

  template <class B>
  void add(const kind_options& options) {
    add_kind_by_node<B>(
        [all = kept_](const std::string& node) {
          return [all, node](const entity_name&) { return std::make_unique<B>((*all)[node]); };
        },
        options);
  }

  std::map<std::string, observed>& seen = *kept_;

  int made() const {
    int sum = 0;
    for (const auto& [node, o] : seen) {
      sum += o.made;
    }
    return sum;
  }

  /// Applied, over all nodes and activations; those of one node in their order.
  std::multiset<std::int64_t> added() const {
    std::multiset<std::int64_t> all;
    for (const auto& [node, o] : seen) {
      all.insert(o.added.begin(), o.added.end());
    }
    return all;
  }

  /// The node that the view proposes while all are active.
  std::string proposed(const entity_name& name) const {
    view v{1, {}};
    for (const auto* node : {"a", "b", "c"}) {
      v.members.push_back({node, 1, member_state::active});
    }
    return propose_owner(v, name).value();
  }

  /// A name of the kind that the view proposes for that node.
  entity_name name_on(const std::string& node, const std::string& kind) const {
    for (int i = 0;; ++i) {
      entity_name name{kind, std::to_string(i)};
      if (proposed(name) == node) {
        return name;
      }
    }
  }
};

}  // namespace troupe::runtime::sample
