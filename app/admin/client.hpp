// SPDX-License-Identifier: GPL-3.0-or-later
// The command line's side of the admin service. Every call blocks, with a deadline: unavailable
// when no node runs, deadline_exceeded when it does not answer in time.
// Thread: one thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/admin/calls.hpp"
#include "base/result.hpp"

namespace troupe::admin {

class client {
 public:
  virtual ~client() = default;
  virtual result<node_status> status() = 0;
  virtual result<std::vector<tree_line>> tree() = 0;
  virtual result<location> where(const std::string& name) = 0;
  virtual result<moved> move(const std::string& name, const std::string& node) = 0;
  virtual result<drained> drain(const std::string& node) = 0;
  virtual result<created_user> create_user(const wanted_user& wanted) = 0;
  virtual result<void> set_password(const std::string& username, const std::string& password) = 0;
  virtual result<signing_key> rotate_token_key(bool ends_older) = 0;
};

/// Opens nothing yet: the first call does. timeout: of each call.
std::unique_ptr<client> make_client(const std::filesystem::path& socket,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(20));

}  // namespace troupe::admin
