// SPDX-License-Identifier: GPL-3.0-or-later
// The cluster as the API shows it to administrators: what the admin service answers operators, in
// the API's terms. The calls are made after the API is, so they come later.
// Thread: set_calls() once; the rest from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/admin/calls.hpp"
#include "net/http/cluster_control.hpp"

namespace troupe::app {

class cluster_page final : public http::cluster_control {
 public:
  void set_calls(admin::calls c);
  /// The calls are not to be used any more: what they need goes.
  void end();

  void facts(callback<http::cluster_facts> done) override;
  void tree(callback<std::vector<http::tree_item>> done) override;
  void move(std::string name, std::string node, callback<http::entity_move> done) override;
  void drain(std::string node, callback<void> done) override;

 private:
  std::shared_ptr<const admin::calls> calls() const;

  mutable std::mutex mutex_;
  std::shared_ptr<const admin::calls> calls_;  // guarded
};

}  // namespace troupe::app
