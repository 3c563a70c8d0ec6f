// SPDX-License-Identifier: GPL-3.0-or-later
// What a stream's new activation does before it serves: it looks for the node that has most of the
// stream's media, has it sent here, and puts it into this node's cache. Nodes that are silent are
// waited for half a second; what cannot be had is done without. Thread: of the stream's entity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/stream/stream_replica.hpp"

namespace troupe::stream {

class restoration : public std::enable_shared_from_this<restoration> {
 public:
  using callback = std::function<void(runtime::context&)>;

  restoration(stream_id stream, std::uint64_t epoch, const replication& r, callback done)
      : stream_(stream), epoch_(epoch), r_(r), done_(std::move(done)) {}

  /// enough: what this node has will do when it reaches to this segment; nothing: the others may
  /// have more.
  void start(runtime::context& ctx, std::optional<std::int64_t> enough);

 private:
  void described(runtime::context& ctx, const std::string& node,
                 const result<replica_facts>& there);
  void all_described(runtime::context& ctx);
  void finish(runtime::context& ctx);
  replica_facts own() const;

  const stream_id stream_;
  const std::uint64_t epoch_;
  const replication& r_;
  callback done_;
  std::size_t awaited_ = 0;
  std::string best_node_;
  replica_facts best_;
};

}  // namespace troupe::stream
