// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps what a stream publishes on a second node too, its standby, and says which checkpoint may be
// acknowledged: frames before it are never needed again, whichever one node is lost. Where the
// encoder is connected to this very node its frames are lost with it, so a part is listed only when
// the standby has it. Which node: the encoder's, where that is another one; else the next in the
// stream's rendezvous order. A standby that is silent for a second is given up, and the stream goes
// on without, or with another. Thread: of the stream's entity; dies with it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/stream/stream_replica.hpp"
#include "media/checkpoint.hpp"

namespace troupe::stream {

class safekeeping {
 public:
  /// on_loss: what follows is on this node alone.
  safekeeping(stream_id stream, std::uint64_t epoch, const replication& r,
              std::function<void(runtime::context&)> on_loss);
  ~safekeeping();
  safekeeping(const safekeeping&) = delete;
  safekeeping& operator=(const safekeeping&) = delete;

  /// run: of the session that the frames come from.
  void publisher_is_at(std::uint64_t run);
  /// Into this node's cache, now or when the standby has it; all that is given, in order.
  void publish(runtime::context& ctx, std::vector<media::output> outputs);
  /// What is held back goes into the cache now.
  void release();

  /// Of those published: the newest that may be acknowledged.
  const std::optional<media::checkpoint>& safe() const { return safe_; }

  /// Chooses a standby where there is none, or the one there was has gone. To be called every
  /// second. reached: the stream's newest checkpoint.
  void look_after(runtime::context& ctx, const std::optional<media::checkpoint>& reached);
  /// Gives that node everything, too; answered when it has it, or cannot.
  runtime::later<void> prepare_move(runtime::context& ctx, const std::string& node);

  /// The stream is over.
  void end(runtime::context& ctx);

  /// Another node has all that is listed here and acknowledged.
  bool is_protected() const { return standby_ && standby_->has_caught_up(); }

 private:
  struct batch {
    std::uint64_t number = 0;  ///< for the standby
    std::vector<media::output> held;
    std::optional<media::checkpoint> reached;
  };

  std::optional<std::string> choose(const runtime::view& view) const;
  bool is_there(const runtime::view& view, const std::string& node) const;
  void engage(runtime::context& ctx, const std::string& node);
  void arrived(std::uint64_t number);
  void lose(runtime::context& ctx, const error& why);
  void drop_standby();
  void publish_now(const std::vector<media::output>& outputs);
  void count();
  bool must_hold() const;

  const stream_id stream_;
  const std::uint64_t epoch_;
  const replication& r_;
  const std::function<void(runtime::context&)> on_loss_;
  std::uint64_t publisher_run_ = 0;
  std::shared_ptr<replica_copier> standby_;
  std::shared_ptr<replica_copier> next_owner_;
  std::optional<runtime::promise<void>> prepared_;
  std::deque<batch> open_;  // what the standby has not answered
  std::optional<media::checkpoint> newest_;
  std::optional<media::checkpoint> safe_;
  std::string given_up_;  // the standby that was lost last
  steady_time try_again_{};
  steady_time prepared_at_{};
  bool is_running_ = false;  // it is looked after
  bool is_counted_ = false;  // as unprotected
};

}  // namespace troupe::stream
