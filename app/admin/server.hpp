// SPDX-License-Identifier: GPL-3.0-or-later
// The admin service: answers the command line over the Unix socket DATA/NAME.sock, which only the
// user running Troupe may open (mode 0600).
// Thread: start() and the destructor from one thread; calls run on gRPC's threads.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/admin/calls.hpp"
#include "base/result.hpp"

namespace troupe::admin {

std::filesystem::path socket_path(const std::filesystem::path& data, const std::string& node);

class server {
 public:
  virtual ~server() = default;

  /// Refuses new calls, gives running ones a second, removes the socket. The destructor does it
  /// too.
  virtual void stop() = 0;
};

/// A socket left by a dead process is replaced; conflict when a living one answers on it.
/// c: must stay callable until stop() has returned.
result<std::unique_ptr<server>> start_server(const std::filesystem::path& socket, calls c);

}  // namespace troupe::admin
