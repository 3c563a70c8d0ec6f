// SPDX-License-Identifier: GPL-3.0-or-later
// Chat sockets, put together for one node: viewer sessions and the edge that opens them.
// Thread: add_kind() before the first message, open() at start-up; the rest as the parts have it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "actors/presence/presence.hpp"
#include "actors/viewer/viewer_session.hpp"
#include "app/config.hpp"
#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/result.hpp"
#include "net/asio/io_threads.hpp"
#include "net/ws/chat_edge.hpp"
#include "runtime/entities.hpp"

namespace troupe::app {

/// All of it must live longer.
struct viewer_needs {
  runtime::entities& entities;
  account::accounts& accounts;
  stream::streams& streams;
  presence::presence* presence = nullptr;
  ws::fanout& sockets;
  const clock& time;
  metrics& counters;
};

class viewer_parts {
 public:
  /// store must live longer.
  viewer_parts(std::string node, std::uint64_t incarnation, storage::chat_store& store)
      : needs_{std::move(node), store}, incarnation_(incarnation) {}

  void add_kind(runtime::entities& entities) const;

  /// data: where master.key is, whose children sign resume tokens. Errors: of that file.
  result<void> open(const viewer_needs& n, net::io_threads& threads, const limits_config& limits,
                    const std::filesystem::path& data);

  /// After open().
  ws::chat_edge& edge() { return *edge_; }

 private:
  const viewer::dependencies needs_;
  const std::uint64_t incarnation_;
  std::unique_ptr<ws::chat_edge> edge_;
};

}  // namespace troupe::app
