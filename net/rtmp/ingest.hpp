// SPDX-License-Identifier: GPL-3.0-or-later
// The RTMP ingest edge: what every ingest session of a node shares, and which connection publishes
// which stream. Thread: make_session() on I/O threads; active() from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/account/accounts.hpp"
#include "actors/stream/messages.hpp"
#include "actors/stream/streams.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/repeat_filter.hpp"
#include "net/asio/tcp_connection.hpp"
#include "net/rtmp/allowance.hpp"
#include "runtime/entities.hpp"

namespace troupe::rtmp {

struct ingest_settings {
  std::size_t streams_total = 200;              ///< 0: no limit
  std::int64_t bitrate_limit_bps = 50'000'000;  ///< per stream, over 10 s; 0: no limit
  std::size_t window_bytes =
      std::size_t{64} * 1024 * 1024;  ///< of one stream's frames held (see frame_window)
  duration publish_deadline =
      std::chrono::seconds(10);                 ///< from the connection to the publish command
  duration silence = std::chrono::seconds(30);  ///< a publisher that sends nothing is gone
};

struct ingest_metrics {
  explicit ingest_metrics(metrics& m);

  metrics::gauge& publishers;
  metrics::gauge& held_bytes;
  metrics::counter& bytes_in;
  metrics::counter& refused;
  metrics::counter& protocol_errors;
  metrics::counter& dropped_frames;
  metrics::counter& repaired_frames;
  metrics::counter& replays;
  metrics::counter& pings;
  metrics::counter& quiet;
};

/// What one user's connections share, so that connecting anew is no way round a limit. Thread: any.
class publisher_account {
 public:
  /// Encoders come back every few seconds at the fastest, also many of one user.
  bool begin(steady_time now) {
    const std::lock_guard lock(mutex_);
    last_used_ = now;
    return turns_.take(now);
  }

  bool spend(std::size_t bytes, std::int64_t limit_bps, steady_time now) {
    const std::lock_guard lock(mutex_);
    last_used_ = now;
    return bytes_.take(bytes, limit_bps, now);
  }

  bool is_unused_since(steady_time t) const {
    const std::lock_guard lock(mutex_);
    return last_used_ < t;
  }

 private:
  mutable std::mutex mutex_;
  turn_allowance turns_{30, std::chrono::seconds(2)};
  byte_allowance bytes_{std::chrono::seconds(10)};
  steady_time last_used_{};
};

/// What sessions borrow; all of it must outlive them.
struct ingest_dependencies {
  account::accounts& accounts;
  stream::streams& streams;
  runtime::entities& entities;
  id_generator& ids;
  const clock& time;
  metrics& counters;
};

class ingest {
 public:
  ingest(ingest_settings s, const ingest_dependencies& d);

  /// For tcp_server.
  std::unique_ptr<net::tcp_session> make_session(
      const std::shared_ptr<net::tcp_connection>& connection);

  const ingest_settings settings;
  const ingest_dependencies needs;
  ingest_metrics counters;

  /// The newest connection of a stream wins: an older one on this node is told and closed. False
  /// when the node has as many publishers as it may.
  bool enter(stream_id stream, const std::shared_ptr<net::tcp_connection>& connection);
  void leave(stream_id stream, const net::tcp_connection* connection);

  std::shared_ptr<publisher_account> account_of(user_id user);

  /// What an encoder did wrong, for the log: once per address, kind and half minute, then with how
  /// often it was kept quiet. kind: "refused", "protocol error", …
  void complain(log::level level, std::string_view kind, const std::string& remote,
                stream_id stream, std::string_view what);

 private:
  void forget_unused_accounts();

  repeat_filter complaints_;

  std::mutex mutex_;
  /// Of users who published within the last minutes; who has not gets a full allowance anyway.
  std::unordered_map<user_id, std::shared_ptr<publisher_account>> accounts_;
  std::unordered_map<stream_id, std::weak_ptr<net::tcp_connection>>
      publishers_;  // bounded by streams_total
};

}  // namespace troupe::rtmp
